/**
 * Misses of plain caches: the cheapest way to check that accesses are replayed in order and that units are told apart,
 * because the counts of the known policies are known exactly; and the measure of what a cache of our own is worth.
 */

import { invalidValue } from '../../errors.ts';
import type { AccessLog } from '../access-log.ts';
import { beladyMisses } from './belady.ts';
import { lruMisses } from './lru.ts';
import type { CacheRoom } from './unit-cache.ts';
import { makeUnitCache, type UnitCachePolicy, unitCachePolicies } from './unit-caches.ts';

/** A policy of a plain cache: the optimum, the plainest, and those that caches are made of. */
export type CachePolicy = 'belady' | 'lru' | UnitCachePolicy;

/** Names for {@link cacheMisses}. */
export const cachePolicies: readonly CachePolicy[] = ['belady', 'lru', ...unitCachePolicies];

/**
 * Rows of a log that miss a cache of `capacityUnits` units, whatever their size. The cache starts empty, every miss
 * fills it (but for policies that choose whom to let in), and writes are like reads.
 *
 * @throws RangeError unless `capacityUnits` is an integer of at least 1
 */
export function cacheMisses(log: AccessLog, policy: CachePolicy, capacityUnits: number): number {
  checkCapacity('capacityUnits', capacityUnits);
  if (policy === 'belady') return beladyMisses(log, capacityUnits);
  if (policy === 'lru') return lruMisses(log, capacityUnits);
  const sizes = new Float64Array(log.unitCount).fill(1);
  return missesOf(log, policy, { capacity: capacityUnits, sizes });
}

/**
 * The same where units take up what their size is. What is larger than a policy has room for passes by.
 *
 * @throws RangeError unless `capacityBytes` is an integer of at least 1
 */
export function byteCacheMisses(
  log: AccessLog,
  policy: UnitCachePolicy,
  capacityBytes: number,
): number {
  checkCapacity('capacityBytes', capacityBytes);
  return missesOf(log, policy, { capacity: capacityBytes, sizes: log.sizeBytes });
}

function missesOf(log: AccessLog, policy: UnitCachePolicy, room: CacheRoom): number {
  const cache = makeUnitCache(policy, room);
  let misses = 0;
  for (let row = 0; row < log.length; row++) {
    if (!cache.use(log.unit[row])) misses++;
  }
  return misses;
}

function checkCapacity(name: string, capacity: number): void {
  if (Number.isSafeInteger(capacity) && capacity >= 1) return;
  throw invalidValue(name, 'an integer of at least 1', capacity);
}
