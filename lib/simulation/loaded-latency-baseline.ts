/**
 * What latency balancing is compared with: the hottest units in the fastest tier whatever its load, as systems do that
 * look at hotness only (HeMem, MEMTIS, TPP).
 */

import { hintAllows } from '../policy/admission.ts';
import { moveNs } from '../policy/cost-model.ts';
import { PlanBuilder } from '../policy/plan-builder.ts';
import type { Plan, PlanBudget, Policy, Snapshot } from '../policy/policy.ts';

/** A unit changes places only with one this much colder: log2. */
const marginLog2 = 1;

/** Two tiers; heat halves in `halfLifeAccesses`. */
export function hottestFirst(halfLifeAccesses: number): Policy {
  return {
    name: 'hottest-first',
    halfLifeAccesses: () => halfLifeAccesses,
    admits: hintAllows,
    plan: planHottest,
  };
}

function planHottest(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { units, tiers, costs } = snapshot;
  const builder = new PlanBuilder(snapshot, budget);
  const byHeat = (tier: number): number[] =>
    Array.from({ length: units.length }, (_, row) => row)
      .filter((row) => units.tier[row] === tier)
      .sort((a, b) => units.heatLog2[b] - units.heatLog2[a] || a - b);
  const victims = byHeat(0).reverse();
  const costNs = (row: number, to: number): number =>
    moveNs(tiers[1 - to], tiers[to], units.bytes[row], costs);
  let victim = 0;
  for (const row of byHeat(1)) {
    const mark = builder.mark();
    let next = victim;
    while (!builder.fits(0, units.bytes[row]) && next < victims.length) {
      const cold = victims[next++];
      if (units.heatLog2[cold] + marginLog2 > units.heatLog2[row]) break;
      if (!builder.add(cold, 1, 'victim', 0, costNs(cold, 1))) break;
    }
    if (!builder.fits(0, units.bytes[row]) || !builder.add(row, 0, 'hot', 0, costNs(row, 0))) {
      builder.rollback(mark);
      break;
    }
    victim = next;
  }
  return builder.build([]);
}
