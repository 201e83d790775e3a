/**
 * Finds the sampling rate at which a given number of keys is sampled, in one pass and bounded memory: the
 * fixed-size side of SHARDS (Waldspurger et al., FAST 2015). There the threshold falls during the one pass, and
 * what was counted before is rescaled; a workload here can be played twice, so the second pass counts at the final
 * rate and there is nothing to rescale.
 */

import { hashRange } from './key-hash.ts';

const empty = 0;

/** The distinct hashes below a threshold that falls when there are too many. */
export class SampleThreshold {
  readonly #maxKeys: number;
  readonly #slots: Uint32Array;
  readonly #mask: number;
  #count = 0;
  #threshold: number;

  /**
   * @param maxKeys - keys the sample may have; memory is 16 bytes each, rounded up to a power of two
   * @param rate - share of the keys to begin with, above 0 and at most 1
   */
  constructor(maxKeys: number, rate = 1) {
    this.#maxKeys = maxKeys;
    // Twice the keys before the threshold falls, in a table at most half full.
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(4, maxKeys * 4))));
    this.#mask = this.#slots.length - 1;
    this.#threshold = Math.max(1, Math.round(hashRange * rate));
  }

  /** Notes a key by its hash. */
  add(hash: number): void {
    if (hash >= this.#threshold || !this.#insert(hash)) return;
    if (this.#count > 2 * this.#maxKeys) this.#lower();
  }

  /**
   * Keys whose hash is below this number are the sample; {@link hashRange} when all keys fit. Two keys with one
   * 32-bit hash count as one: the sample can exceed `maxKeys` by that, some hundredths of a per cent.
   */
  finish(): number {
    if (this.#count > this.#maxKeys) this.#lower();
    return this.#threshold;
  }

  #insert(hash: number): boolean {
    // 0 marks an empty slot; hash 0 is counted as hash 1.
    const value = hash === empty ? 1 : hash;
    let slot = Math.imul(value, 0x9e3779b1) & this.#mask;
    for (;;) {
      const found = this.#slots[slot];
      if (found === value) return false;
      if (found === empty) break;
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[slot] = value;
    this.#count++;
    return true;
  }

  /** Keeps the `maxKeys` lowest hashes. */
  #lower(): void {
    const hashes = this.#slots.filter((value) => value !== empty).sort();
    this.#threshold = hashes[this.#maxKeys];
    this.#slots.fill(empty);
    this.#count = 0;
    for (let i = 0; i < this.#maxKeys; i++) this.#insert(hashes[i]);
  }
}
