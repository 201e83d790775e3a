/** What a plan expects of every unit it considers: further accesses, and how it ranks among the others. */

import { densityBytes } from '../tracking/heat.ts';
import { accessNs } from './cost-model.ts';
import type { Snapshot } from './policy.ts';
import { readReuse, reuseHorizons } from './reuse.ts';

/** Without a table, realised benefit below a quarter of the predicted one is not believed: it could never recover. */
const minRealisedShare = 0.25;
/** The horizon that ranks units: a quarter of a half-life. */
const rankHorizon = 2;

/** Columns beside the snapshot's own, a row a unit. */
export class Expectation {
  /** Horizons told apart. */
  readonly width: number = reuseHorizons.length;
  /** Expected further accesses: `[row * width + horizon]`; the last horizon is one half-life. */
  readonly accesses: Float64Array;
  /** Expected accesses per 2 MiB within the ranking horizon: the higher, the faster the tier. */
  readonly score: Float64Array;
  readonly #snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    const { units, reuse } = snapshot;
    const { width } = this;
    this.#snapshot = snapshot;
    this.accesses = new Float64Array(units.length * width);
    this.score = new Float64Array(units.length);
    const believed = Math.min(1, Math.max(minRealisedShare, snapshot.realisedShare));
    for (let row = 0; row < units.length; row++) {
      const used = units.reads[row] + units.writes[row];
      const heat = 2 ** units.heatLog2[row];
      if (reuse === undefined) {
        for (let h = 0; h < width; h++) {
          this.accesses[row * width + h] = heat * Math.LN2 * reuseHorizons[h] * believed;
        }
      } else {
        readReuse(reuse, units.heatLog2[row], used, this.accesses, row * width);
      }
      // Heat as the tie-breaker keeps an order below the table's coldest bin.
      const ranked = this.accesses[row * width + rankHorizon] + 1e-9 * heat;
      this.score[row] = (ranked * densityBytes) / units.bytes[row];
    }
  }

  /** Expected accesses within a half-life. */
  within(row: number): number {
    return this.accesses[row * this.width + this.width - 1];
  }

  /** Modelled time one access to the row takes less in tier `to` than in tier `from`. */
  savedNs(row: number, from: number, to: number): number {
    const { tiers, units, costs } = this.#snapshot;
    const used = units.reads[row] + units.writes[row];
    const writeShare = used > 0 ? units.writes[row] / used : 0;
    const bytes = units.bytes[row];
    return (
      accessNs(tiers[from], bytes, writeShare, costs) -
      accessNs(tiers[to], bytes, writeShare, costs)
    );
  }
}
