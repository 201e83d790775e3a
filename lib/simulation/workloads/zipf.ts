/** Zipf's distribution as YCSB draws it, so that streams can be compared with those of others. */

import { SplitMix64 } from './split-mix.ts';

/** Ranks 0 to `count` - 1, of which rank i has a weight of about (i + 1)^-theta. */
export class ZipfRanks {
  readonly count: number;
  readonly #zeta: number;
  readonly #second: number;
  readonly #alpha: number;
  readonly #eta: number;

  /**
   * Sums `count` powers once.
   *
   * @param theta - above 0 and not 1, at which the formula divides by zero
   */
  constructor(count: number, theta: number) {
    let zeta = 0;
    for (let i = 1; i <= count; i++) zeta += i ** -theta;
    const zetaOfTwo = 1 + 0.5 ** theta;
    this.count = count;
    this.#zeta = zeta;
    this.#second = zetaOfTwo;
    this.#alpha = 1 / (1 - theta);
    // Two items or fewer never get as far as the power.
    this.#eta = count > 2 ? (1 - (2 / count) ** (1 - theta)) / (1 - zetaOfTwo / zeta) : 0;
  }

  /** The rank of a number in [0, 1) (Gray et al., "Quickly generating billion-record databases", SIGMOD 1994). */
  rank(unit: number): number {
    const scaled = unit * this.#zeta;
    if (scaled < 1 || this.count === 1) return 0;
    if (scaled < this.#second || this.count === 2) return 1;
    const rank = Math.floor(this.count * (this.#eta * unit - this.#eta + 1) ** this.#alpha);
    // Rounding of the power can end one above.
    return rank < this.count ? rank : this.count - 1;
  }
}

/** Scatters ranks over `count` keys by hash: hot keys are no neighbours. Some keys get two ranks, others none. */
export class Scramble {
  readonly #count: number;
  readonly #hash: SplitMix64 = new SplitMix64(0);

  constructor(count: number) {
    this.#count = count;
  }

  key(rank: number): number {
    return this.#hash.reset(rank).next().below(this.#count);
  }
}
