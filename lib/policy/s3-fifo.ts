/**
 * `s3-fifo`: a second use soon after the first earns a place in the fastest tier; there units wait in the order in
 * which they came, and one that was used meanwhile gets another chance.
 *
 * Source: S3-FIFO (Yang et al., SOSP 2023): a small queue that drops what is used once, a ghost queue as long as the
 * main one that remembers it, and a main queue with counts up to 3, of which each pass of the hand takes one. What
 * is approximated by what a snapshot knows: small and ghost queue are the slower tiers, where a unit qualifies by a
 * second use within the time the main queue is used over; arrival is the end of the unit's dwell, so units that never
 * moved are the oldest; and counts fade with time instead of by the hand, so a place is to be had only of a unit
 * whose count has come down below one.
 */

import { hintAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot } from './policy.ts';
import { candidatesBy, fastest, Promoter, usesColumn, wholeUses } from './promoter.ts';

const maxCount = 3;
/** A use one half-life ago counts half: the second use makes one and a half. */
const secondUse = 1.5;

/** Makes the policy with S3-FIFO's queues. */
export function s3FifoPolicy(): Policy {
  return {
    name: 's3-fifo',
    halfLifeAccesses: fastUnits,
    admits: hintAllows,
    plan: planS3Fifo,
  };
}

function planS3Fifo(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { tiers, units, accessClock } = snapshot;
  const uses = usesColumn(snapshot);
  const rank = uses.map((count, row) => {
    // 0 for what never moved, towards 1 for what came last.
    const arrival = units.dwellUntil[row] / (units.dwellUntil[row] + accessClock + 1);
    return wholeUses(count, maxCount) + arrival;
  });
  const again = candidatesBy(
    snapshot,
    uses,
    (row) => units.reads[row] + units.writes[row] > 0 && uses[row] >= secondUse,
  );
  const promoter = new Promoter(snapshot, budget, { score: rank });
  promoter.moveAll(again, fastest, () => ({ reason: 'recent', below: 1 }));
  return promoter.build(tiers.slice(0, -1).map(() => -Infinity));
}
