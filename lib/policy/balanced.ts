/**
 * `balanced`, the default: every unit in the tier where it is worth most, and no move that does not pay for itself.
 *
 * What a place is worth is computed from how soon units like this one have been used again, what a use and a move take
 * in each tier, and what the room is worth to others (placement-values.ts). Nothing is tuned to a workload: where moves
 * are dear for what they save it moves little, where a burst pays for the way there and back it follows every burst.
 */

import { patternAllows } from './admission.ts';
import { BalancedPlan } from './balanced-plan.ts';
import { fastUnits } from './fast-units.ts';
import type { PlanBudget, Policy, Snapshot, TierState } from './policy.ts';

/** Parameters of {@link balancedPolicy}. */
export interface BalancedOptions {
  /** Half-life of the counts of uses, in uses for each unit the fastest tier holds. */
  readonly halfLifeTurns: number;
  /** Moves are taken to cost `1 + margin` times what they do: expectations err. */
  readonly margin: number;
  /** What a nanosecond of moving is worth in nanoseconds of accesses: 1 is in the foreground, 0 is free. */
  readonly moveWeight: number;
  /** How far ahead it looks, as a share of the time it has seen. */
  readonly horizonShare: number;
}

/** What {@link balancedPolicy} uses unless told otherwise. */
export const balancedDefaults: BalancedOptions = {
  halfLifeTurns: 32,
  margin: 1,
  moveWeight: 1,
  horizonShare: 1,
};

/** Shortest half-life: below it a count would be noise. */
const minHalfLifeLog2 = 10;
/** Half-lives come in steps of an eighth of an octave, so that they change seldom. */
const halfLifeSteps = 8;

/** Makes the default policy. */
export function balancedPolicy(options: Partial<BalancedOptions> = {}): Policy {
  const settings: BalancedOptions = { ...balancedDefaults, ...options };
  return {
    name: 'balanced',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[], step = 1) => {
      const wanted = Math.log2(settings.halfLifeTurns * step * fastUnits(tiers, unitCounts));
      const steps = Math.round(Math.max(minHalfLifeLog2, wanted) * halfLifeSteps);
      return 2 ** (steps / halfLifeSteps);
    },
    admits: patternAllows,
    plan: (snapshot: Snapshot, budget: PlanBudget) =>
      new BalancedPlan(snapshot, budget, settings).make(),
  };
}
