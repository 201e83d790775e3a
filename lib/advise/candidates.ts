/** Sizes of tiers worth comparing: a grid over all of them, with the monthly bill and the modelled time of each. */

import type { TierSpeed } from '../policy/cost-model.ts';
import { headroomBytes } from '../policy/thresholds.ts';
import type { TierName } from '../tiers/tier.ts';
import { curveSize } from './demand-curve.ts';
import type { Basis, PlacementModel } from './placement-model.ts';

const GiB = 2 ** 30;

/** A tier that may be bought. */
export interface PricedTier extends TierSpeed {
  readonly name: TierName;
  readonly costPerGiBMonth: number;
}

/** Tiers with sizes, what they cost and what they do. */
export interface Candidate {
  /** By tier: bytes of the workload as it was measured that this and all faster tiers hold; see PlacementModel. */
  readonly bounds: readonly number[];
  /** By tier: bytes to buy at the real footprint, head-room included; 0: not there. */
  readonly capacityBytes: readonly number[];
  /** A month, in the unit of the prices. */
  readonly bill: number;
  /** Modelled average of an access, moves charged. */
  readonly ns: number;
  readonly moveNs: number;
  /** `ns` over that of everything in the fastest tier. */
  readonly slowdown: number;
  readonly basis: Basis;
  /** Share of the requests that each tier serves. */
  readonly served: readonly number[];
}

/** Capacity at which a tier holds `bytes` with its head-room kept; 0 for 0. */
export function capacityFor(bytes: number): number {
  if (bytes <= 0) return 0;
  let capacity = bytes;
  // The head-room grows by 3 % of what it adds: each round is 30 times nearer.
  for (let round = 0; round < 10; round++) capacity = bytes + headroomBytes(capacity);
  return Math.ceil(capacity);
}

/** Grid points a bound, by number of tiers: about 20,000 to 100,000 candidates in all. */
const gridPoints: readonly number[] = [1, 1, 256, 192, 72, 36];

/** Shares of the footprint: in equal ratios both near nothing and near everything, with both ends. */
function gridShares(points: number): number[] {
  const octaves = 12;
  const inner = Array.from({ length: points - 1 }, (_, i) => {
    const odds = 2 ** (octaves * ((2 * i) / (points - 2) - 1));
    return odds / (1 + odds);
  });
  return [0, ...inner, 1];
}

/** All of the candidates for one workload. */
export class CandidateSpace {
  readonly tiers: readonly PricedTier[];
  readonly #model: PlacementModel;
  readonly #footprintBytes: number;
  readonly #scale: number;
  readonly #fastestNs: number;

  /**
   * @param footprintBytes - of the workload as it was measured
   * @param scale - the real footprint over that
   */
  constructor(
    tiers: readonly PricedTier[],
    model: PlacementModel,
    footprintBytes: number,
    scale: number,
  ) {
    this.tiers = tiers;
    this.#model = model;
    this.#footprintBytes = footprintBytes;
    this.#scale = scale;
    this.#fastestNs = Math.min(...tiers.map((_, tier) => model.allInNs(tier)));
  }

  /** Average time of an access with everything in the tier that is fastest for this workload. */
  get fastestNs(): number {
    return this.#fastestNs;
  }

  /** All of the grid. */
  all(): Candidate[] {
    const { length } = this.tiers;
    const shares = gridShares(gridPoints[length]);
    const candidates: Candidate[] = [];
    const chosen = new Array<number>(length - 1).fill(0);
    const choose = (tier: number, from: number): void => {
      if (tier === length - 1) {
        candidates.push(this.at(chosen.map((index) => shares[index])));
        return;
      }
      for (let index = from; index < shares.length; index++) {
        chosen[tier] = index;
        choose(tier + 1, index);
      }
    };
    choose(0, 0);
    return candidates;
  }

  /** Everything in one tier. */
  allIn(tier: number): Candidate {
    return this.at(this.tiers.slice(1).map((_, index) => (index < tier ? 0 : 1)));
  }

  /** One candidate; `shares` of the footprint that each tier but the last and all faster ones hold, not falling. */
  at(shares: readonly number[]): Candidate {
    const bounds = [...shares, 1].map((share) => this.#bound(share));
    const placed = this.#model.place(bounds);
    const capacityBytes = this.#capacities(bounds);
    return {
      bounds,
      capacityBytes,
      bill: capacityBytes.reduce(
        (sum, bytes, tier) => sum + (bytes / GiB) * this.tiers[tier].costPerGiBMonth,
        0,
      ),
      ...placed,
      slowdown: placed.ns / this.#fastestNs,
    };
  }

  /** Candidates between this one and its neighbours on a grid of `ratio` between two odds, this one included. */
  around({ bounds }: Candidate, ratio: number): Candidate[] {
    let found: number[][] = [[]];
    for (const bound of bounds.slice(0, -1)) {
      const share = bound === Number.POSITIVE_INFINITY ? 1 : bound / this.#footprintBytes;
      const options =
        share <= 0 || share >= 1 ? [share] : [1 / ratio, 1, ratio].map(shifted(share));
      found = found.flatMap((shares) =>
        options
          .filter((option) => option >= (shares.at(-1) ?? 0))
          .map((option) => [...shares, option]),
      );
    }
    return found.map((shares) => this.at(shares));
  }

  #bound(share: number): number {
    if (share >= 1) return Number.POSITIVE_INFINITY;
    const bytes = share * this.#footprintBytes;
    return bytes < 1 ? 0 : curveSize(bytes);
  }

  #capacities(bounds: readonly number[]): number[] {
    let below = 0;
    return bounds.map((bound) => {
      const last = bound === Number.POSITIVE_INFINITY;
      const end = last ? this.#footprintBytes : bound;
      const bytes = (end - below) * this.#scale;
      below = end;
      // Policies keep no head-room in the slowest tier: nothing goes further down.
      return last ? Math.ceil(bytes) : capacityFor(bytes);
    });
  }
}

function shifted(share: number): (ratio: number) => number {
  const odds = share / (1 - share);
  return (ratio) => (odds * ratio) / (1 + odds * ratio);
}
