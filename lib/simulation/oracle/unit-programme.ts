/**
 * The cheapest course of one unit through the tiers when room has a price: dynamic programming over its accesses.
 * An access is served where the unit is after an optional move right at it; between two accesses it may stay in a
 * third tier. The first access places it for nothing and nothing is asked of it after the end. It takes room wherever
 * it is in each row from its first on, also in those it only visits to be served.
 */

import { accessNs, type CostModel, moveNs } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import type { CapacityPrices } from './capacity-prices.ts';
import type { UnitRows } from './unit-rows.ts';

/** Reused for all units of a log; O(tiers²) an access. */
export class UnitProgramme {
  readonly #log: AccessLog;
  readonly #tiers: readonly ModelledTier[];
  readonly #costs: CostModel;
  readonly #rows: UnitRows;
  /** Where the stay before access `j` was if it is served in `y`: `#stay[j * tiers + y]`. */
  readonly #stay: Uint8Array;
  /** Which tier served the access before the stay before `j` in `c`: `#served[j * tiers + c]`. */
  readonly #served: Uint8Array;
  /** Cheapest course so far that ends with an access served in `y`. */
  readonly #best: Float64Array;
  /** Cheapest course so far that ends with a stay in `c`. */
  readonly #after: Float64Array;
  /** What a byte costs from the start of the log to the end of the last access. */
  readonly #paid: Float64Array;
  /** Of units of `#bytes`: from × to, and by tier and operation. */
  readonly #moveNs: Float64Array;
  readonly #accessNs: Float64Array;
  #bytes = Number.NaN;

  constructor(log: AccessLog, tiers: readonly ModelledTier[], costs: CostModel, rows: UnitRows) {
    const count = tiers.length;
    this.#log = log;
    this.#tiers = tiers;
    this.#costs = costs;
    this.#rows = rows;
    this.#stay = new Uint8Array((rows.longest + 1) * count);
    this.#served = new Uint8Array((rows.longest + 1) * count);
    this.#best = new Float64Array(count);
    this.#after = new Float64Array(count);
    this.#paid = new Float64Array(count);
    this.#moveNs = new Float64Array(count * count);
    this.#accessNs = new Float64Array(count * 2);
  }

  /** Cost of the cheapest course of a unit, room paid for; adds the room it takes to `prices`. */
  solve(unit: number, prices: CapacityPrices): number {
    const bytes = this.#log.sizeBytes[unit];
    if (bytes !== this.#bytes) this.#setBytes(bytes);
    const { rows, first } = this.#rows;
    const start = first[unit];
    const length = first[unit + 1] - start;
    this.#serve(0, rows[start], prices);
    for (let j = 1; j < length; j++) {
      const row = rows[start + j];
      this.#wait(j, row, prices);
      this.#serve(j, row, prices);
    }
    this.#wait(length, this.#log.length, prices);
    const after = this.#after;
    let last = 0;
    for (let c = 1; c < after.length; c++) if (after[c] < after[last]) last = c;
    this.#takeRoom(start, length, last, prices);
    return after[last];
  }

  #setBytes(bytes: number): void {
    this.#bytes = bytes;
    const tiers = this.#tiers;
    const { weight } = this.#log;
    tiers.forEach((to, y) => {
      const fits = y === tiers.length - 1 || bytes <= to.capacityBytes;
      for (const write of [0, 1]) {
        const each = fits ? accessNs(to, bytes, write, this.#costs) : Infinity;
        this.#accessNs[2 * y + write] = weight * each;
      }
      tiers.forEach((from, x) => {
        const ns = fits ? moveNs(from, to, bytes, this.#costs) : Infinity;
        this.#moveNs[x * tiers.length + y] = x === y ? 0 : ns;
      });
    });
  }

  /** Access `j`: from the stays before it, or placed when it is the first. */
  #serve(j: number, row: number, prices: CapacityPrices): void {
    const count = this.#best.length;
    const after = this.#after;
    const write = this.#log.write[row];
    for (let y = 0; y < count; y++) {
      let stay = y;
      let cost = j === 0 ? 0 : after[y];
      for (let c = 0; j > 0 && c < count; c++) {
        const other = after[c] + this.#moveNs[c * count + y];
        if (other < cost) {
          cost = other;
          stay = c;
        }
      }
      this.#stay[j * count + y] = stay;
      this.#best[y] = cost + this.#accessNs[2 * y + write] + this.#bytes * prices.at(y, row);
      this.#paid[y] = prices.until(y, row + 1);
    }
  }

  /** The stay before access `j`, which is in `row`. */
  #wait(j: number, row: number, prices: CapacityPrices): void {
    const count = this.#best.length;
    const best = this.#best;
    const after = this.#after;
    for (let c = 0; c < count; c++) {
      let served = c;
      let cost = best[c];
      for (let x = 0; x < count; x++) {
        const other = best[x] + this.#moveNs[x * count + c];
        if (other < cost) {
          cost = other;
          served = x;
        }
      }
      this.#served[j * count + c] = served;
      after[c] = cost + this.#bytes * (prices.until(c, row) - this.#paid[c]);
    }
  }

  /** Goes back over the course that ends with a stay in `last`; time in one tier is taken in one. */
  #takeRoom(start: number, length: number, last: number, prices: CapacityPrices): void {
    const count = this.#best.length;
    const { rows } = this.#rows;
    let tier = last;
    let end = this.#log.length;
    const leave = (to: number, row: number): void => {
      if (to === tier) return;
      if (row < end) prices.take(tier, this.#bytes, row, end);
      end = row;
      tier = to;
    };
    for (let j = length; j > 0; j--) {
      const row = rows[start + j - 1];
      leave(this.#served[j * count + tier], row + 1);
      if (j > 1) leave(this.#stay[(j - 1) * count + tier], row);
    }
    prices.take(tier, this.#bytes, rows[start], end);
  }
}
