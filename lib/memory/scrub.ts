/** Reads every verified object once, so that silent damage is found before somebody needs the data. */

import { checksum, chunkOfBytes } from './checksums.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectStore } from './object-store.ts';
import { liveFlag } from './object-table.ts';

/** What was looked at so far. */
export interface ScrubProgress {
  /** Verified objects. */
  checked: number;
  /** Their bytes. */
  bytes: number;
}

/** Bytes of a large object looked at in one step: less than a tenth of a millisecond. */
const stepBytes = 256 * 1024;
/** Records without a checksum passed over in one step. */
const stepRecords = 1024;

/**
 * Checks in steps; the store may change between them. Objects that a writing lease is open on are left out: their
 * sum comes when it ends. Ends early when the store is closed.
 */
export function* scrub(store: ObjectStore, progress: ScrubProgress): Generator<undefined> {
  const { space, integrity } = store;
  const { table } = space;
  for (let id = 0; !store.closed && id < table.end; id++) {
    if (id % stepRecords === stepRecords - 1) yield;
    if (store.closed) return;
    if (!table.flag(id, liveFlag) || !integrity.isVerified(id)) continue;
    if (integrity.isBeingWritten(id)) continue;
    const byteLength = space.byteLength(id);
    const large = space.largeOf(id);
    if (large === undefined) integrity.check(id);
    else if (!(yield* scrubLarge(store, id, large))) continue;
    progress.checked++;
    progress.bytes += byteLength;
    yield;
  }
}

/** Checks a verified large object in steps. `false` when it was rewritten or deleted meanwhile. */
export function* scrubLarge(
  store: ObjectStore,
  id: number,
  object: LargeObject,
): Generator<undefined, boolean> {
  const { integrity } = store;
  for (let index = 0; index < object.chunks; index++) {
    let sum = 0;
    const chunk = chunkOfBytes(object.bytes as Uint8Array, index);
    for (let at = 0; at < chunk.byteLength; at += stepBytes) {
      sum = checksum(chunk.subarray(at, at + stepBytes), sum);
      yield;
      if (store.closed || store.space.largeOf(id) !== object) return false;
    }
    integrity.settle();
    if (integrity.book.has(id)) return true;
    if (sum === object.sums?.[index] || integrity.isBeingWritten(id)) continue;
    // It may have been rewritten between two steps: what counts is the sum of one moment.
    if (object.sums !== undefined && !integrity.chunkMatches(object, index)) integrity.condemn(id);
  }
  return true;
}
