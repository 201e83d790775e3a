/**
 * Prices of room, constant over blocks of a log, and the room taken at them. They are kept as premiums: what a byte of
 * a tier costs more than one of the next. Tiers a hundred times apart in latency have premiums that are, too, and an
 * ascent in premiums does not have to undo in one tier what it did in another. The last tier is unbounded and free.
 */

import type { ModelledTier } from '../modelled-store.ts';

/** Prices are nanoseconds a byte and row; room is taken row by row. Cells are by tier, then block. */
export class CapacityPrices {
  /** Tiers whose room has a price. */
  readonly tiers: number;
  readonly blocks: number;
  readonly #blocksPerRow: number;
  /** First row of each block, and the end of the log. */
  readonly #start: Uint32Array;
  /** One cell more a tier than there are blocks, for the end of the log. */
  readonly #price: Float64Array;
  /** What a byte costs from the start of the log to the start of the block. */
  readonly #until: Float64Array;
  /** Bytes × rows in a block, besides those of `#change`. */
  readonly #partly: Float64Array;
  /** Bytes that are taken from this block on. */
  readonly #change: Float64Array;
  readonly #capacityBytes: Float64Array;

  /** All premiums are 0. */
  constructor(tiers: readonly ModelledTier[], rows: number, blocks: number) {
    this.tiers = tiers.length - 1;
    this.blocks = blocks;
    this.#blocksPerRow = blocks / rows;
    this.#start = new Uint32Array(blocks + 1).fill(rows);
    for (let row = rows - 1; row >= 0; row--) this.#start[this.#block(row)] = row;
    const cells = this.tiers * (blocks + 1);
    this.#price = new Float64Array(cells);
    this.#until = new Float64Array(cells);
    this.#partly = new Float64Array(cells);
    this.#change = new Float64Array(cells);
    this.#capacityBytes = Float64Array.from(tiers, ({ capacityBytes }) => capacityBytes);
  }

  /** Sets new premiums, `blocks` a tier and none negative, and forgets what was taken. */
  setPremiums(premiums: Readonly<Float64Array>): void {
    this.#partly.fill(0);
    this.#change.fill(0);
    for (let tier = this.tiers - 1; tier >= 0; tier--) {
      const base = tier * (this.blocks + 1);
      const next = base + this.blocks + 1;
      let sum = 0;
      for (let block = 0; block < this.blocks; block++) {
        const under = tier + 1 < this.tiers ? this.#price[next + block] : 0;
        const price = under + premiums[tier * this.blocks + block];
        this.#price[base + block] = price;
        this.#until[base + block] = sum;
        sum += price * this.#rows(block);
      }
      this.#until[base + this.blocks] = sum;
    }
  }

  /** What a byte of a tier costs from the start of the log up to, not including, `row`. */
  until(tier: number, row: number): number {
    if (tier === this.tiers) return 0;
    const block = this.#block(row);
    const cell = tier * (this.blocks + 1) + block;
    return this.#until[cell] + this.#price[cell] * (row - this.#start[block]);
  }

  /** What a byte of a tier costs in `row`. */
  at(tier: number, row: number): number {
    return tier === this.tiers ? 0 : this.#price[tier * (this.blocks + 1) + this.#block(row)];
  }

  /** Notes that `bytes` of a tier are taken from row `from` up to, not including, row `to`. */
  take(tier: number, bytes: number, from: number, to: number): void {
    if (tier === this.tiers) return;
    const base = tier * (this.blocks + 1);
    const first = this.#block(from);
    const last = this.#block(to);
    this.#change[base + first] += bytes;
    this.#change[base + last] -= bytes;
    this.#partly[base + first] -= bytes * (from - this.#start[first]);
    this.#partly[base + last] += bytes * (to - this.#start[last]);
  }

  /** What all capacity costs at these prices. */
  capacityNs(): number {
    let sum = 0;
    for (let tier = 0; tier < this.tiers; tier++) {
      sum += this.#until[tier * (this.blocks + 1) + this.blocks] * this.#capacityBytes[tier];
    }
    return sum;
  }

  /**
   * Writes, by tier and block, how many bytes × rows more are taken in this tier and all faster ones than they have:
   * the slope of the bound in the tier's premium.
   */
  excess(into: Float64Array): void {
    into.fill(0);
    for (let tier = 0; tier < this.tiers; tier++) {
      let bytes = -this.#capacityBytes[tier];
      for (let block = 0; block < this.blocks; block++) {
        const cell = tier * (this.blocks + 1) + block;
        bytes += this.#change[cell];
        const faster = tier > 0 ? into[(tier - 1) * this.blocks + block] : 0;
        into[tier * this.blocks + block] = faster + bytes * this.#rows(block) + this.#partly[cell];
      }
    }
  }

  #block(row: number): number {
    return Math.floor(row * this.#blocksPerRow);
  }

  #rows(block: number): number {
    return this.#start[block + 1] - this.#start[block];
  }
}
