/** Prices of room as the static optimum implies them: from where the ascent to the lower bound starts. */

import type { CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { addDemand, noDemand, UnitCosts } from './demand.ts';
import { staticOracle } from './static-oracle.ts';

/** All but the last tier have an entry. */
export interface StartingPremiums {
  /** Nanoseconds that a byte of the tier saves over one of the next, a row; 0 where room is left. */
  readonly premiums: Float64Array;
  /** How far premiums of a tier may be expected to go, against other tiers and for one byte × row too many. */
  readonly scale: Float64Array;
  /** All accesses in the static optimum, in nanoseconds. */
  readonly totalNs: number;
}

/** What the unit that is worth least in a tier would lose in the next. */
export function startingPremiums(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
): StartingPremiums {
  const { tierOf, accessNs } = staticOracle(log, tiers, costs);
  const demand = noDemand(log);
  addDemand(demand, log, 0, log.length);
  const unitCosts = new UnitCosts(log, tiers, costs);
  const premiums = new Float64Array(tiers.length - 1);
  const scale = new Float64Array(tiers.length - 1);
  const slowest = tierOf.reduce((most, tier) => Math.max(most, tier), 0);
  let bytes = 0;
  for (let tier = 0; tier < slowest; tier++) {
    let least = Infinity;
    for (let unit = 0; unit < log.unitCount; unit++) {
      if (tierOf[unit] > tier) continue;
      const lost =
        unitCosts.servedNs(unit, tier + 1, demand) - unitCosts.servedNs(unit, tier, demand);
      least = Math.min(least, lost / log.sizeBytes[unit]);
    }
    bytes += tiers[tier].capacityBytes;
    premiums[tier] = Number.isFinite(least) ? Math.max(0, least) / log.length : 0;
    scale[tier] = premiums[tier] / bytes;
  }
  return { premiums, scale, totalNs: accessNs * log.length * log.weight };
}
