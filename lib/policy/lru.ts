/**
 * `lru`: what was used since the last plan goes to the fastest tier, what was used least recently makes room, one
 * tier down, and so on. The baseline everybody knows: it asks no move whether it pays.
 */

import { patternAllows } from './admission.ts';
import { moveNs } from './cost-model.ts';
import { fastUnits } from './fast-units.ts';
import { PlanBuilder } from './plan-builder.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { RoomMaker } from './room-maker.ts';

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
  const { tiers, units, costs } = snapshot;
  const builder = new PlanBuilder(snapshot, budget);
  const recency = Float64Array.from(units.heatLog2.subarray(0, units.length));
  const room = new RoomMaker(snapshot, builder, {
    score: recency,
    eligible: () => true,
    destination: (_row, from) => from + 1,
    gainNs: () => 0,
    costNs: (row, from, to) => moveNs(tiers[from], tiers[to], units.bytes[row], costs),
    demoted: () => {},
  });
  const used: number[] = [];
  for (let row = 0; row < units.length; row++) {
    if (units.tier[row] > 0 && units.reads[row] + units.writes[row] > 0) used.push(row);
  }
  used.sort((a, b) => recency[b] - recency[a] || a - b);
  for (const row of used) {
    const mark = builder.mark();
    const positions = room.positions();
    const bytes = units.bytes[row];
    const from = units.tier[row];
    if (builder.taken(row)) continue;
    builder.expectLeaving(from, bytes);
    if (!room.make(0, bytes, { below: recency[row], reason: 'victim' })) {
      builder.rollback(mark);
      room.restore(positions);
      builder.refuse('room');
      continue;
    }
    if (!builder.add(row, 0, 'recent', 0, moveNs(tiers[from], tiers[0], bytes, costs))) {
      builder.rollback(mark);
      builder.refuse('budget');
      break;
    }
  }
  const coldest = tiers.slice(0, -1).map((_, k) => {
    const held = snapshot.histograms[k]?.bins.findIndex((bytes) => bytes > 0) ?? -1;
    return held < 0 ? -Infinity : snapshot.histograms[k].minLog2 + held;
  });
  return builder.build(coldest);
}
