/** How often each unit is read and written in a part of a log, and what that costs in each tier. */

import { accessNs, type CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';

/** Rows of a log by unit; expected demand need not be whole. */
export interface Demand {
  readonly reads: Float64Array;
  readonly writes: Float64Array;
}

/** A demand of nothing. */
export function noDemand(log: AccessLog): Demand {
  return {
    reads: new Float64Array(log.unitCount),
    writes: new Float64Array(log.unitCount),
  };
}

/** Adds rows `from` up to, not including, `to`. */
export function addDemand(demand: Demand, log: AccessLog, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    if (log.write[row] === 1) demand.writes[log.unit[row]]++;
    else demand.reads[log.unit[row]]++;
  }
}

/** Costs of the units of one log. */
export class UnitCosts {
  readonly #log: AccessLog;
  readonly #tiers: readonly ModelledTier[];
  readonly #costs: CostModel;

  constructor(log: AccessLog, tiers: readonly ModelledTier[], costs: CostModel) {
    this.#log = log;
    this.#tiers = tiers;
    this.#costs = costs;
  }

  /** Modelled time of all that is asked of a unit if it is in `tier`, in nanoseconds. */
  servedNs(unit: number, tier: number, demand: Demand): number {
    const reads = demand.reads[unit];
    const rows = reads + demand.writes[unit];
    if (rows === 0) return 0;
    const bytes = this.#log.sizeBytes[unit];
    const writeShare = demand.writes[unit] / rows;
    const each = accessNs(this.#tiers[tier], bytes, writeShare, this.#costs);
    return rows * this.#log.weight * each;
  }

  /** Modelled time of one row, with all accesses it stands for. */
  rowNs(unit: number, tier: number, write: number): number {
    const bytes = this.#log.sizeBytes[unit];
    return this.#log.weight * accessNs(this.#tiers[tier], bytes, write, this.#costs);
  }

  /** Nanoseconds saved per byte by serving `demand` from the fastest tier instead of the last. */
  density(unit: number, demand: Demand): number {
    const saved =
      this.servedNs(unit, this.#tiers.length - 1, demand) - this.servedNs(unit, 0, demand);
    return saved / this.#log.sizeBytes[unit];
  }
}
