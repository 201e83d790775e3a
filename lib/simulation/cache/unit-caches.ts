/** Online policies of a plain cache, by name. */

import { ArcCache } from './arc.ts';
import { LirsCache } from './lirs.ts';
import { S3FifoCache } from './s3-fifo.ts';
import { TinyLfuCache } from './tiny-lfu.ts';
import { TwoQCache } from './two-q.ts';
import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { ValueCache } from './value-cache.ts';

/** Names for {@link makeUnitCache}. `w-tinylfu` adapts its window, `w-tinylfu-1%` does not; `value` is this project's. */
export const unitCachePolicies = [
  's3-fifo',
  '2q',
  'arc',
  'lirs',
  'w-tinylfu',
  'w-tinylfu-1%',
  'value',
] as const;

/** One of {@link unitCachePolicies}. */
export type UnitCachePolicy = (typeof unitCachePolicies)[number];

const makers: Readonly<Record<UnitCachePolicy, (room: CacheRoom) => UnitCache>> = {
  's3-fifo': (room) => new S3FifoCache(room),
  '2q': (room) => new TwoQCache(room),
  arc: (room) => new ArcCache(room),
  lirs: (room) => new LirsCache(room),
  'w-tinylfu': (room) => new TinyLfuCache(room, true),
  'w-tinylfu-1%': (room) => new TinyLfuCache(room, false),
  value: (room) => new ValueCache(room),
};

/** An empty cache. */
export function makeUnitCache(policy: UnitCachePolicy, room: CacheRoom): UnitCache {
  return makers[policy](room);
}
