/**
 * The sums a placement is judged by: units in the order in which they deserve fast tiers, tiers in the order of their
 * speed, so that a placement is nothing but the positions where one tier ends and the next begins ("cuts").
 */

import { accessNs, type CostModel, type TierSpeed } from '../policy/cost-model.ts';

/** A tier with what it holds and costs. */
export interface PricedTier extends TierSpeed {
  readonly capacityBytes: number;
  readonly costPerGiBMonth: number;
}

/** Units as columns, and where they may be. */
export interface PlacementUnits {
  readonly bytes: Float64Array;
  /** How often each is accessed; only the ratios matter. */
  readonly accessesPerSecond: Float64Array;
  readonly tiers: readonly PricedTier[];
  readonly costs: CostModel;
  /** Share of the accesses that write, 0..1. Default 0. */
  readonly writeShare?: number | undefined;
}

const GiB = 2 ** 30;

/**
 * Units sorted by the time an access in the fastest instead of the slowest tier saves for each of their bytes, and
 * running sums over them. "Position" p means: the first p units of that order.
 */
export class PlacementOrder {
  readonly length: number;
  /** Indices of the given tiers, fastest first for these accesses. */
  readonly tiers: readonly number[];
  /** Indices of the units, most deserving first. */
  readonly units: Uint32Array;
  /** Bytes up to each position. */
  readonly bytes: Float64Array;
  /** Share of all accesses up to each position. */
  readonly share: Float64Array;
  /** By tier, fastest first: what the units up to each position add to the average access time there. */
  readonly ns: readonly Float64Array[];
  /** By tier, fastest first. */
  readonly costPerByte: readonly number[];
  readonly capacityBytes: readonly number[];

  constructor({ bytes, accessesPerSecond, tiers, costs, writeShare = 0 }: PlacementUnits) {
    const n = bytes.length;
    const accesses = accessesPerSecond.reduce((sum, rate) => sum + rate, 0);
    const weight = accessesPerSecond.map((rate) => (accesses > 0 ? rate / accesses : 0));
    const averages = tiers.map((tier) =>
      weight.reduce((sum, w, u) => sum + w * accessNs(tier, bytes[u], writeShare, costs), 0),
    );
    this.length = n;
    this.tiers = tiers.map((_, k) => k).sort((a, b) => averages[a] - averages[b] || a - b);
    const ordered = this.tiers.map((k) => tiers[k]);
    const first = ordered[0];
    const last = ordered[ordered.length - 1];
    const worth = weight.map(
      (w, u) =>
        (w / bytes[u]) *
        (accessNs(last, bytes[u], writeShare, costs) -
          accessNs(first, bytes[u], writeShare, costs)),
    );
    this.units = Uint32Array.from(bytes, (_, u) => u).sort((a, b) => worth[b] - worth[a] || a - b);
    this.bytes = this.#runningSum((u) => bytes[u]);
    this.share = this.#runningSum((u) => weight[u]);
    this.ns = ordered.map((tier) =>
      this.#runningSum((u) => weight[u] * accessNs(tier, bytes[u], writeShare, costs)),
    );
    this.costPerByte = ordered.map((tier) => tier.costPerGiBMonth / GiB);
    this.capacityBytes = ordered.map((tier) => tier.capacityBytes);
  }

  averageNs(cuts: readonly number[]): number {
    return this.ns.reduce((sum, ns, k) => sum + ns[cuts[k + 1]] - ns[cuts[k]], 0);
  }

  costPerMonth(cuts: readonly number[]): number {
    return this.costPerByte.reduce((sum, cost, k) => sum + cost * this.bytesIn(cuts, k), 0);
  }

  /** Average access time relative to everything in the fastest tier. */
  slowdown(cuts: readonly number[]): number {
    const bestNs = this.ns[0][this.length];
    return bestNs > 0 ? this.averageNs(cuts) / bestNs : 1;
  }

  /**
   * The same for the accesses to the tier that serves the access at `percentile` (0..100), those to fast tiers counted
   * first: units of one tier differ by less than tiers do.
   */
  percentileSlowdown(cuts: readonly number[], percentile: number): number {
    let served = 0;
    let slowdown = 1;
    for (let k = 0; k < this.ns.length; k++) {
      const [from, to] = [cuts[k], cuts[k + 1]];
      const share = this.share[to] - this.share[from];
      if (share <= 0) continue;
      served += share;
      slowdown = (this.ns[k][to] - this.ns[k][from]) / (this.ns[0][to] - this.ns[0][from]);
      // Running sums carry rounding errors of some 1e-16 a unit.
      if (served >= percentile / 100 - 1e-12) break;
    }
    return slowdown;
  }

  bytesIn(cuts: readonly number[], k: number): number {
    return this.bytes[cuts[k + 1]] - this.bytes[cuts[k]];
  }

  /** Whether every tier has room for what the cuts give it. */
  fits(cuts: readonly number[]): boolean {
    return this.capacityBytes.every((capacity, k) => this.bytesIn(cuts, k) <= capacity);
  }

  #runningSum(of: (unit: number) => number): Float64Array {
    const sums = new Float64Array(this.length + 1);
    for (let p = 0; p < this.length; p++) sums[p + 1] = sums[p] + of(this.units[p]);
    return sums;
  }
}
