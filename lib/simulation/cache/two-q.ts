/**
 * 2Q, full version (Johnson and Shasha, VLDB 1994): what comes is queued once through a part of the cache; who is used
 * again after it left there, while it is remembered, joins the rest of the cache, an LRU list.
 */

import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';

const arrivals = 0;
const ghost = 1;
const main = 2;

const arrivalShare = 0.25;
const ghostShare = 0.5;

/** The policy with the shares its authors recommend. */
export class TwoQCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #queues: UnitQueues;
  readonly #arrivalCapacity: number;
  readonly #ghostCapacity: number;

  constructor(room: CacheRoom) {
    this.#room = room;
    this.#queues = new UnitQueues(room.sizes, 3);
    this.#arrivalCapacity = Math.floor(room.capacity * arrivalShare);
    this.#ghostCapacity = Math.floor(room.capacity * ghostShare);
  }

  use(unit: number): boolean {
    const queues = this.#queues;
    if (queues.has(arrivals, unit)) return true;
    if (queues.has(main, unit)) {
      queues.push(main, unit);
      return true;
    }
    const { capacity, sizes } = this.#room;
    const known = queues.has(ghost, unit);
    queues.remove(unit);
    const size = sizes[unit];
    if (size > this.#arrivalCapacity) return false;
    while (queues.used(arrivals) + queues.used(main) + size > capacity) this.#evict();
    if (known) {
      const mainCapacity = capacity - this.#arrivalCapacity;
      while (queues.used(main) + size > mainCapacity) queues.remove(queues.oldest(main));
    }
    queues.push(known ? main : arrivals, unit);
    return false;
  }

  #evict(): void {
    const queues = this.#queues;
    if (queues.used(arrivals) <= this.#arrivalCapacity) {
      queues.remove(queues.oldest(main));
      return;
    }
    const unit = queues.oldest(arrivals);
    const size = this.#room.sizes[unit];
    queues.remove(unit);
    while (queues.used(ghost) + size > this.#ghostCapacity) queues.remove(queues.oldest(ghost));
    queues.push(ghost, unit);
  }
}
