/** A cache that gives up what was not used for longest. */

import type { AccessLog } from '../access-log.ts';
import { RecencyList } from './recency-list.ts';

/** Misses of a cache of `capacity` units. O(1) an access. */
export function lruMisses(log: AccessLog, capacity: number): number {
  const recency = new RecencyList(log.unitCount);
  const cached = new Uint8Array(log.unitCount);
  let size = 0;
  let misses = 0;
  for (let row = 0; row < log.length; row++) {
    const unit = log.unit[row];
    if (cached[unit] === 0) {
      misses++;
      cached[unit] = 1;
      if (size === capacity) {
        const { oldest } = recency;
        cached[oldest] = 0;
        recency.remove(oldest);
      } else {
        size++;
      }
    }
    recency.touch(unit);
  }
  return misses;
}
