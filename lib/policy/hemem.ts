/**
 * `hemem`: fixed thresholds on access counts. A unit with 8 uses is hot and goes to the fastest tier, where only a
 * unit that is not hot makes room for it; when a count reaches 18, all counts are halved.
 *
 * Source: HeMem (Raybuck et al., SOSP 2021), constants of the newer branch of its code: 8 reads or 4 writes (a write
 * counts twice here), cooling at 18. What is approximated: a snapshot's heat cools with time and not when a count
 * gets to 18. Halving at 18 keeps the hottest unit there and everything else in proportion, so here a unit is hot
 * that has 8 uses, and 8/18 of the hottest one's once that has more than 18.
 */

import { densityLog2 } from '../tracking/heat.ts';
import { hintAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { candidatesBy, fastest, Promoter, useStep, usesColumn } from './promoter.ts';

/** Parameters of {@link hememPolicy}. */
export interface HememOptions {
  /** Uses from which a unit is hot. Default 8. */
  readonly hotUses: number;
  /** Uses at which counts are halved. Default 18. */
  readonly coolUses: number;
}

/** What {@link hememPolicy} uses unless told otherwise. */
export const hememDefaults: HememOptions = { hotUses: 8, coolUses: 18 };

/** Half-life of the counts the rule is applied to, in accesses for each unit the fastest tier holds. */
const halfLifeTurns = 8;
/** Shortest half-life, so that counts of a small tier can get to the thresholds at all. */
const minHalfLifeAccesses = 1024;

/** Makes the policy with HeMem's thresholds. */
export function hememPolicy(options: Partial<HememOptions> = {}): Policy {
  const settings: HememOptions = { ...hememDefaults, ...options };
  return {
    name: 'hemem',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) =>
      Math.max(minHalfLifeAccesses, halfLifeTurns * fastUnits(tiers, unitCounts)),
    admits: hintAllows,
    plan: (snapshot: Snapshot, budget: PlanBudget) => planHemem(snapshot, budget, settings),
  };
}

function planHemem(
  snapshot: Snapshot,
  budget: PlanBudget,
  { hotUses, coolUses }: HememOptions,
): Plan {
  const { tiers, units } = snapshot;
  let hottest = 0;
  const counts = usesColumn(snapshot).map((uses, row) => {
    const used = units.reads[row] + units.writes[row];
    const count = used > 0 ? uses * (1 + units.writes[row] / used) : uses;
    if (count > hottest) hottest = count;
    return count;
  });
  const hot = Math.max(hotUses, (hottest * hotUses) / coolUses);
  const promoter = new Promoter(snapshot, budget, { score: counts });
  const candidates = candidatesBy(snapshot, counts, (row) => counts[row] >= hot);
  promoter.moveAll(candidates, fastest, () => ({ reason: 'hot', below: hot }));
  const meanBytes = meanUnitBytes(snapshot);
  const threshold = densityLog2(Math.log2(hot * useStep(snapshot)), meanBytes);
  return promoter.build(tiers.slice(0, -1).map(() => threshold));
}

/** The rule counts uses whatever a unit's size; as a density it holds for units of average size. */
function meanUnitBytes({ tiers, unitCounts }: Snapshot): number {
  const bytes = tiers.reduce((sum, tier) => sum + tier.usedBytes, 0);
  const units = unitCounts.reduce((sum, count) => sum + count, 0);
  return units > 0 && bytes > 0 ? bytes / units : 1;
}
