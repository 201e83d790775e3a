/**
 * Misses of plain caches over units of equal size: the cheapest way to check that accesses are replayed in order and
 * that units are told apart, because the counts of these caches are known exactly.
 */

import { invalidValue } from '../../errors.ts';
import type { AccessLog } from '../access-log.ts';
import { beladyMisses } from './belady.ts';
import { lruMisses } from './lru.ts';

/** Names for {@link cacheMisses}. */
export const cachePolicies = ['belady', 'lru'] as const;

/** One of {@link cachePolicies}. */
export type CachePolicy = (typeof cachePolicies)[number];

const counters: Readonly<Record<CachePolicy, (log: AccessLog, capacity: number) => number>> = {
  belady: beladyMisses,
  lru: lruMisses,
};

/**
 * Rows of a log that miss a cache of `capacityUnits` units, whatever their size. The cache starts empty, every miss
 * fills it, and writes are like reads.
 *
 * @throws RangeError unless `capacityUnits` is an integer of at least 1
 */
export function cacheMisses(log: AccessLog, policy: CachePolicy, capacityUnits: number): number {
  if (!Number.isSafeInteger(capacityUnits) || capacityUnits < 1) {
    throw invalidValue('capacityUnits', 'an integer of at least 1', capacityUnits);
  }
  return counters[policy](log, capacityUnits);
}
