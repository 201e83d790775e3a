/** The keyed objects of a store as they go into a checkpoint. */

import type { DamagedUnit } from '../memory/damage-book.ts';
import type { Key } from '../memory/key-arena.ts';
import type { ObjectStore } from '../memory/object-store.ts';
import { type CheckpointObject, copiedBytes } from './write-checkpoint.ts';

/**
 * Each object that is whole, under its key; counts as no access. Objects may be stored, changed and deleted meanwhile.
 * A small object is a checked copy; a large one is held in place until the next is asked for, and a change to it
 * meanwhile goes elsewhere. Ends with an error when a large object is lost after it was begun.
 */
export function* storedObjects(
  store: ObjectStore,
  damaged: DamagedUnit[],
): Generator<CheckpointObject, void> {
  const { space, integrity } = store;
  const scratch = new Uint8Array(copiedBytes);
  const noteDamage = (key: Key): void => {
    damaged.push(...integrity.book.list().filter((unit) => unit.key === key));
  };
  for (const key of store.allKeys()) {
    store.check();
    const id = store.find(key);
    // Deleted since, or a region: its bytes are its owner's.
    if (id < 0 || space.largeOf(id)?.exposed) continue;
    if (!integrity.check(id)) {
      noteDamage(key);
      continue;
    }
    const head = {
      key,
      type: store.typeOf(id),
      tier: space.set.tiers[space.tierOf(id)].name,
      verify: integrity.isVerified(id),
    };
    if (space.byteLength(id) <= copiedBytes) {
      const bytes = copyWhole(store, id, head.verify, scratch);
      if (bytes !== undefined) yield { ...head, bytes };
      else noteDamage(key);
      continue;
    }
    const hold = store.hold(id);
    try {
      yield { ...head, bytes: space.bytesOf(id) as Uint8Array };
      if (!store.closed) integrity.requireHeld(hold);
    } finally {
      if (!store.closed) store.holds.end(hold);
    }
  }
  // Closing empties the index: what was seen is not everything.
  store.check();
}

/** A copy of an object in `scratch`; undefined when it turns out to be damaged. */
function copyWhole(
  { space, integrity }: ObjectStore,
  id: number,
  verified: boolean,
  scratch: Uint8Array,
): Uint8Array | undefined {
  const bytes = space.bytesOf(id) as Uint8Array;
  const copy = scratch.subarray(0, bytes.byteLength);
  copy.set(bytes);
  // After copying: a page may have been lost just then.
  return integrity.isCopyWhole(id, copy, verified) ? copy : undefined;
}
