/**
 * Modelled time of a workload on tiers of given sizes, by what a placement can be based on: how often units are
 * used, or how recently. Both are judged on the second half of the workload and neither knows it: frequency ranks by
 * the first half and stays, recency pays for every move.
 */

import { type CostModel, defaultCosts, type TierSpeed } from '../policy/cost-model.ts';
import { type AccessMass, addMass, massAccessNs, massMoveNs, requestsOf } from './access-mass.ts';
import type { DemandCurve } from './demand-curve.ts';
import type { SampledDemand } from './key-sampler.ts';

/** What a placement goes by. */
export type Basis = 'frequency' | 'recency';

/** One tier's part of a placement. */
interface Share {
  readonly tier: number;
  readonly mass: AccessMass;
}

/** New data as it enters. */
interface Entry extends Share {
  readonly entryNs: number;
  readonly moveNs: number;
}

/** Average time of an access, and which tiers served how much. */
export interface ModelledPlacement {
  readonly basis: Basis;
  /** Average of an access with moves charged in full. */
  readonly ns: number;
  /** Of it, moves. */
  readonly moveNs: number;
  /** Share of the requests that each tier serves. */
  readonly served: readonly number[];
}

/** Models placements of one workload. */
export class PlacementModel {
  readonly tiers: readonly TierSpeed[];
  readonly #costs: CostModel;
  readonly #demand: SampledDemand;
  readonly #weight: number;
  /** Requests that times are an average of. */
  readonly #requests: number;

  /**
   * @param tiers - fastest first
   * @param weight - accesses a request stands for
   */
  constructor(
    tiers: readonly TierSpeed[],
    demand: SampledDemand,
    weight: number,
    costs: CostModel = defaultCosts,
  ) {
    this.tiers = tiers;
    this.#demand = demand;
    this.#weight = weight;
    this.#costs = costs;
    const { lateFrequency, lateNew } = demand;
    this.#requests = requestsOf(lateFrequency.total) + requestsOf(lateNew.total);
  }

  /** Average time of an access if one tier serves all. */
  allInNs(tier: number): number {
    const { lateFrequency, lateNew } = this.#demand;
    const mass = addMass(lateFrequency.total, lateNew.total);
    return massAccessNs(this.tiers[tier], mass, this.#costs) / this.#requests;
  }

  /**
   * The better of the two bases.
   *
   * @param bounds - by tier: bytes that it and all faster tiers hold, of the workload's own footprint; a tier without
   *   more than the one before is not there, and the last that is there has `Infinity`
   */
  place(bounds: readonly number[]): ModelledPlacement {
    const byFrequency = this.placeBy('frequency', bounds);
    const byRecency = this.placeBy('recency', bounds);
    return byRecency.ns < byFrequency.ns ? byRecency : byFrequency;
  }

  /** One of the two bases; `bounds` as in {@link place}. */
  placeBy(basis: Basis, bounds: readonly number[]): ModelledPlacement {
    const { lateFrequency, lateRecency } = this.#demand;
    const shares = this.#divide(basis === 'recency' ? lateRecency : lateFrequency, bounds);
    const served = this.tiers.map(() => 0);
    let accessNs = 0;
    for (const { tier, mass } of shares) {
      accessNs += massAccessNs(this.tiers[tier], mass, this.#costs);
      served[tier] += requestsOf(mass) / this.#requests;
    }
    let moves = basis === 'recency' ? this.#cascadeNs(shares) : 0;
    for (const { tier, mass, entryNs, moveNs } of this.#enter(basis, shares, bounds)) {
      served[tier] += requestsOf(mass) / this.#requests;
      accessNs += entryNs;
      moves += moveNs;
    }
    const movesNs = moves / this.#requests / this.#weight;
    return { basis, ns: accessNs / this.#requests + movesNs, moveNs: movesNs, served };
  }

  /**
   * New data has its place in the first tier that the data before it left room in. It enters there, or in a faster
   * tier that makes room for it, whatever costs less.
   */
  #enter(basis: Basis, shares: readonly Share[], bounds: readonly number[]): Entry[] {
    return this.#divide(this.#demand.lateNew, bounds).map(({ mass }, place) => {
      const entries = shares.slice(0, place + 1).map(({ tier }, at) => ({
        tier,
        mass,
        entryNs: massAccessNs(this.tiers[tier], mass, this.#costs),
        moveNs:
          basis === 'recency'
            ? this.#pushNs(shares, at, place, mass)
            : this.#moveDownNs(tier, shares[place].tier, mass),
      }));
      const ns = ({ entryNs, moveNs }: Entry): number => this.#weight * entryNs + moveNs;
      return entries.reduce((best, other) => (ns(other) < ns(best) ? other : best));
    });
  }

  #divide(curve: DemandCurve, bounds: readonly number[]): Share[] {
    const shares: Share[] = [];
    let above = curve.within(0);
    let bound = 0;
    for (let tier = 0; tier < bounds.length; tier++) {
      if (!(bounds[tier] > bound)) continue;
      bound = bounds[tier];
      const within = curve.within(bound);
      shares.push({ tier, mass: addMass(within, above, -1) });
      above = within;
    }
    return shares;
  }

  /** Every access to a slower tier brings the unit up and pushes as many bytes down, a tier at a time. */
  #cascadeNs(shares: readonly Share[]): number {
    return shares.reduce((sum, { tier, mass }, at) => {
      if (at === 0) return sum;
      const up = massMoveNs(this.tiers[tier], this.tiers[shares[0].tier], mass, this.#costs);
      return sum + up + this.#pushNs(shares, 0, at, mass);
    }, 0);
  }

  #pushNs(shares: readonly Share[], from: number, to: number, mass: AccessMass): number {
    let ns = 0;
    for (let at = from; at < to; at++) {
      const below = this.tiers[shares[at + 1].tier];
      ns += massMoveNs(this.tiers[shares[at].tier], below, mass, this.#costs);
    }
    return ns;
  }

  #moveDownNs(from: number, to: number, mass: AccessMass): number {
    return from === to ? 0 : massMoveNs(this.tiers[from], this.tiers[to], mass, this.#costs);
  }
}
