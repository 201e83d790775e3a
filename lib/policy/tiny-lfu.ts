/**
 * `tiny-lfu`: a used unit enters the fastest tier only if it was used more often, of late, than all the victims
 * together whose place it takes.
 *
 * Source: TinyLFU and W-TinyLFU (Einziger, Friedman, Manes, ACM ToS 2017) with the constants of Caffeine: counts up
 * to 15, halved every 10 accesses for each unit the fast tier holds, a candidate has to be strictly ahead. For units
 * of unequal size it is held against the sum of its victims ("Lightweight Robust Size Aware Cache Management", ACM
 * ToS 2022). What is approximated: counts are the units' own heat and not a sketch; victims are the least used
 * instead of the last of two queues; and there is no window for new units, since one that is not let in is not lost
 * here: it waits in the next tier, where its uses are counted as well.
 */

import { hintAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { candidatesBy, fastest, Promoter, usesColumn, wholeUses } from './promoter.ts';

/** Parameters of {@link tinyLfuPolicy}. */
export interface TinyLfuOptions {
  /** Accesses for each unit the fastest tier holds in which a count halves. Default 10. */
  readonly halfLifeTurns: number;
}

/** What {@link tinyLfuPolicy} uses unless told otherwise. */
export const tinyLfuDefaults: TinyLfuOptions = { halfLifeTurns: 10 };

const maxCount = 15;

/** Makes the policy with TinyLFU's admission. */
export function tinyLfuPolicy({
  halfLifeTurns = tinyLfuDefaults.halfLifeTurns,
}: Partial<TinyLfuOptions> = {}): Policy {
  return {
    name: 'tiny-lfu',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(1, halfLifeTurns * fastUnits(tiers, unitCounts)),
    admits: hintAllows,
    plan: planTinyLfu,
  };
}

function planTinyLfu(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { tiers, units } = snapshot;
  const uses = usesColumn(snapshot);
  // Whole counts as a sketch keeps them; the fraction only orders those that are equal.
  const rank = uses.map((count) => wholeUses(count, maxCount) + count / (count + 1) / 2);
  const used = candidatesBy(snapshot, uses, (row) => units.reads[row] + units.writes[row] > 0);
  const promoter = new Promoter(snapshot, budget, { score: rank });
  promoter.moveAll(used, fastest, (row) => {
    const count = Math.floor(rank[row]);
    let displaced = 0;
    return {
      reason: 'hot',
      below: count,
      worth: (victim) => {
        displaced += Math.floor(rank[victim]);
        return displaced < count;
      },
    };
  });
  return promoter.build(tiers.slice(0, -1).map(() => -Infinity));
}
