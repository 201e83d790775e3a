/**
 * Slabs with free slots, by size class and by how full they are. New objects go to the fullest, so that sparse slabs
 * run empty by themselves; evacuation begins with the sparsest. Constant time, but for slabs to be skipped.
 */

import { sizeClasses } from './size-classes.ts';
import { evacuating, notPartial, type Slab } from './slab.ts';

/** Degrees of fullness that are told apart. */
const degrees = 8;

/** The partial slabs of one backend. */
export class PartialSlabs {
  /** By class, then by fullness. */
  readonly #lists: Slab[][] = Array.from({ length: sizeClasses.length * degrees }, () => []);
  /** For each class one bit a list that is not empty. */
  readonly #filled: Uint8Array = new Uint8Array(sizeClasses.length);
  /** Free slots in the lists, by class. */
  readonly #holes: Uint32Array = new Uint32Array(sizeClasses.length);

  /** Goes round, so that in time every one of equally sparse slabs is named, though some cannot be emptied. */
  #hand = 0;

  /** The slab of a class that has a free slot and few of them; undefined when there is none. */
  fullest(classIndex: number): Slab | undefined {
    const filled = this.#filled[classIndex];
    if (filled === 0) return undefined;
    return this.#lists[classIndex * degrees + 31 - Math.clz32(filled)].at(-1);
  }

  /** Takes note that slots of a slab were taken, given back or lost. A slab set aside stays so. */
  update(slab: Slab): void {
    if (slab.partialAt === evacuating) return;
    const { index, slots } = slab.shape;
    if (!slab.hasRoom) {
      this.remove(slab);
      return;
    }
    const degree = Math.min(degrees - 1, Math.floor((slab.used * degrees) / slots));
    const list = index * degrees + degree;
    if (slab.partialAt === notPartial) this.#link(slab, list);
    else if (slab.partialList !== list) {
      this.#unlink(slab);
      this.#link(slab, list);
    }
    const { freeSlots } = slab;
    this.#holes[index] += freeSlots - slab.holes;
    slab.holes = freeSlots;
  }

  /** Takes a slab out: it is full, gone, or about to be set aside. */
  remove(slab: Slab): void {
    if (slab.partialAt >= 0) this.#unlink(slab);
    slab.partialAt = notPartial;
    this.#holes[slab.shape.index] -= slab.holes;
    slab.holes = 0;
  }

  /**
   * A slab whose objects fit into the holes of others of its class, at about the least cost of all classes; not one
   * of `skip`. Undefined when no class has holes enough.
   */
  sparsest(skip?: ReadonlySet<Slab>): Slab | undefined {
    let best: Slab | undefined;
    this.#hand++;
    for (let index = 0; index < sizeClasses.length; index++) {
      const slab = this.#sparsestOf(index, skip);
      if (slab === undefined || this.#holes[index] - slab.freeSlots < slab.used) continue;
      if (best === undefined || costOfUnit(slab) < costOfUnit(best)) best = slab;
    }
    return best;
  }

  #sparsestOf(index: number, skip: ReadonlySet<Slab> | undefined): Slab | undefined {
    for (let left = this.#filled[index]; left !== 0; left &= left - 1) {
      const list = this.#lists[index * degrees + 31 - Math.clz32(left & -left)];
      for (let tried = 0; tried < list.length; tried++) {
        const slab = list[(this.#hand + tried) % list.length];
        if (!skip?.has(slab)) return slab;
      }
    }
    return undefined;
  }

  #link(slab: Slab, list: number): void {
    const slabs = this.#lists[list];
    slab.partialList = list;
    slab.partialAt = slabs.push(slab) - 1;
    this.#filled[slab.shape.index] |= 1 << (list % degrees);
  }

  #unlink(slab: Slab): void {
    const slabs = this.#lists[slab.partialList];
    const last = slabs.pop() as Slab;
    if (last !== slab) {
      slabs[slab.partialAt] = last;
      last.partialAt = slab.partialAt;
    }
    if (slabs.length === 0) this.#filled[slab.shape.index] &= ~(1 << (slab.partialList % degrees));
  }
}

/** Bytes to copy for every unit that becomes free. */
function costOfUnit({ used, shape }: Slab): number {
  return (used * shape.slotBytes) / shape.units;
}
