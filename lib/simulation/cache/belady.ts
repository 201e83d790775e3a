/** The optimum of a cache that every miss fills: it gives up what will not be used for longest (Belady's MIN). */

import type { AccessLog } from '../access-log.ts';
import { RowHeap } from './row-heap.ts';

/** Misses of a cache of `capacity` units. O(log accesses) an access, 8 bytes an access. */
export function beladyMisses(log: AccessLog, capacity: number): number {
  const next = nextRows(log);
  const cached = new Uint8Array(log.unitCount);
  const uses = new RowHeap();
  let size = 0;
  let misses = 0;
  for (let row = 0; row < log.length; row++) {
    const unit = log.unit[row];
    if (cached[unit] === 0) {
      misses++;
      cached[unit] = 1;
      if (size === capacity) {
        const use = uses.popLatest();
        cached[use < log.length ? log.unit[use] : use - log.length] = 0;
      } else {
        size++;
      }
    }
    // What a unit was last put in for stays behind, but it lies in the past: every unit in the cache has a later use.
    uses.push(next[row]);
  }
  return misses;
}

/** By row: the next row of its unit; behind the end, one row a unit, where there is none. */
function nextRows(log: AccessLog): Uint32Array {
  const next = new Uint32Array(log.length);
  const later = Uint32Array.from({ length: log.unitCount }, (_, unit) => log.length + unit);
  for (let row = log.length - 1; row >= 0; row--) {
    next[row] = later[log.unit[row]];
    later[log.unit[row]] = row;
  }
  return next;
}
