/** What most papers call the oracle: each window is placed for by what it will ask. */

import type { CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { addDemand, noDemand } from './demand.ts';
import { type MovingPlacement, PeriodOracle } from './period-oracle.ts';

/** Options of {@link windowOracle}. */
export interface WindowOracleOptions {
  /** Windows of equal length the log is cut into. Default 200. */
  readonly windows?: number | undefined;
  /** Only moves that save in their window what they cost. Default true; false is often worse than never moving. */
  readonly gated?: boolean | undefined;
}

/**
 * Plays the next-window oracle, its moves charged. It looks one window ahead, so it is no bound.
 *
 * @param tiers fastest first; the last is taken to be unbounded
 */
export function windowOracle(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
  options: WindowOracleOptions = {},
): MovingPlacement {
  const windows = Math.min(options.windows ?? 200, log.length);
  const oracle = new PeriodOracle(log, tiers, costs, options.gated ?? true);
  for (let window = 0; window < windows; window++) {
    const from = Math.floor((window * log.length) / windows);
    const to = Math.floor(((window + 1) * log.length) / windows);
    const demand = noDemand(log);
    addDemand(demand, log, from, to);
    oracle.play(from, to, demand);
  }
  return oracle.result();
}
