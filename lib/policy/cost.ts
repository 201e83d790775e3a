/**
 * `cost`: the cheapest placement whose average access time stays within a target, or the fastest one for a monthly
 * budget. Bytes are charged by the tier they are in (`costPerGiBMonth`), used or not by anybody else, so a unit that
 * does not earn its tier leaves it even when nobody waits for the place.
 *
 * Each plan solves the placement of all bytes by their heat (placement-solver.ts) and gets from it the density at
 * which a unit earns a tier and the price of a nanosecond, μ. A unit moves when what that is worth over its expected
 * stay, μ λ ΔL against s ΔP, exceeds the move (the shadow-price rule); as long as there is slow-down to spare, what is
 * clearly too cold for its tier goes without that test. The target is about accesses; moves come on top. Plan.notes carries μ, the cost and the slow-down of the placement aimed at and
 * of the present one.
 */

import { patternAllows } from './admission.ts';
import { CostPlan } from './cost-plan.ts';
import { fastUnits } from './fast-units.ts';
import type { PlanBudget, Policy, Snapshot, TierState } from './policy.ts';

/** Parameters of {@link costPolicy}. */
export interface CostOptions {
  /** Access time relative to everything in the fastest tier that is still good enough. Default 1.05. */
  readonly slowdown: number;
  /** Percentile of access times (0..100) the target is about; `undefined`, the default: their average. */
  readonly percentile: number | undefined;
  /** Budget in the unit of the tiers' prices: the fastest placement for it, instead of a slow-down. */
  readonly costPerMonth: number | undefined;
  /** Half-life of heat, in accesses for each unit the fastest tier holds. Default 8. */
  readonly halfLifeTurns: number;
  /** Half-lives over which a move has to pay; what heat predicts is one. Default 1. */
  readonly stayHalfLives: number;
}

/** What {@link costPolicy} uses unless told otherwise; 5 % is what Pond and TMTS (ASPLOS 2023) allow. */
export const costDefaults: CostOptions = {
  slowdown: 1.05,
  percentile: undefined,
  costPerMonth: undefined,
  halfLifeTurns: 8,
  stayHalfLives: 1,
};

/** Shortest half-life: below it heat would be noise. */
const minHalfLifeAccesses = 1024;

/** Makes the policy that minimises money. */
export function costPolicy(options: Partial<CostOptions> = {}): Policy {
  const settings: CostOptions = { ...costDefaults, ...options };
  return {
    name: 'cost',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(minHalfLifeAccesses, settings.halfLifeTurns * fastUnits(tiers, unitCounts)),
    admits: patternAllows,
    plan: (snapshot: Snapshot, budget: PlanBudget) =>
      new CostPlan(snapshot, budget, settings).make(),
  };
}
