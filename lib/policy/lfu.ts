/**
 * `lfu`: the fastest tier holds what was used most often for its bytes. Counts age slowly (an LFU that never forgets
 * keeps yesterday's favourites for ever), and a unit displaces another only when it is ahead by a whole use, as
 * integer counts would demand: without that, two equals would change places at each use.
 *
 * LFU with ageing is Arlitt et al., "Evaluating content management techniques for Web proxy caches" (2000), there
 * with a sum that grows at each eviction; the half-life of 64 turns here is ours.
 */

import { hintAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { candidatesBy, fastest, Promoter, usesColumn } from './promoter.ts';
import { nestedThresholds } from './thresholds.ts';

/** Parameters of {@link lfuPolicy}. */
export interface LfuOptions {
  /** Accesses for each unit the fastest tier holds in which a count halves. Default 64. */
  readonly halfLifeTurns: number;
}

/** What {@link lfuPolicy} uses unless told otherwise. */
export const lfuDefaults: LfuOptions = { halfLifeTurns: 64 };

/** Makes the least-frequently-used policy. */
export function lfuPolicy({
  halfLifeTurns = lfuDefaults.halfLifeTurns,
}: Partial<LfuOptions> = {}): Policy {
  return {
    name: 'lfu',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(1, halfLifeTurns * fastUnits(tiers, unitCounts)),
    admits: hintAllows,
    plan: planLfu,
  };
}

function planLfu(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { units } = snapshot;
  const uses = usesColumn(snapshot);
  const density = uses.map((count, row) => count / units.bytes[row]);
  const promoter = new Promoter(snapshot, budget, { score: density });
  const used = candidatesBy(snapshot, density, (row) => units.reads[row] + units.writes[row] > 0);
  promoter.moveAll(used, fastest, (row) => ({
    reason: 'hot',
    below: (uses[row] - 1) / units.bytes[row],
  }));
  return promoter.build(nestedThresholds(snapshot.tiers, snapshot.histograms));
}
