/**
 * `lru`: what was used since the last plan goes to the fastest tier, what was used least recently makes room, one
 * tier down, and so on. The baseline everybody knows: it asks no move whether it pays.
 */

import { patternAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { candidatesBy, fastest, Promoter } from './promoter.ts';

/** Half-lives in the time the fastest tier is used over once: heat is recency, and still fits the histogram. */
const halfLivesPerTurn = 64;

/** Makes the least-recently-used policy. */
export function lruPolicy(): Policy {
  return {
    name: 'lru',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(1, fastUnits(tiers, unitCounts) / halfLivesPerTurn),
    admits: patternAllows,
    plan: planLru,
  };
}

function planLru(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { tiers, units, histograms } = snapshot;
  const recency = new Float64Array(units.heatLog2.subarray(0, units.length));
  const used = candidatesBy(snapshot, recency, (row) => units.reads[row] + units.writes[row] > 0);
  const promoter = new Promoter(snapshot, budget, { score: recency, predicts: false });
  promoter.moveAll(used, fastest, (row) => ({ reason: 'recent', below: recency[row] }));
  const coldest = tiers.slice(0, -1).map((_, k) => {
    const held = histograms[k]?.bins.findIndex((bytes) => bytes > 0) ?? -1;
    return held < 0 ? -Infinity : histograms[k].minLog2 + held;
  });
  return promoter.build(coldest);
}
