/**
 * LIRS (Jiang and Zhang, SIGMETRICS 2002): ranks units by the time between their last two uses. A stack holds units in
 * the order of their last use down to the last one of low inter-reference recency (LIR); nearly all of the cache is
 * theirs. The others (HIR) pass through a short queue; who is used while it is in the stack becomes LIR.
 *
 * Where the paper leaves it open: the stack is cut to twice the cache, and a HIR unit that is used when it has left the
 * stack takes room for a LIR one at the price of the lowest (as in libCacheSim, whose figures these are compared with).
 */

import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';

const stacked = 0;
/** Queues of the HIR units that are in the cache, and of those only in the stack. */
const resident = 0;
const ghost = 1;

const hirShare = 0.01;
const stackShare = 2;

/** The policy with the share of HIR units its authors recommend. */
export class LirsCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #stack: UnitQueues;
  readonly #hir: UnitQueues;
  readonly #isLir: Uint8Array;
  readonly #lirCapacity: number;
  readonly #hirCapacity: number;
  #lirUsed = 0;

  constructor(room: CacheRoom) {
    this.#room = room;
    this.#stack = new UnitQueues(room.sizes, 1);
    this.#hir = new UnitQueues(room.sizes, 2);
    this.#isLir = new Uint8Array(room.sizes.length);
    this.#hirCapacity = Math.max(1, Math.floor(room.capacity * hirShare));
    this.#lirCapacity = room.capacity - this.#hirCapacity;
  }

  use(unit: number): boolean {
    const hit = this.#use(unit);
    while (this.#stack.used(stacked) > stackShare * this.#room.capacity) {
      const oldest = this.#hir.oldest(ghost);
      if (oldest < 0) break;
      this.#hir.remove(oldest);
      this.#stack.remove(oldest);
    }
    return hit;
  }

  #use(unit: number): boolean {
    const stack = this.#stack;
    const hir = this.#hir;
    if (stack.has(stacked, unit)) {
      stack.push(stacked, unit);
      if (this.#isLir[unit] === 1) {
        this.#prune();
        return true;
      }
      const hit = !hir.has(ghost, unit);
      if (!hit && this.#room.sizes[unit] > this.#room.capacity) return false;
      hir.remove(unit);
      this.#makeRoomForLir(unit);
      hir.remove(unit);
      this.#isLir[unit] = 1;
      this.#lirUsed += this.#room.sizes[unit];
      return hit;
    }
    if (hir.has(resident, unit)) {
      hir.push(resident, unit);
      this.#makeRoomForLir(unit);
      stack.push(stacked, unit);
      return true;
    }
    this.#add(unit);
    return false;
  }

  #add(unit: number): void {
    const size = this.#room.sizes[unit];
    if (size > this.#lirCapacity || size > this.#hirCapacity) return;
    this.#stack.push(stacked, unit);
    if (this.#lirUsed + size <= this.#lirCapacity) {
      this.#isLir[unit] = 1;
      this.#lirUsed += size;
      return;
    }
    while (this.#hir.used(resident) + size > this.#hirCapacity) this.#evictHir();
    this.#hir.push(resident, unit);
  }

  #makeRoomForLir(unit: number): void {
    while (this.#lirUsed + this.#room.sizes[unit] > this.#lirCapacity) this.#demoteLir();
  }

  #demoteLir(): void {
    const unit = this.#stack.oldest(stacked);
    const size = this.#room.sizes[unit];
    this.#isLir[unit] = 0;
    this.#lirUsed -= size;
    this.#stack.remove(unit);
    if (size <= this.#hirCapacity) {
      while (this.#hir.used(resident) + size > this.#hirCapacity) this.#evictHir();
      this.#hir.push(resident, unit);
    }
    this.#prune();
  }

  #evictHir(): void {
    const unit = this.#hir.oldest(resident);
    if (this.#stack.has(stacked, unit)) this.#hir.push(ghost, unit);
    else this.#hir.remove(unit);
  }

  /** Takes what lies below the lowest LIR unit off the stack. The top stays. */
  #prune(): void {
    const stack = this.#stack;
    for (;;) {
      const unit = stack.oldest(stacked);
      if (unit < 0 || this.#isLir[unit] === 1) return;
      if (stack.newest(stacked) === unit) return;
      stack.remove(unit);
      if (this.#hir.has(ghost, unit)) this.#hir.remove(unit);
    }
  }
}
