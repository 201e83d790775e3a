/**
 * Modelled time of accesses: latency plus bytes over bandwidth, with the figures of each tier. What a
 * machine with such tiers would take for the memory part of an access; never a measurement.
 */

import type { Tier } from '../tiers/tier.ts';

/** Accesses of one tier, priced. */
export interface TierAccesses {
  accesses: number;
  bytes: number;
  modelledNs: number;
}

/** Modelled duration of one access of `bytes` in a tier. */
export function modelledAccessNs(tier: Tier, bytes: number, write: boolean): number {
  const { spec } = tier;
  return write
    ? spec.writeLatencyNs.value + (bytes / spec.writeBytesPerSecond.value) * 1e9
    : spec.readLatencyNs.value + (bytes / spec.readBytesPerSecond.value) * 1e9;
}

/** Sums accesses by tier. */
export class AccessModel {
  readonly tiers: readonly Tier[];
  readonly byTier: readonly TierAccesses[];

  constructor(tiers: readonly Tier[]) {
    this.tiers = tiers;
    this.byTier = tiers.map(() => ({ accesses: 0, bytes: 0, modelledNs: 0 }));
  }

  /** Counts one access that tier number `tier` served. */
  add(tier: number, bytes: number, write: boolean): void {
    const sums = this.byTier[tier];
    sums.accesses++;
    sums.bytes += bytes;
    sums.modelledNs += modelledAccessNs(this.tiers[tier], bytes, write);
  }

  /** Accesses of all tiers. */
  get accesses(): number {
    return this.byTier.reduce((sum, { accesses }) => sum + accesses, 0);
  }

  /** Modelled time of all accesses. */
  get modelledNs(): number {
    return this.byTier.reduce((sum, { modelledNs }) => sum + modelledNs, 0);
  }
}
