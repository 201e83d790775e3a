/**
 * S3-FIFO (Yang et al., SOSP 2023): a small queue that drops what is not used again soon, a ghost queue that remembers
 * it, and a main queue in which what was used gets another round.
 */

import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';

const small = 0;
const main = 1;
const ghost = 2;

const smallShare = 0.1;
const ghostShare = 0.9;
/** Uses in the small queue that earn a place in the main one. */
const usesToStay = 2;
const maxUses = 3;

/** The policy with its published shares. */
export class S3FifoCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #queues: UnitQueues;
  readonly #uses: Uint8Array;
  readonly #smallCapacity: number;
  readonly #ghostCapacity: number;

  constructor(room: CacheRoom) {
    this.#room = room;
    this.#queues = new UnitQueues(room.sizes, 3);
    this.#uses = new Uint8Array(room.sizes.length);
    this.#smallCapacity = Math.floor(room.capacity * smallShare);
    this.#ghostCapacity = Math.floor(room.capacity * ghostShare);
  }

  use(unit: number): boolean {
    const queues = this.#queues;
    if (queues.has(small, unit) || queues.has(main, unit)) {
      if (this.#uses[unit] < maxUses) this.#uses[unit]++;
      return true;
    }
    const { capacity, sizes } = this.#room;
    const known = queues.has(ghost, unit);
    queues.remove(unit);
    const size = sizes[unit];
    if (size > this.#smallCapacity) return false;
    while (queues.used(small) + queues.used(main) + size > capacity) this.#evict();
    if (!known && size >= this.#smallCapacity) return false;
    queues.push(known ? main : small, unit);
    this.#uses[unit] = 0;
    return false;
  }

  #evict(): void {
    const queues = this.#queues;
    const mainCapacity = this.#room.capacity - this.#smallCapacity;
    if (queues.used(main) > mainCapacity || queues.used(small) === 0) this.#evictMain();
    else this.#evictSmall();
  }

  #evictSmall(): void {
    const queues = this.#queues;
    for (let unit = queues.oldest(small); unit >= 0; unit = queues.oldest(small)) {
      const stays = this.#uses[unit] >= usesToStay;
      if (stays) {
        queues.push(main, unit);
        this.#uses[unit] = 0;
        continue;
      }
      this.#remember(unit);
      return;
    }
  }

  #remember(unit: number): void {
    const queues = this.#queues;
    queues.remove(unit);
    const size = this.#room.sizes[unit];
    if (size > this.#ghostCapacity) return;
    while (queues.used(ghost) + size > this.#ghostCapacity) queues.remove(queues.oldest(ghost));
    queues.push(ghost, unit);
  }

  #evictMain(): void {
    const queues = this.#queues;
    for (let unit = queues.oldest(main); unit >= 0; unit = queues.oldest(main)) {
      if (this.#uses[unit] === 0) {
        queues.remove(unit);
        return;
      }
      this.#uses[unit]--;
      queues.push(main, unit);
    }
  }
}
