/** Running the target's housekeeping as far as there are bytes and time for it. */

import type { Slices } from '../slices.ts';
import type { CaughtErrors } from './caught-errors.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** Share of a round's bytes that tidying gets before moves. */
export const tidyShareOfBytes = 0.25;
/** Share of the main thread that it takes in the background. */
const tidyShareOfTime = 0.1;

/** What {@link Tidying} works with; the engine's own. */
export interface TidyingParts {
  readonly slices: Slices;
  readonly limiter: RateLimiter;
  readonly errors: CaughtErrors;
  readonly nowNs: () => number;
}

/** Takes steps of housekeeping within the slices of the main thread. */
export class Tidying {
  readonly #parts: TidyingParts;
  /** When the background last tidied. */
  #lastNs: number;
  #evacuatedBytes = 0;

  constructor(parts: TidyingParts) {
    this.#parts = parts;
    this.#lastNs = parts.nowNs();
  }

  /** Bytes that housekeeping has copied so far. */
  get evacuatedBytes(): number {
    return this.#evacuatedBytes;
  }

  /** What the background may take now: a share of the time since the last time, and a slice at least. */
  backgroundNs(sliceNs: number): number {
    const sinceNs = this.#parts.nowNs() - this.#lastNs;
    this.#lastNs += sinceNs;
    return Math.max(sliceNs, sinceNs * tidyShareOfTime);
  }

  /** `false` when it was ended early by `enough`, which is told of bytes copied and time on this thread. */
  async run(
    work: Iterator<number>,
    enough: (copiedBytes: number, spentNs: number) => boolean,
  ): Promise<boolean> {
    const { slices, limiter, errors, nowNs } = this.#parts;
    let copied = 0;
    let spentNs = 0;
    try {
      while (!enough(copied, spentNs)) {
        if (slices.spent) await slices.yield();
        const startNs = nowNs();
        const step = work.next();
        spentNs += nowNs() - startNs;
        if (step.done === true) return true;
        copied += step.value;
        limiter.spend(step.value);
        this.#evacuatedBytes += step.value;
      }
      work.return?.();
      return false;
    } catch (error) {
      errors.note(error);
      return true;
    }
  }
}
