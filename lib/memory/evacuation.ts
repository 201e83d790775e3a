/**
 * Housekeeping of small objects: copies the objects of sparse slabs into the holes of others, and the slabs of sparse
 * chunks into others, so that what objects leave behind becomes free memory. In steps, on the owner's thread, between
 * which the store may change; objects that a lease sees stay, and with them their slab.
 *
 * A backend is due when its slabs take more than `startRatio` of the bytes of their used slots, or its chunks of the
 * bytes of their slabs, and is left alone again at `stopRatio`. It is never due for holes that copying cannot close:
 * the last slab of each class, the rest of a slab that no slot fits into, the last chunk.
 */

import type { BackendState } from './backend-set.ts';
import type { Integrity } from './integrity.ts';
import type { MayMove, ObjectSpace } from './object-space.ts';
import { Repacker } from './repacker.ts';
import { unitBytes, unitsPerChunk } from './size-classes.ts';
import { isObject, isVacant, type Slab } from './slab.ts';
import type { SlabAllocator } from './slab-allocator.ts';
import type { Home } from './slab-chunks.ts';

/** As far apart as to have something to do once it is begun. */
const startRatio = 1.2;
const stopRatio = 1.1;
/** A step ends after so many bytes or objects: some tens of microseconds. */
const stepBytes = 32 * 1024;
const stepObjects = 64;
/** Turns left out after nothing could be moved: one at first, then twice as many each time, at most this many. */
const maxPause = 64;

/** Slabs that leases or damage keep are looked at up to this many in a turn that others wait for. */
const maxStay = 64;

/** A part of a slab's slots, emptied. */
interface Step {
  /** The next slot to look at. */
  readonly slot: number;
  readonly copiedBytes: number;
  /** That slot cannot be emptied. */
  readonly stays: boolean;
}

/** Slabs and chunks of a backend in one turn. */
interface Result {
  emptied: number;
  /** Leases or damage kept them. */
  stayed: number;
}

/** Where a backend stands. */
interface Progress {
  /** It was due and is not at `stopRatio` yet. */
  begun: boolean;
  /** Turns still to be left out, and how many it will be the next time. */
  pause: number;
  nextPause: number;
}

/** The evacuation of one store. */
export class Evacuation {
  readonly #space: ObjectSpace;
  readonly #integrity: Integrity;
  readonly #mayMove: MayMove;
  readonly #isClosed: () => boolean;
  readonly #repacker: Repacker;
  readonly #progress: Progress[];

  constructor(space: ObjectSpace, integrity: Integrity, mayMove: MayMove, isClosed: () => boolean) {
    this.#space = space;
    this.#integrity = integrity;
    this.#mayMove = mayMove;
    this.#isClosed = isClosed;
    this.#repacker = new Repacker(space);
    this.#progress = space.allocators.map(() => ({ begun: false, pause: 0, nextPause: 1 }));
  }

  /**
   * One turn of work that is due, as steps that say how many bytes they copied; undefined when none is. `thorough`
   * does not wait until it is due. Gives back empty chunks that nobody needed since the last turn. `return` ends it
   * early at no loss.
   */
  turn(thorough: boolean): Generator<number, void> | undefined {
    const { allocators } = this.#space;
    for (const allocator of allocators) {
      if (thorough) allocator.trim();
      else allocator.trimIdle();
    }
    const due = this.#space.set.all.filter((backend) => this.#isDue(backend, thorough));
    return due.length === 0 ? undefined : this.#run(due, thorough);
  }

  #isDue({ index }: BackendState, thorough: boolean): boolean {
    const allocator = this.#space.allocators[index];
    const progress = this.#progress[index];
    const wide = hasSparseSlabs(allocator, stopRatio) || hasSparseChunks(allocator, stopRatio);
    if (thorough || !wide) return wide;
    if (progress.pause > 0) {
      progress.pause--;
      return false;
    }
    progress.begun ||=
      hasSparseSlabs(allocator, startRatio) || hasSparseChunks(allocator, startRatio);
    return progress.begun;
  }

  *#run(due: readonly BackendState[], thorough: boolean): Generator<number, void> {
    for (const { index } of due) {
      const allocator = this.#space.allocators[index];
      const progress = this.#progress[index];
      const result = { emptied: 0, stayed: 0 };
      yield* this.#emptySlabs(allocator, thorough, result);
      if (!this.#isClosed()) yield* this.#emptyChunks(allocator, result);
      if (this.#isClosed()) return;
      if (thorough) allocator.trim();
      progress.begun = false;
      // Only leases and damage keep what should go; they are looked at again, but not all the time.
      const stuck = result.stayed > 0 && result.emptied === 0;
      progress.pause = stuck ? progress.nextPause : 0;
      progress.nextPause = stuck ? Math.min(2 * progress.nextPause, maxPause) : 1;
    }
  }

  /** Empties slabs until few are sparse. */
  *#emptySlabs(
    allocator: SlabAllocator,
    thorough: boolean,
    result: Result,
  ): Generator<number, void> {
    const stay = new Set<Slab>();
    while (hasSparseSlabs(allocator, stopRatio)) {
      const slab = allocator.sparsest(stay);
      if (slab === undefined) break;
      if (yield* this.#emptySlab(allocator, slab)) {
        stay.add(slab);
        result.stayed++;
        if (!thorough && stay.size === maxStay) return;
      } else {
        result.emptied++;
      }
      if (this.#isClosed()) return;
    }
  }

  /** Empties a slab that was set aside. `true` when something in it cannot be moved. */
  *#emptySlab(allocator: SlabAllocator, slab: Slab): Generator<number, boolean> {
    for (let step: Step = { slot: 0, copiedBytes: 0, stays: false }; ; ) {
      this.#integrity.settle();
      try {
        step = this.#emptySlots(allocator, slab, step.slot);
      } finally {
        // Its free slots may be the last of their class: nobody is to be told that the tier is full meanwhile.
        allocator.restore(slab);
      }
      yield step.copiedBytes;
      if (step.stays || step.slot === slab.shape.slots) return step.stays;
      if (this.#isClosed() || slab.used === 0) return false;
      allocator.setAside(slab);
    }
  }

  #emptySlots(allocator: SlabAllocator, slab: Slab, from: number): Step {
    const { index, slotBytes, slots } = slab.shape;
    let copiedBytes = 0;
    for (let slot = from, objects = 0; slot < slots && slab.used > 0; slot++) {
      if (copiedBytes >= stepBytes || objects >= stepObjects) {
        return { slot, copiedBytes, stays: false };
      }
      const owner = slab.owners[slot];
      if (isVacant(owner)) continue;
      // Others may have filled the holes since: to make a new slab would be to run in circles.
      if (!allocator.hasHole(index)) break;
      if (!isObject(owner) || !this.#mayMove(owner) || !this.#repacker.repack(allocator, owner)) {
        return { slot, copiedBytes, stays: true };
      }
      copiedBytes += slotBytes;
      objects++;
    }
    return { slot: slots, copiedBytes, stays: false };
  }

  /** Empties chunks until few are sparse. */
  *#emptyChunks(allocator: SlabAllocator, result: Result): Generator<number, void> {
    const stay = new Set<Home>();
    const relocation = this.#repacker.relocation(this.#mayMove);
    while (hasSparseChunks(allocator, stopRatio)) {
      const home = allocator.sparsestChunk(stay);
      if (home === undefined) break;
      while (allocator.isInUse(home)) {
        this.#integrity.settle();
        const copied = allocator.relocateSlab(home, relocation);
        if (copied === 0) {
          stay.add(home);
          break;
        }
        yield copied;
        if (this.#isClosed()) return;
      }
      if (stay.has(home)) result.stayed++;
      else result.emptied++;
    }
  }
}

/** Whether slabs hold so few objects, and packing them would free at least one. */
function hasSparseSlabs(allocator: SlabAllocator, ratio: number): boolean {
  return allocator.packableBytes > 0 && allocator.slabBytes > ratio * allocator.usedSlotBytes;
}

/** Whether chunks hold so few slabs, and the others have room for those of one. */
function hasSparseChunks(allocator: SlabAllocator, ratio: number): boolean {
  const { freeUnitBytes, slabBytes } = allocator;
  return (
    freeUnitBytes >= unitsPerChunk * unitBytes && freeUnitBytes + slabBytes > ratio * slabBytes
  );
}
