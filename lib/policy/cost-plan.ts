/** One plan of the `cost` policy; see cost.ts for what it aims at. */

import type { PlacementTarget } from '../cost/placement-solver.ts';
import { densityBytes, densityLog2 } from '../tracking/heat.ts';
import type { CostOptions } from './cost.ts';
import { type Placement, solveBorders } from './cost-borders.ts';
import { accessNs, moveNs } from './cost-model.ts';
import type { Plan, PlanBudget, Snapshot } from './policy.ts';
import { Promoter } from './promoter.ts';

/** Free share of a tier below which it demotes whatever that brings, so that new units find room. */
const lowShare = 0.02;

/** Of the slow-down that is allowed this share is spent without looking at the cost of moves; heat is an estimate. */
const usedMargin = 0.9;

/** Makes one plan and is thrown away. */
export class CostPlan {
  readonly #snapshot: Snapshot;
  readonly #stayHalfLives: number;
  readonly #placement: Placement;
  /** Whether the target leaves time to spend on saving money: what is surely out of place need not pay for its move. */
  readonly #slack: boolean;
  readonly #density: Float64Array;
  readonly #promoter: Promoter;

  constructor(snapshot: Snapshot, budget: PlanBudget, options: CostOptions) {
    const { units, accessClock } = snapshot;
    const { slowdown, percentile, costPerMonth, stayHalfLives } = options;
    const target: PlacementTarget =
      costPerMonth === undefined ? { slowdown, percentile } : { costPerMonth };
    this.#snapshot = snapshot;
    this.#stayHalfLives = stayHalfLives;
    this.#placement = solveBorders(snapshot, target);
    const { currentSlowdown, currentCostPerMonth } = this.#placement.notes;
    this.#slack =
      costPerMonth === undefined
        ? percentile === undefined && currentSlowdown < 1 + usedMargin * (slowdown - 1)
        : currentCostPerMonth > costPerMonth;
    this.#density = Float64Array.from({ length: units.length }, (_, row) =>
      densityLog2(units.heatLog2[row], units.bytes[row]),
    );
    this.#promoter = new Promoter(snapshot, budget, {
      score: this.#density,
      eligible: (row) => units.dwellUntil[row] <= accessClock,
      destination: (row, from) => Math.max(from + 1, this.#belongs(row)),
    });
  }

  make(): Plan {
    const { units, accessClock } = this.#snapshot;
    const up: number[] = [];
    const down: number[] = [];
    for (let row = 0; row < units.length; row++) {
      const to = this.#belongs(row);
      const from = units.tier[row];
      if (to === from) continue;
      if (units.dwellUntil[row] > accessClock) this.#promoter.refuse(row, to, 'dwell');
      else if (!this.#pays(row, from, to)) this.#promoter.refuse(row, to, 'benefit');
      else (to < from ? up : down).push(row);
    }
    const density = this.#density;
    up.sort((a, b) => density[b] - density[a] || a - b);
    down.sort((a, b) => density[a] - density[b] || a - b);
    const { borders, thresholdsLog2, notes } = this.#placement;
    const target = (row: number): number => this.#belongs(row);
    this.#promoter.moveAll(up, target, (row) => {
      const border = borders.find(({ tier }) => tier === target(row))?.densityLog2 ?? -Infinity;
      return { reason: 'hot', below: Math.min(border, density[row]) };
    });
    this.#promoter.moveAll(down, target, (row) => ({ reason: 'cold', below: density[row] }));
    this.#promoter.restoreHeadroom(lowShare, () => Infinity);
    return { ...this.#promoter.build(thresholdsLog2), notes };
  }

  #belongs(row: number): number {
    const { borders } = this.#placement;
    for (const { tier, densityLog2 } of borders) {
      if (this.#density[row] >= densityLog2) return tier;
    }
    return borders[borders.length - 1].tier;
  }

  /**
   * Whether the move is worth its cost. At a border the time a unit saves is worth just what its bytes cost more, so
   * what it is hotter (or colder) than the border, in time, is what it earns by changing sides.
   */
  #pays(row: number, from: number, to: number): boolean {
    const { tiers, units, costs } = this.#snapshot;
    const bytes = units.bytes[row];
    const expected = 2 ** this.#snapshot.units.heatLog2[row] * Math.LN2;
    const demoted = tiers[from].costPerGiBMonth > tiers[to].costPerGiBMonth;
    if (this.#slack && demoted && this.#density[row] < this.#leaves(from)) return true;
    const ns = (tier: number): number => accessNs(tiers[tier], bytes, 0, costs);
    const [above, below] = ns(from) < ns(to) ? [from, to] : [to, from];
    let earnedNs = 0;
    let upper = above;
    for (const border of this.#between(above, below)) {
      const atBorder = (Math.LN2 * 2 ** border.densityLog2 * bytes) / densityBytes;
      earnedNs +=
        (above === from ? atBorder - expected : expected - atBorder) *
        (ns(border.lower) - ns(upper));
      upper = border.lower;
    }
    // What is not used is not missed until it is: a cold unit stays away for longer than a half-life.
    const unused = above === from ? 1 / expected : 0;
    const stay = Math.max(this.#stayHalfLives, unused);
    return earnedNs * stay > moveNs(tiers[from], tiers[to], bytes, costs);
  }

  /** Density below which a unit is surely out of place in `tier`: half of what it takes to belong there. */
  #leaves(tier: number): number {
    const border = this.#placement.borders.find((b) => b.tier === tier);
    return border === undefined ? Infinity : border.densityLog2 - 1;
  }

  /** The borders between two tiers, fastest first; one that nothing belongs in has its border at Infinity. */
  *#between(above: number, below: number): Generator<{ densityLog2: number; lower: number }> {
    const { borders } = this.#placement;
    const start = borders.findIndex(({ tier }) => tier === above);
    if (start < 0) {
      yield { densityLog2: Infinity, lower: below };
      return;
    }
    for (let i = start; i < borders.length; i++) {
      const lower = borders[i + 1]?.tier ?? below;
      yield { densityLog2: borders[i].densityLog2, lower };
      if (lower === below) return;
    }
  }
}
