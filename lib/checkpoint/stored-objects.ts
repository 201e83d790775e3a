/** The keyed objects of a store as they go into a checkpoint. */

import type { DamagedUnit } from '../memory/damage-book.ts';
import type { Key } from '../memory/key-arena.ts';
import type { LargeObject } from '../memory/large-object.ts';
import type { ObjectStore } from '../memory/object-store.ts';
import { liveFlag } from '../memory/object-table.ts';
import { scrubLarge } from '../memory/scrub.ts';
import { maxSlabObjectBytes } from '../memory/size-classes.ts';
import { blockBytes, type CheckpointObject } from './write-checkpoint.ts';

/** Records without an object passed over between two pauses. */
const recordsPerPause = 1024;

/**
 * Every object under a key that is whole, and `undefined` where the caller may pause; counts as no access. Objects may
 * be stored, changed and deleted at every pause and between the blocks of a large one. A key that gets a new object
 * meanwhile can come twice, the newer one later. Damaged objects go to `damaged`; a large one
 * that is lost after it was begun ends it with an error.
 */
export function* storedObjects(
  store: ObjectStore,
  damaged: DamagedUnit[],
): Generator<CheckpointObject | undefined, void> {
  const { table } = store.space;
  const fresh = store.watchNewKeys();
  // For one small object at a time.
  const scratch = new Uint8Array(maxSlabObjectBytes);
  const dump = (key: Key, id: number) => storedObject(store, key, id, scratch, damaged);
  try {
    for (let id = 0; id < table.end; id++) {
      store.check();
      if (id % recordsPerPause === recordsPerPause - 1) yield undefined;
      const key = table.flag(id, liveFlag) ? store.keyOf(id) : undefined;
      if (key !== undefined) yield* dump(key, id);
    }
    // Those may have got records that had been passed already. What comes while they are written came too late.
    for (const key of [...fresh.keys]) {
      store.check();
      const id = store.find(key);
      if (id >= 0) yield* dump(key, id);
    }
  } finally {
    fresh.end();
  }
  store.check();
}

function* storedObject(
  store: ObjectStore,
  key: Key,
  id: number,
  scratch: Uint8Array,
  damaged: DamagedUnit[],
): Generator<CheckpointObject | undefined, void> {
  const { space, integrity } = store;
  const large = space.largeOf(id);
  // A region's bytes are its owner's.
  if (large?.exposed) return;
  const head = {
    key,
    type: store.typeOf(id),
    tier: space.set.tiers[space.tierOf(id)].name,
    verify: integrity.isVerified(id),
    byteLength: space.byteLength(id),
  };
  if (large === undefined) {
    const bytes = integrity.copyIfWhole(id, scratch);
    if (bytes !== undefined) yield { ...head, blocks: [bytes] };
  } else {
    const hold = store.hold(id);
    try {
      if (head.verify) for (const _ of scrubLarge(store, id, large)) yield undefined;
      store.check();
      integrity.settle();
      // Rewritten or deleted since: whoever did that has replaced its key, or wants it gone.
      if (space.largeOf(id) === large && !integrity.book.has(id)) {
        yield { ...head, blocks: blocksOf(large) };
        store.check();
        integrity.requireHeld(hold);
      }
    } finally {
      if (!store.closed) store.holds.end(hold);
    }
  }
  const unit = integrity.book.unit(id);
  if (unit !== undefined) damaged.push(unit);
}

function* blocksOf({ bytes }: LargeObject): Generator<Uint8Array, void> {
  const all = bytes as Uint8Array;
  for (let at = 0; at < all.byteLength; at += blockBytes) yield all.subarray(at, at + blockBytes);
}
