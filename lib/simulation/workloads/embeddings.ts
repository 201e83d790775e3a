/**
 * Look-ups in the embedding tables of a recommendation model: half the rows are used once, few are used hundreds of
 * times. Shares are those of Meta's published traces of 2021 (887 million look-ups, 6.9 for each distinct row).
 */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { SplitMix64 } from './split-mix.ts';

/** Share of the rows, and how often each of them is used. The last is what the published mean leaves. */
const classes: readonly (readonly [share: number, uses: number])[] = [
  [0.473, 1],
  [0.152, 2],
  [0.139, 3.5],
  [0.112, 6.5],
  [0.072, 12.5],
  [0.032, 24.5],
  [0.011, 48.5],
  [0.005, 96.5],
  [0.004, 550],
];

/** Settings of {@link Embeddings}. */
export interface EmbeddingsSettings {
  readonly seed: number;
  /** Rows of all tables. */
  readonly unitCount: number;
  readonly sizeBytes: number;
}

/** Independent look-ups; rows of a class are scattered over the tables. */
export class Embeddings implements AccessGenerator {
  readonly unitCount: number;
  readonly #sizeBytes: number;
  readonly #random: SplitMix64;
  readonly #row: Uint32Array;
  /** First row of each class in `#row`, and the end of the last. */
  readonly #first: number[] = [0];
  /** Share of the look-ups in each class and the ones before it. */
  readonly #upTo: number[] = [];

  constructor({ seed, unitCount, sizeBytes }: EmbeddingsSettings) {
    this.unitCount = unitCount;
    this.#sizeBytes = sizeBytes;
    this.#random = new SplitMix64(seed);
    this.#row = Uint32Array.from({ length: unitCount }, (_, i) => i);
    for (let i = unitCount - 1; i > 0; i--) {
      const other = this.#random.next().below(i + 1);
      [this.#row[i], this.#row[other]] = [this.#row[other], this.#row[i]];
    }
    let share = 0;
    let lookUps = 0;
    for (const [rows, uses] of classes) {
      share += rows;
      lookUps += rows * uses;
      this.#first.push(Math.min(unitCount, Math.round(unitCount * share)));
      this.#upTo.push(lookUps);
    }
    this.#first[classes.length] = unitCount;
    for (let i = 0; i < classes.length; i++) this.#upTo[i] /= lookUps;
  }

  sizeOf(_key: number): number {
    return this.#sizeBytes;
  }

  step(rows: AccessRows): void {
    const draw = this.#random.next().unit();
    let at = 0;
    while (draw >= this.#upTo[at] && at < classes.length - 1) at++;
    const count = this.#first[at + 1] - this.#first[at];
    const row = this.#first[at] + this.#random.next().below(Math.max(1, count));
    rows.add(this.#row[Math.min(row, this.unitCount - 1)], this.#sizeBytes, 0);
  }
}
