/** Bytes left in each tier while an oracle fills them. */

import type { ModelledTier } from '../modelled-store.ts';

/** The last tier is taken to be unbounded. */
export class TierRoom {
  readonly #free: Float64Array;

  constructor(tiers: readonly ModelledTier[]) {
    this.#free = Float64Array.from(tiers, ({ capacityBytes }) => capacityBytes);
    this.#free[tiers.length - 1] = Infinity;
  }

  free(tier: number): number {
    return this.#free[tier];
  }

  /** The fastest tier, not faster than `from`, that has room. */
  find(bytes: number, from = 0): number {
    let tier = from;
    while (this.#free[tier] < bytes) tier++;
    return tier;
  }

  take(tier: number, bytes: number): void {
    this.#free[tier] -= bytes;
  }

  give(tier: number, bytes: number): void {
    this.#free[tier] += bytes;
  }
}
