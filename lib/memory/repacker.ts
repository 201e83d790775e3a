/** Gives small objects another slot in the backend they are in: what closes the holes between them. */

import type { MayMove, ObjectSpace } from './object-space.ts';
import { classIndex } from './size-classes.ts';
import type { Relocation, SlabAllocator, Slot } from './slab-allocator.ts';

/** The repacker of one space. */
export class Repacker {
  readonly #space: ObjectSpace;
  readonly #slot: Slot = { chunk: 0, byteOffset: 0 };

  constructor(space: ObjectSpace) {
    this.#space = space;
  }

  /** Copies an object to another slot and frees its own. `false`, and it is where it was, when that cannot be. */
  repack(allocator: SlabAllocator, id: number): boolean {
    const space = this.#space;
    const chunk = space.chunkOf(id);
    const byteOffset = space.byteOffsetOf(id);
    const byteLength = space.byteLength(id);
    if (!allocator.allocate(classIndex(byteLength), id, this.#slot)) return false;
    space.writePlace(id, this.#slot.chunk, this.#slot.byteOffset, byteLength);
    this.#copied(id);
    return space.copyFrom(id, chunk, byteOffset);
  }

  /** What an allocator needs to know to copy a slab as a whole. */
  relocation(mayMove: MayMove): Relocation {
    const space = this.#space;
    return {
      mayMove,
      isWhole: (id, chunk, byteOffset) => space.isWhole(id, chunk, byteOffset),
      moved: (id, chunk, byteOffset) => {
        space.writePlace(id, chunk, byteOffset, space.byteLength(id));
        this.#copied(id);
      },
    };
  }

  #copied(id: number): void {
    const space = this.#space;
    space.repackedBytes[space.tierOf(id)] += space.byteLength(id);
  }
}
