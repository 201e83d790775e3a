/** Makes durable what can be: the bytes of files and DAX devices. */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { Slices } from '../slices.ts';
import type { BackendSet } from './backend-set.ts';
import { outside } from './byte-ranges.ts';
import type { ObjectSpace } from './object-space.ts';

/**
 * Flushes bytes `from` to `to` of a run, around what is lost. `false` when a part is in volatile memory or lost.
 * Throws `ERR_TIER_IO` when the device failed.
 */
export async function flushRun(
  set: BackendSet,
  firstChunk: number,
  from: number,
  to: number,
): Promise<boolean> {
  const lost = set.damage.within(firstChunk, from, to);
  let durable = lost.length === 0;
  for (const part of outside({ from, to }, lost)) {
    try {
      if (!(await set.heap.flush(firstChunk, part.from, part.to - part.from))) durable = false;
    } catch (error) {
      // Lost since it was last looked at. That is not for flushing to report; it is just not durable.
      if (!(error instanceof TierError) || error.code !== 'ERR_TIER_LOST') throw error;
      durable = false;
    }
  }
  return durable;
}

/**
 * Flushes every chunk in use, one after the other; what is freed meanwhile is left out. A device that fails does not
 * keep the others from being flushed: the first error is thrown in the end.
 */
export async function flushAll(
  space: ObjectSpace,
  isClosed: () => boolean,
  slices: Slices,
): Promise<boolean> {
  let durable = true;
  let failure: { error: unknown } | undefined;
  const flush = async (firstChunk: number, byteLength: number): Promise<void> => {
    try {
      const flushed = flushRun(space.set, firstChunk, 0, byteLength);
      if (!(await slices.outside(flushed))) durable = false;
    } catch (error) {
      failure ??= { error };
    }
  };
  await slices.during(async () => {
    for (const allocator of space.allocators) {
      for (const chunk of allocator.chunks) {
        if (!isClosed() && allocator.holds(chunk)) await flush(chunk, chunkBytes);
      }
    }
    for (const object of [...space.large]) {
      if (isClosed() || object === undefined || space.large[object.number] !== object) continue;
      await flush(object.firstChunk, object.byteLength);
    }
  });
  if (failure !== undefined) throw failure.error;
  return durable;
}
