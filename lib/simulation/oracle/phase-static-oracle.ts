/**
 * The best that can be asked of an online policy on a workload with known phases: each phase's popularity is known
 * when it starts, and what moves for it moves at once.
 */

import type { CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { addDemand, type Demand, noDemand } from './demand.ts';
import { type MovingPlacement, PeriodOracle } from './period-oracle.ts';

/** A part of a log in which units are equally popular throughout. */
export interface Phase {
  /** First row; a phase ends where the next one starts. */
  readonly start: number;
  /**
   * Rows a unit is expected in, by unit number. Default: the rows it is in, which also knows the luck of the draw.
   */
  readonly popularity?: Readonly<Float64Array> | undefined;
}

/** Options of {@link phaseStaticOracle}. */
export interface PhaseStaticOracleOptions {
  /** Only moves that save in their phase what they cost. Default true. */
  readonly gated?: boolean | undefined;
}

/**
 * Plays the phase-static oracle, its moves charged.
 *
 * @param tiers fastest first; the last is taken to be unbounded
 * @param phases ascending; the first starts at row 0
 */
export function phaseStaticOracle(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
  phases: readonly Phase[],
  options: PhaseStaticOracleOptions = {},
): MovingPlacement {
  const oracle = new PeriodOracle(log, tiers, costs, options.gated ?? true);
  phases.forEach(({ start, popularity }, index) => {
    const end = Math.min(log.length, phases[index + 1]?.start ?? log.length);
    const counted = noDemand(log);
    addDemand(counted, log, start, end);
    oracle.play(start, end, popularity === undefined ? counted : expected(counted, popularity));
  });
  return oracle.result();
}

/** As popular as given, with the share of writes that was counted. */
function expected(counted: Demand, popularity: Readonly<Float64Array>): Demand {
  const writes = popularity.map((rows, unit) => {
    const all = counted.reads[unit] + counted.writes[unit];
    return all === 0 ? 0 : (rows * counted.writes[unit]) / all;
  });
  return { reads: popularity.map((rows, unit) => rows - writes[unit]), writes };
}
