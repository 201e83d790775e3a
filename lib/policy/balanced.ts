/**
 * `balanced`, the default: every unit in the tier its use earns, and no move that does not pay for itself.
 *
 * A unit is promoted when the accesses expected of it, times what each saves by the tiers' figures, exceed what the
 * move and its victims cost. What to expect is learned from the program (reuse.ts), so it needs no threshold to be
 * tuned; where a move is dear for what it saves (DRAM and CXL) it moves little, where a miss is dear (NVMe) a lot.
 */

import { patternAllows } from './admission.ts';
import { BalancedPlan } from './balanced-plan.ts';
import { fastUnits } from './fast-units.ts';
import type { PlanBudget, Policy, Snapshot, TierState } from './policy.ts';

/** Parameters of {@link balancedPolicy}. */
export interface BalancedOptions {
  /** Half-life of heat, in accesses for each unit the fastest tier holds. */
  readonly halfLifeTurns: number;
  /** A move has to bring `1 + margin` times its cost. */
  readonly margin: number;
  /** What a nanosecond of moving is worth in nanoseconds of accesses: 1 is in the foreground, 0 is free. */
  readonly moveWeight: number;
}

/** What {@link balancedPolicy} uses unless told otherwise. */
export const balancedDefaults: BalancedOptions = { halfLifeTurns: 8, margin: 1, moveWeight: 1 };

/** Shortest half-life: below it heat would be noise. */
const minHalfLifeAccesses = 1024;

/** Makes the default policy. */
export function balancedPolicy(options: Partial<BalancedOptions> = {}): Policy {
  const settings: BalancedOptions = { ...balancedDefaults, ...options };
  return {
    name: 'balanced',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(minHalfLifeAccesses, settings.halfLifeTurns * fastUnits(tiers, unitCounts)),
    admits: patternAllows,
    plan: (snapshot: Snapshot, budget: PlanBudget) =>
      new BalancedPlan(snapshot, budget, settings).make(),
  };
}
