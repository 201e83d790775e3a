/**
 * The best cuts at a given price of time: least of (cost per month + price x average access time) over all ways to
 * deal the ordered units out to the tiers in turn, each within its capacity.
 *
 * Hot units belong in fast tiers whatever the price, so the optimum is among these as long as units differ in rate
 * and size but not in what a tier saves them (exchange argument; with sizes above and below a cache line the order is
 * a good one instead of the best). Dynamic programme over tiers and positions, a sliding minimum for the capacity:
 * O(tiers * units) a call.
 */

import type { PlacementOrder } from './placement-order.ts';

/** Buffers for any number of calls over one order. */
export class CheapestCuts {
  readonly #order: PlacementOrder;
  #previous: Float64Array;
  #current: Float64Array;
  readonly #start: readonly Int32Array[];
  readonly #window: Int32Array;

  constructor(order: PlacementOrder) {
    const positions = order.length + 1;
    this.#order = order;
    this.#previous = new Float64Array(positions);
    this.#current = new Float64Array(positions);
    this.#start = order.ns.map(() => new Int32Array(positions));
    this.#window = new Int32Array(positions);
  }

  /**
   * Cuts for a price of `nsPrice` (cost per month a nanosecond of the average access time is worth): tier k, fastest
   * first, holds the units from position `cuts[k]` to `cuts[k + 1]`. Undefined when the tiers cannot hold the units.
   */
  at(nsPrice: number): number[] | undefined {
    const { length, ns } = this.#order;
    this.#previous.fill(Infinity);
    this.#previous[0] = 0;
    for (let k = 0; k < ns.length; k++) this.#addTier(k, nsPrice);
    if (this.#previous[length] === Infinity) return undefined;
    const cuts = new Array<number>(ns.length + 1).fill(length);
    for (let k = ns.length - 1; k >= 0; k--) cuts[k] = this.#start[k][cuts[k + 1]];
    return cuts;
  }

  /** Position p after tier k costs what it cost before the tier began at the best place, and the tier until p. */
  #addTier(k: number, nsPrice: number): void {
    const { bytes, ns, costPerByte, capacityBytes, length } = this.#order;
    const previous = this.#previous;
    const current = this.#current;
    for (let p = 0; p <= length; p++) {
      const until = costPerByte[k] * bytes[p] + nsPrice * ns[k][p];
      current[p] = until;
      previous[p] -= until;
    }
    if (capacityBytes[k] >= bytes[length]) this.#unbounded(this.#start[k]);
    else this.#bounded(this.#start[k], capacityBytes[k]);
    this.#previous = current;
    this.#current = previous;
  }

  #unbounded(start: Int32Array): void {
    const begun = this.#previous;
    const current = this.#current;
    let from = 0;
    for (let p = 0; p < begun.length; p++) {
      if (begun[p] <= begun[from]) from = p;
      current[p] += begun[from];
      start[p] = from;
    }
  }

  /** The window holds the places the tier can begin at without overflowing, best first. */
  #bounded(start: Int32Array, capacity: number): void {
    const { bytes } = this.#order;
    const begun = this.#previous;
    const current = this.#current;
    const window = this.#window;
    let head = 0;
    let tail = 0;
    for (let p = 0; p < begun.length; p++) {
      while (tail > head && begun[window[tail - 1]] >= begun[p]) tail--;
      window[tail++] = p;
      while (bytes[p] - bytes[window[head]] > capacity) head++;
      start[p] = window[head];
      current[p] += begun[window[head]];
    }
  }
}
