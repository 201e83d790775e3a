/**
 * The best placement that never moves, chosen with the whole workload's counts: what is left to gain beyond it takes
 * moves.
 */

import type { CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { addDemand, noDemand, UnitCosts } from './demand.ts';
import { TierRoom } from './tier-room.ts';

/** What {@link staticOracle} found. */
export interface StaticPlacement {
  /** Average modelled time of an access, in nanoseconds; 0 for an empty log. */
  readonly accessNs: number;
  /** By unit: index into the tiers. */
  readonly tierOf: Uint8Array;
}

/**
 * Fills the tiers top down with the units that save most time per byte; the first that does not fit closes a tier.
 * Exact for units of equal size; else within one unit a tier of the optimum.
 *
 * @param tiers fastest first; the last is taken to be unbounded
 */
export function staticOracle(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
): StaticPlacement {
  const demand = noDemand(log);
  addDemand(demand, log, 0, log.length);
  const unitCosts = new UnitCosts(log, tiers, costs);
  const density = new Float64Array(log.unitCount);
  for (let unit = 0; unit < log.unitCount; unit++) density[unit] = unitCosts.density(unit, demand);
  const order = Uint32Array.from(density.keys()).sort((a, b) => density[b] - density[a] || a - b);
  const room = new TierRoom(tiers);
  const tierOf = new Uint8Array(log.unitCount);
  let sum = 0;
  let tier = 0;
  for (const unit of order) {
    tier = room.find(log.sizeBytes[unit], tier);
    room.take(tier, log.sizeBytes[unit]);
    tierOf[unit] = tier;
    sum += unitCosts.servedNs(unit, tier, demand);
  }
  const accesses = log.length * log.weight;
  return { accessNs: accesses === 0 ? 0 : sum / accesses, tierOf };
}
