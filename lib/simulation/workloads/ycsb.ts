/**
 * The core workloads A to F of YCSB (Cooper et al., SoCC 2010). Keys are in order of insertion; popular ones are
 * scattered over them by hash.
 */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { SplitMix64 } from './split-mix.ts';
import { Scramble, ZipfRanks } from './zipf.ts';

/** Letters of the core workloads. */
export const ycsbLetters = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** One of {@link ycsbLetters}. */
export type YcsbLetter = (typeof ycsbLetters)[number];

/** What happens besides reads, as shares of the operations. */
interface Mix {
  readonly update: number;
  readonly insert: number;
  readonly scan: number;
  /** A read and a write of the same record. */
  readonly modify: number;
  /** Reads prefer the newest records instead of a fixed popular set. */
  readonly latest: boolean;
}

const readOnly: Mix = { update: 0, insert: 0, scan: 0, modify: 0, latest: false };
const mixes: Readonly<Record<YcsbLetter, Mix>> = {
  a: { ...readOnly, update: 0.5 },
  b: { ...readOnly, update: 0.05 },
  c: readOnly,
  d: { ...readOnly, insert: 0.05, latest: true },
  e: { ...readOnly, insert: 0.05, scan: 0.95 },
  f: { ...readOnly, modify: 0.5 },
};

const longestScan = 100;

/** Settings of {@link Ycsb}. */
export interface YcsbSettings {
  readonly letter: YcsbLetter;
  /** Records at the start. */
  readonly unitCount: number;
  readonly sizeBytes: number;
  readonly seed: number;
  readonly theta: number;
}

/** One of the six mixes. */
export class Ycsb implements AccessGenerator {
  readonly unitCount: number;
  readonly #sizeBytes: number;
  readonly #mix: Mix;
  readonly #random: SplitMix64;
  readonly #ranks: ZipfRanks;
  readonly #scramble: Scramble;
  #records: number;

  constructor({ letter, unitCount, sizeBytes, seed, theta }: YcsbSettings) {
    this.unitCount = unitCount;
    this.#sizeBytes = sizeBytes;
    this.#mix = mixes[letter];
    this.#random = new SplitMix64(seed);
    this.#ranks = new ZipfRanks(unitCount, theta);
    this.#scramble = new Scramble(unitCount);
    this.#records = unitCount;
  }

  sizeOf(_key: number): number {
    return this.#sizeBytes;
  }

  step(rows: AccessRows): void {
    const { insert, scan, update, modify } = this.#mix;
    const bytes = this.#sizeBytes;
    const draw = this.#random.next().unit();
    if (draw < insert) {
      rows.add(this.#records++, bytes, 1);
      return;
    }
    const key = this.#popular();
    if (draw < insert + scan) {
      const length = 1 + this.#random.next().below(longestScan);
      const end = Math.min(this.#records, key + length);
      for (let at = key; at < end; at++) rows.add(at, bytes, 0);
      return;
    }
    if (draw < insert + scan + update) {
      rows.add(key, bytes, 1);
      return;
    }
    rows.add(key, bytes, 0);
    if (draw < insert + scan + update + modify) rows.add(key, bytes, 1);
  }

  #popular(): number {
    const rank = this.#ranks.rank(this.#random.next().unit());
    return this.#mix.latest ? this.#records - 1 - rank : this.#scramble.key(rank);
  }
}
