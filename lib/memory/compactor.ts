/**
 * Makes room in a backend by moving small objects within it: packs the objects of sparse slabs together, and the
 * slabs of sparse chunks. Runs when room is short, at once and on this thread; what it could not move stays where it was.
 */

import type { BackendState } from './backend-set.ts';
import type { MayMove, ObjectSpace } from './object-space.ts';
import { Repacker } from './repacker.ts';
import { classIndex, unitsPerChunk } from './size-classes.ts';
import { isObject, isVacant, type Slab } from './slab.ts';
import type { SlabAllocator } from './slab-allocator.ts';

/** The compactor of one space. */
export class Compactor {
  readonly #space: ObjectSpace;
  readonly #repacker: Repacker;

  constructor(space: ObjectSpace) {
    this.#space = space;
    this.#repacker = new Repacker(space);
  }

  /**
   * Makes room for a small object in a tier; `false` when nothing more can be gained. `mayMove` tells which objects
   * may be moved.
   */
  makeRoom(tier: number, byteLength: number, mayMove: MayMove): boolean {
    const index = classIndex(byteLength);
    return this.#space.set.ofTier[tier].some((backend) => {
      const allocator = this.#space.allocators[backend.index];
      this.#packSlabs(backend, mayMove, () => allocator.hasRoom(index));
      // Enough units, but scattered: a chunk that is emptied has them side by side.
      while (!allocator.hasRoom(index) && allocator.hasUnits(index)) {
        if (!allocator.evacuateChunk(this.#repacker.relocation(mayMove))) break;
      }
      return allocator.hasRoom(index);
    });
  }

  /** Makes room for a run of whole chunks in a backend: frees units, then empties chunks that hold few slabs. */
  makeRunRoom(backend: BackendState, chunks: number, mayMove: MayMove): boolean {
    const hasUnits = (): boolean =>
      backend.usedUnits + chunks * unitsPerChunk <= backend.capacityUnits;
    if (!hasUnits() && !this.#packSlabs(backend, mayMove, hasUnits)) return false;
    const allocator = this.#space.allocators[backend.index];
    const hasChunks = (): boolean => this.#space.set.freeChunks(backend) >= chunks;
    allocator.trim();
    while (!hasChunks()) {
      if (!allocator.evacuateChunk(this.#repacker.relocation(mayMove))) return false;
      allocator.trim();
    }
    return true;
  }

  #packSlabs(backend: BackendState, mayMove: MayMove, fits: () => boolean): boolean {
    const allocator = this.#space.allocators[backend.index];
    if (allocator.packableBytes === 0) return false;
    for (let slab = allocator.sparsest(); slab !== undefined; slab = allocator.sparsest()) {
      const emptied = this.#emptySlab(allocator, slab, mayMove);
      allocator.restore(slab);
      if (!emptied) return false;
      if (fits()) return true;
    }
    return false;
  }

  #emptySlab(allocator: SlabAllocator, slab: Slab, mayMove: MayMove): boolean {
    for (let slot = 0; slot < slab.shape.slots && slab.used > 0; slot++) {
      const owner = slab.owners[slot];
      if (isVacant(owner)) continue;
      if (!isObject(owner) || !mayMove(owner) || !this.#repacker.repack(allocator, owner)) {
        return false;
      }
    }
    return true;
  }
}
