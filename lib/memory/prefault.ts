/** Bringing a long range into memory without a step that takes long, so that it can be given up. */

import type { ByteRange } from './byte-ranges.ts';
import type { NativeHeap } from './heap-binding.ts';
import type { ObjectStore } from './object-store.ts';

/** A few milliseconds of a drive. Closing a memory or ending the process waits for the step under way. */
const stepBytes = 8 * 1024 * 1024;

/**
 * Prefaults a range of a run, in bytes from its start, on the thread pool; ends early once `isGone` says that nobody
 * needs it any more, whatever became of the bytes. REQUIRES: the run exists as long as `isGone` is false.
 *
 * @throws TierError `ERR_TIER_LOST` when a part of it is lost
 */
export async function prefaultInSteps(
  heap: NativeHeap,
  run: number,
  { from, to }: ByteRange,
  isGone: () => boolean,
): Promise<void> {
  for (let at = from; at < to && !isGone(); at += stepBytes) {
    try {
      await heap.prefault(run, at, Math.min(stepBytes, to - at));
    } catch (error) {
      if (!isGone()) throw error;
    }
  }
}

/**
 * Prefaults an object, which is held meanwhile; ends early once `isGone` says that it was deleted.
 *
 * @throws TierError `ERR_TIER_LOST` when a part of it is lost
 */
export async function prefaultObject(
  store: ObjectStore,
  id: number,
  isGone: () => boolean,
): Promise<void> {
  const { space } = store;
  const from = space.largeOf(id) === undefined ? space.byteOffsetOf(id) : 0;
  const range = { from, to: from + space.byteLength(id) };
  const hold = store.hold(id);
  try {
    await prefaultInSteps(space.set.heap, space.chunkOf(id), range, isGone);
  } catch (error) {
    // The heap knows a chunk, not whose it is.
    if (!store.closed && !isGone()) store.integrity.require(id);
    throw error;
  } finally {
    if (!store.closed) store.holds.end(hold);
  }
}
