/**
 * ARC (Megiddo and Modha, FAST 2003): one list of what was used once and one of what was used more often, each with a
 * ghost; a use of what the one had to give up shifts room to it.
 */

import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';

const once = 0;
const often = 1;
const onceGhost = 2;
const oftenGhost = 3;

/** The policy; it has no parameters. */
export class ArcCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #queues: UnitQueues;
  /** What the list of those used once may have. */
  #target = 0;

  constructor(room: CacheRoom) {
    this.#room = room;
    this.#queues = new UnitQueues(room.sizes, 4);
  }

  use(unit: number): boolean {
    const queues = this.#queues;
    if (queues.has(once, unit) || queues.has(often, unit)) {
      queues.push(often, unit);
      return true;
    }
    const { capacity, sizes } = this.#room;
    const wasOnce = queues.has(onceGhost, unit);
    const wasOften = queues.has(oftenGhost, unit);
    if (wasOnce) {
      const step = Math.max(1, queues.used(oftenGhost) / queues.used(onceGhost));
      this.#target = Math.min(capacity, this.#target + step);
    } else if (wasOften) {
      const step = Math.max(1, queues.used(onceGhost) / queues.used(oftenGhost));
      this.#target = Math.max(0, this.#target - step);
    }
    queues.remove(unit);
    const size = sizes[unit];
    if (size > capacity) return false;
    while (queues.used(once) + queues.used(often) + size > capacity) {
      if (wasOnce || wasOften) this.#replace(wasOften);
      else this.#replaceForNew(size);
    }
    queues.push(wasOnce || wasOften ? often : once, unit);
    return false;
  }

  /** Of sizes that differ, the ghosts may be fewer than the paper's sums say. */
  #replaceForNew(size: number): void {
    const queues = this.#queues;
    const { capacity } = this.#room;
    const usedOnce = queues.used(once) + queues.used(onceGhost);
    if (usedOnce + size > capacity) {
      if (queues.used(onceGhost) === 0) {
        queues.remove(queues.oldest(once));
        return;
      }
      queues.remove(queues.oldest(onceGhost));
    } else if (
      usedOnce + queues.used(often) + queues.used(oftenGhost) >= 2 * capacity &&
      queues.used(oftenGhost) > 0
    ) {
      queues.remove(queues.oldest(oftenGhost));
    }
    this.#replace(false);
  }

  #replace(forOften: boolean): void {
    const queues = this.#queues;
    const used = queues.used(once);
    const tooMany = used > 0 && (used > this.#target || (used === this.#target && forOften));
    if (tooMany || queues.used(often) === 0) queues.push(onceGhost, queues.oldest(once));
    else queues.push(oftenGhost, queues.oldest(often));
  }
}
