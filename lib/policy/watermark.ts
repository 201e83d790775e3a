/**
 * `watermark`: like Linux with tiering on. A unit is promoted at its second use within a turn of the fastest tier,
 * into free room only; independently of that the least recently used leave a tier that runs out of free room.
 *
 * Source: TPP (Maruf et al., ASPLOS 2023) and Linux >= 5.18: promotion at the second hint fault
 * (`numa_promotion_tiering`), demotion by reclaim (`kswapd`), which a promotion that finds no room wakes, and free
 * room of 2 % (`demote_scale_factor` 200) kept for allocations, which may use it. Linux' rate limit is the engine's
 * here, and its threshold in milliseconds a number of accesses, since a policy has no clock.
 */

import { fitsAt } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot } from './policy.ts';
import { candidatesBy, fastest, Promoter, usesColumn } from './promoter.ts';

/** Parameters of {@link watermarkPolicy}. */
export interface WatermarkOptions {
  /** Uses within a turn of the fastest tier that earn a promotion. Default 2. */
  readonly hotUses: number;
  /** Free share of a tier below which it demotes. Default 0.02. */
  readonly lowShare: number;
}

/** What {@link watermarkPolicy} uses unless told otherwise. */
export const watermarkDefaults: WatermarkOptions = { hotUses: 2, lowShare: 0.02 };

/** Room that promotions waiting for it get in one plan: what lies between the kernel's watermarks, 1 % of a tier. */
const wokenShare = 0.01;

/** Makes the policy with watermarks. */
export function watermarkPolicy(options: Partial<WatermarkOptions> = {}): Policy {
  const settings: WatermarkOptions = { ...watermarkDefaults, ...options };
  return {
    name: 'watermark',
    halfLifeAccesses: fastUnits,
    admits: fitsAt,
    plan: (snapshot: Snapshot, budget: PlanBudget) => planWatermark(snapshot, budget, settings),
  };
}

function planWatermark(
  snapshot: Snapshot,
  budget: PlanBudget,
  { hotUses, lowShare }: WatermarkOptions,
): Plan {
  const { tiers, units } = snapshot;
  const uses = usesColumn(snapshot);
  // A use one turn ago counts half by now.
  const enough = hotUses - 0.5;
  const promoter = new Promoter(snapshot, budget, { score: uses });
  const hot = candidatesBy(
    snapshot,
    uses,
    (row) => units.reads[row] + units.writes[row] > 0 && uses[row] >= enough,
  );
  const waiting = hot.reduce((sum, row) => sum + units.bytes[row], 0);
  promoter.restoreHeadroom(lowShare, () => Infinity);
  promoter.makeRoom(0, Math.min(waiting, wokenShare * tiers[0].capacityBytes));
  promoter.moveAll(hot, fastest, () => ({ reason: 'hot', below: -Infinity }));
  return promoter.build(tiers.slice(0, -1).map(() => -Infinity));
}
