/** How often properties are tried: seldom in every run of the tests, and as often as somebody has time for. */

import fc from 'fast-check';

const asked = process.env.MEMTIERS_PROPERTY_RUNS ?? '';
const [runs, seed] = asked.split(':').map(Number);
const isAsked = asked !== '';
if (isAsked && !(runs >= 1 && (seed === undefined || Number.isInteger(seed)))) {
  throw new RangeError(`MEMTIERS_PROPERTY_RUNS must be RUNS or RUNS:SEED, not "${asked}"`);
}

/** For the tests whose properties are tried as often as is asked for: none is too slow then. */
export const propertyTests: { readonly timeout?: number } = isAsked ? { timeout: 0 } : {};

/** Parameters of a property that is tried `usual` times, unless `MEMTIERS_PROPERTY_RUNS=RUNS[:SEED]` says otherwise. */
export function propertyRuns(usual: number): { readonly numRuns: number; readonly seed: number } {
  // A number that fast-check takes, so that what failed can be had again with it.
  const one = seed ?? (Date.now() ^ (Math.random() * 2 ** 31)) | 0;
  return { numRuns: isAsked ? runs : usual, seed: one };
}

/** Says what a property has done, where somebody has asked for it. */
export function sayFigures(
  what: string,
  { numRuns, seed: used }: { readonly numRuns: number; readonly seed: number },
  figures: Readonly<Record<string, number>>,
): void {
  if (!isAsked) return;
  const all = Object.entries(figures).map(([name, figure]) => `${figure} ${name}`);
  process.stdout.write(`${what}: ${numRuns} runs of seed ${used}: ${all.join(', ')}\n`);
}

/** Whether a property failed before: then what is tried is made smaller, and must depend on nothing before it. */
export class Shrinking {
  #is = false;

  get is(): boolean {
    return this.#is;
  }

  /** Passes on what `body` does, and remembers that it failed. */
  async watch<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof fc.PreconditionFailure)) this.#is = true;
      throw error;
    }
  }
}
