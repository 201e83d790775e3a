/**
 * W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017): a window for what comes, and a segmented LRU list that what
 * leaves the window joins only when it is used more often than who would have to go. The size of the window is found
 * by climbing (Einziger et al., Middleware 2018), with Caffeine's constants. Counts are those of its sketch, but
 * without the sketch's collisions.
 */

import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';

const window = 0;
const probation = 1;
const kept = 2;

const windowShare = 0.01;
const keptShare = 0.8;
const maxCount = 15;
/** Uses, as a multiple of the cache's units, after which counts are halved and the window is adapted. */
const sampleUnits = 10;
const stepShare = 0.0625;
const stepDecay = 0.98;
/** A change of the hit ratio after which steps are as long as at first. */
const restart = 0.05;

/** The policy; with `adapts` false, its window has 1 % of the room. */
export class TinyLfuCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #queues: UnitQueues;
  readonly #counts: Uint8Array;
  readonly #sample: number;
  readonly #adapts: boolean;
  #windowCapacity: number;
  #keptCapacity: number;
  #step: number;
  #uses = 0;
  #hits = 0;
  #hitRatio = 0;

  constructor(room: CacheRoom, adapts: boolean) {
    const { capacity, sizes } = room;
    this.#room = room;
    this.#adapts = adapts;
    this.#queues = new UnitQueues(sizes, 3);
    this.#counts = new Uint8Array(sizes.length);
    const meanSize = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    this.#sample = sampleUnits * Math.max(1, Math.floor(capacity / meanSize));
    const mainCapacity = Math.floor(capacity * (1 - windowShare));
    this.#windowCapacity = capacity - mainCapacity;
    this.#keptCapacity = Math.floor(mainCapacity * keptShare);
    this.#step = -stepShare * capacity;
  }

  use(unit: number): boolean {
    const hit = this.#touch(unit);
    if (this.#counts[unit] < maxCount) this.#counts[unit]++;
    if (!hit) this.#add(unit);
    this.#uses++;
    if (hit) this.#hits++;
    if (this.#uses === this.#sample) {
      for (let other = 0; other < this.#counts.length; other++) this.#counts[other] >>>= 1;
      if (this.#adapts) this.#climb();
      this.#uses = 0;
      this.#hits = 0;
    }
    return hit;
  }

  #touch(unit: number): boolean {
    const queues = this.#queues;
    if (queues.has(window, unit)) {
      queues.push(window, unit);
    } else if (queues.has(probation, unit) || queues.has(kept, unit)) {
      queues.push(kept, unit);
      this.#cutKept();
    } else {
      return false;
    }
    return true;
  }

  #cutKept(): void {
    const queues = this.#queues;
    while (queues.used(kept) > this.#keptCapacity) queues.push(probation, queues.oldest(kept));
  }

  #add(unit: number): void {
    if (this.#room.sizes[unit] > this.#room.capacity) return;
    this.#queues.push(window, unit);
    this.#cutWindow();
  }

  #cutWindow(): void {
    const queues = this.#queues;
    while (queues.used(window) > this.#windowCapacity) {
      const candidate = queues.oldest(window);
      queues.push(probation, candidate);
      while (this.#used() > this.#room.capacity) {
        let victim = queues.oldest(probation);
        if (victim === candidate && queues.used(kept) > 0) victim = queues.oldest(kept);
        const wins = this.#counts[candidate] > this.#counts[victim];
        queues.remove(wins ? victim : candidate);
        if (!wins) break;
      }
    }
  }

  #used(): number {
    return this.#queues.used(window) + this.#queues.used(probation) + this.#queues.used(kept);
  }

  /** Goes on in the direction that made hits more, and back from one that did not. */
  #climb(): void {
    const hitRatio = this.#hits / this.#uses;
    const change = hitRatio - this.#hitRatio;
    const amount = change >= 0 ? this.#step : -this.#step;
    const { capacity } = this.#room;
    this.#step =
      Math.abs(change) >= restart ? Math.sign(amount) * stepShare * capacity : stepDecay * amount;
    this.#hitRatio = hitRatio;
    const most = this.#windowCapacity + this.#keptCapacity;
    const moved = Math.max(1, Math.min(most, this.#windowCapacity + Math.trunc(amount)));
    this.#keptCapacity -= moved - this.#windowCapacity;
    this.#windowCapacity = moved;
    this.#cutKept();
    const queues = this.#queues;
    // The other side gives its oldest; nobody leaves the cache.
    while (queues.used(window) > this.#windowCapacity)
      queues.push(probation, queues.oldest(window));
    while (queues.used(window) < this.#windowCapacity && queues.used(probation) > 0) {
      const unit = queues.oldest(probation);
      if (queues.used(window) + this.#room.sizes[unit] > this.#windowCapacity) break;
      queues.push(window, unit);
    }
  }
}
