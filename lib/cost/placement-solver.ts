/**
 * The cheapest placement that is fast enough, or the fastest one a budget pays for, and the price of a nanosecond.
 *
 * Minimises cost per month + μ x average access time (Lagrange); μ, the shadow price of time, is found by bisection:
 * the higher it is, the faster and the dearer the placement. What lies between the two placements bisection ends with
 * (units of equal rate change sides together) is then filled in unit by unit.
 */

import { invalidValue } from '../errors.ts';
import { CheapestCuts } from './cheapest-cuts.ts';
import { PlacementOrder, type PlacementUnits } from './placement-order.ts';

export type { PlacementUnits, PricedTier } from './placement-order.ts';

/** What a placement has to keep to. */
export type PlacementTarget =
  | {
      /** Access time relative to everything in the fastest tier, e.g. 1.05. */
      readonly slowdown: number;
      /** Which access time: absent the average, else this percentile (0..100), e.g. 99. */
      readonly percentile?: number | undefined;
    }
  | {
      /** In the unit of the tiers' prices. */
      readonly costPerMonth: number;
    };

/** What {@link solvePlacement} works on. */
export interface PlacementProblem extends PlacementUnits {
  readonly target: PlacementTarget;
}

/** A placement and what it comes to. */
export interface PlacementSolution {
  /** Index into the given tiers, by unit. */
  readonly tier: Uint8Array;
  /** Bytes and share of the accesses, by given tier. */
  readonly tierBytes: readonly number[];
  readonly tierShare: readonly number[];
  readonly costPerMonth: number;
  /** Average access time, moves not counted, and the same relative to everything in the fastest tier. */
  readonly averageNs: number;
  readonly slowdown: number;
  /** The same at the target's percentile; absent when the target has none. */
  readonly percentileSlowdown?: number | undefined;
  /**
   * The price of a nanosecond: what one less of the average access time would add to the cost per month. 0 where the
   * cheapest placement will do, Infinity where none is faster.
   */
  readonly nsPrice: number;
  /** False when the tiers are too small or too slow, or the budget too low: this is as near as it gets. */
  readonly meetsTarget: boolean;
  /** Placements that were computed in full. */
  readonly steps: number;
}

/** Prices tried at most; each step halves the range of the logarithm of μ. */
export const maxBisectionSteps = 30;
/** Sums of the same times in another order may differ by so much. */
const rounding = 1e-12;
/** μ is known well enough at this ratio of the prices on both sides. */
const closeEnough = 1 + 1e-6;

/**
 * Solves a placement problem. O(steps * tiers * units), units sorted once.
 *
 * @throws RangeError when columns differ in length, a number makes no sense or the tiers cannot hold the units
 */
export function solvePlacement(problem: PlacementProblem): PlacementSolution {
  check(problem);
  return new Solver(problem).solve();
}

/** One problem; positions and tiers are those of its order. */
class Solver {
  readonly #problem: PlacementProblem;
  readonly #order: PlacementOrder;
  readonly #cheapest: CheapestCuts;
  #steps = 0;

  constructor(problem: PlacementProblem) {
    this.#problem = problem;
    this.#order = new PlacementOrder(problem);
    this.#cheapest = new CheapestCuts(this.#order);
  }

  solve(): PlacementSolution {
    const { target } = this.#problem;
    const { low, high } = this.#priceRange();
    const cheapest = this.#at(0);
    if ('costPerMonth' in target) {
      const affordable = (cuts: readonly number[]): boolean =>
        this.#order.costPerMonth(cuts) <= target.costPerMonth;
      if (!affordable(cheapest)) return this.#solution(cheapest, 0, false);
      const fastest = this.#at(high);
      if (affordable(fastest)) return this.#solution(fastest, Infinity, true);
      const found = this.#bisect(cheapest, fastest, low, high, (cuts) => !affordable(cuts));
      const cuts = this.#shift(found.slow, found.fast, affordable);
      return this.#solution(cuts, found.nsPrice, true);
    }
    const fastEnough = (cuts: readonly number[]): boolean =>
      this.#slowdown(cuts) <= target.slowdown * (1 + rounding);
    if (fastEnough(cheapest)) return this.#solution(cheapest, 0, true);
    const fastest = this.#at(high);
    if (!fastEnough(fastest)) return this.#solution(fastest, Infinity, false);
    if (target.percentile !== undefined) {
      // What is beyond the percentile does not count at all, so the slowest tier takes what it can.
      const cuts = this.#shift(fastest, cheapest, fastEnough);
      return this.#solution(cuts, this.#marginalPrice(cuts), true);
    }
    const found = this.#bisect(cheapest, fastest, low, high, fastEnough);
    const cuts = this.#shift(found.fast, found.slow, fastEnough);
    return this.#solution(cuts, found.nsPrice, true);
  }

  /** Halves the range of prices between `slow`, which is not `enough`, and `fast`, which is. */
  #bisect(
    slow: readonly number[],
    fast: readonly number[],
    low: number,
    high: number,
    enough: (cuts: readonly number[]) => boolean,
  ): { slow: readonly number[]; fast: readonly number[]; nsPrice: number } {
    const ends = { slow, fast, nsPrice: high };
    let from = low;
    while (this.#steps < maxBisectionSteps && ends.nsPrice / from > closeEnough) {
      const middle = Math.sqrt(from) * Math.sqrt(ends.nsPrice);
      const cuts = this.#at(middle);
      if (enough(cuts)) {
        ends.fast = cuts;
        ends.nsPrice = middle;
      } else {
        ends.slow = cuts;
        from = middle;
      }
    }
    return ends;
  }

  /**
   * Takes every cut of `start` as far towards `end` as `accepted` and capacities allow, the slowest tier's first. A
   * cut that meets another one takes it along: a tier in between may be worth skipping.
   */
  #shift(
    start: readonly number[],
    end: readonly number[],
    accepted: (cuts: readonly number[]) => boolean,
  ): readonly number[] {
    let cuts = start;
    for (let k = cuts.length - 2; k > 0; k--) {
      const from = cuts;
      const down = end[k] < from[k];
      const at = (position: number): readonly number[] =>
        from.map((cut, j) => {
          if (j === 0 || j === from.length - 1) return cut;
          if (down) return j <= k ? Math.min(cut, position) : cut;
          return j >= k ? Math.max(cut, position) : cut;
        });
      const ok = (position: number): boolean => {
        const tried = at(position);
        // Towards the slow end for the money it saves, where it does.
        const pays = !down || this.#order.costPerMonth(tried) <= this.#order.costPerMonth(from);
        return pays && this.#order.fits(tried) && accepted(tried);
      };
      let good = from[k];
      let bad = end[k];
      if (good !== bad && ok(bad)) good = bad;
      while (Math.abs(good - bad) > 1) {
        const middle = (good + bad) >> 1;
        if (ok(middle)) good = middle;
        else bad = middle;
      }
      cuts = at(good);
    }
    return cuts;
  }

  /** Prices between which units change tiers, with room on both sides. */
  #priceRange(): { low: number; high: number } {
    const { costPerByte } = this.#order;
    let low = Infinity;
    let high = 0;
    for (let p = 1; p <= this.#order.length; p++) {
      for (let a = 0; a < costPerByte.length; a++) {
        for (let b = a + 1; b < costPerByte.length; b++) {
          const price = this.#priceAt(p, a, b);
          if (!(price > 0 && price < Infinity)) continue;
          if (price < low) low = price;
          if (price > high) high = price;
        }
      }
    }
    return high > 0 ? { low: low / 2, high: high * 1024 } : { low: 1, high: 1 };
  }

  /** Price at which the unit before position `p` is as well off in tier `a` as in the slower tier `b`. */
  #priceAt(p: number, a: number, b: number): number {
    const { bytes, ns, costPerByte } = this.#order;
    const savedNs = ns[b][p] - ns[b][p - 1] - (ns[a][p] - ns[a][p - 1]);
    return ((bytes[p] - bytes[p - 1]) * (costPerByte[a] - costPerByte[b])) / savedNs;
  }

  /** The price the last unit of a tier pays for not being in the next one, the highest of all tiers. */
  #marginalPrice(cuts: readonly number[]): number {
    let price = 0;
    for (let k = 1; k < cuts.length - 1; k++) {
      if (cuts[k] === 0 || cuts[k] === cuts[k - 1]) continue;
      const marginal = this.#priceAt(cuts[k], k - 1, k);
      if (marginal > price && marginal < Infinity) price = marginal;
    }
    return price;
  }

  get #percentile(): number | undefined {
    const { target } = this.#problem;
    return 'slowdown' in target ? target.percentile : undefined;
  }

  #slowdown(cuts: readonly number[]): number {
    const percentile = this.#percentile;
    return percentile === undefined
      ? this.#order.slowdown(cuts)
      : this.#order.percentileSlowdown(cuts, percentile);
  }

  #at(nsPrice: number): readonly number[] {
    this.#steps++;
    const cuts = this.#cheapest.at(nsPrice);
    if (cuts !== undefined) return cuts;
    const bytes = this.#order.bytes[this.#order.length];
    throw invalidValue('tiers', `large enough for ${bytes} bytes`, this.#order.capacityBytes);
  }

  #solution(cuts: readonly number[], nsPrice: number, meetsTarget: boolean): PlacementSolution {
    const order = this.#order;
    const { tiers } = this.#problem;
    const tier = new Uint8Array(order.length);
    const tierBytes = tiers.map(() => 0);
    const tierShare = tiers.map(() => 0);
    order.tiers.forEach((given, k) => {
      for (let p = cuts[k]; p < cuts[k + 1]; p++) tier[order.units[p]] = given;
      tierBytes[given] = order.bytesIn(cuts, k);
      tierShare[given] = order.share[cuts[k + 1]] - order.share[cuts[k]];
    });
    const percentile = this.#percentile;
    return {
      tier,
      tierBytes,
      tierShare,
      costPerMonth: order.costPerMonth(cuts),
      averageNs: order.averageNs(cuts),
      slowdown: order.slowdown(cuts),
      percentileSlowdown:
        percentile === undefined ? undefined : order.percentileSlowdown(cuts, percentile),
      nsPrice,
      meetsTarget,
      steps: this.#steps,
    };
  }
}

function check({
  bytes,
  accessesPerSecond,
  tiers,
  target,
  writeShare = 0,
}: PlacementProblem): void {
  if (tiers.length === 0) throw invalidValue('tiers', 'at least one tier', tiers.length);
  if (accessesPerSecond.length !== bytes.length) {
    throw invalidValue('accessesPerSecond', `${bytes.length} long`, accessesPerSecond.length);
  }
  const wrongBytes = bytes.find((value) => !(value > 0 && value < Infinity));
  if (wrongBytes !== undefined) throw invalidValue('bytes', 'above 0 and finite', wrongBytes);
  const wrongRate = accessesPerSecond.find((value) => !(value >= 0 && value < Infinity));
  if (wrongRate !== undefined) {
    throw invalidValue('accessesPerSecond', '0 or more and finite', wrongRate);
  }
  for (const { capacityBytes, costPerGiBMonth } of tiers) {
    if (!(capacityBytes >= 0)) throw invalidValue('tiers.capacityBytes', '>= 0', capacityBytes);
    if (!(costPerGiBMonth >= 0 && costPerGiBMonth < Infinity)) {
      throw invalidValue('tiers.costPerGiBMonth', '0 or more and finite', costPerGiBMonth);
    }
  }
  if (!(writeShare >= 0 && writeShare <= 1)) {
    throw invalidValue('writeShare', 'from 0 to 1', writeShare);
  }
  if ('costPerMonth' in target) {
    if (!(target.costPerMonth >= 0)) {
      throw invalidValue('target.costPerMonth', '>= 0', target.costPerMonth);
    }
    return;
  }
  if (!(target.slowdown >= 1)) throw invalidValue('target.slowdown', '>= 1', target.slowdown);
  const { percentile } = target;
  if (percentile !== undefined && !(percentile > 0 && percentile <= 100)) {
    throw invalidValue('target.percentile', 'above 0 and at most 100', percentile);
  }
}
