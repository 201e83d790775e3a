/**
 * A run of 64 KiB units that holds slots of one size class. Every slot remembers the object in it; free slots are
 * threaded through the same words.
 */

import type { SizeClass } from './size-classes.ts';

/** Set in an owner word when no object is in the slot; the rest is the next free slot. */
const freeBit = 0x80000000;
const noSlot = 0x7fffffff;
/** Owner of a slot that only leases still see: its object was deleted or rewritten. */
const orphan = 0x7ffffffe;
/** A slot that holds nothing and is given to nobody. */
const retired = 0xfffffffe;

/** Values of `partialAt` for slabs that nothing is allocated from. */
export const notPartial = -1;
/** The same while the slab's objects are moved elsewhere. */
export const evacuating = -2;

/** Whether an owner word names an object. */
export function isObject(owner: number): boolean {
  return owner < orphan;
}

/** Whether an owner word says that nothing is in the slot. */
export function isVacant(owner: number): boolean {
  return (owner & freeBit) !== 0;
}

/** A slab. Knows its slots; which slabs there are and what they are charged is the allocator's business. */
export class Slab {
  chunk: number;
  /** First byte in the chunk. */
  byteOffset = 0;
  readonly shape: SizeClass;
  /** Object in each slot, or no object: see `isObject`. */
  readonly owners: Uint32Array;
  /** Slots in use, by objects or by leases alone. */
  used = 0;
  /** Which list of slabs with free slots it is in, and where; negative when it is in none. See `PartialSlabs`. */
  partialList = 0;
  partialAt: number = notPartial;
  /** Free slots that are counted in that list. */
  holes = 0;
  /** Position in the allocator's list of all slabs. */
  listAt: number;
  #freeHead = 0;
  #retired = 0;
  /** Slots in use whose bytes are lost: retired when given back. */
  #lost: Set<number> | undefined;

  constructor(chunk: number, shape: SizeClass, listAt: number) {
    this.chunk = chunk;
    this.shape = shape;
    this.listAt = listAt;
    this.owners = new Uint32Array(shape.slots);
    for (let i = 0; i < shape.slots; i++) this.owners[i] = (freeBit | (i + 1)) >>> 0;
    this.owners[shape.slots - 1] = (freeBit | noSlot) >>> 0;
  }

  /** Whether `take` would find a slot. */
  get hasRoom(): boolean {
    return this.#freeHead !== noSlot;
  }

  /** Slots that `take` could give. */
  get freeSlots(): number {
    return this.shape.slots - this.used - this.#retired;
  }

  /** The slot that begins at a byte of the slab's chunk. */
  slotAt(byteOffset: number): number {
    return (byteOffset - this.byteOffset) / this.shape.slotBytes;
  }

  /** Takes a slot for an object. REQUIRES: hasRoom. */
  take(id: number): number {
    const slot = this.#freeHead;
    this.#freeHead = this.owners[slot] & ~freeBit;
    this.owners[slot] = id;
    this.used++;
    return slot;
  }

  /** Gives a slot back; one whose bytes are lost is retired. */
  give(slot: number): void {
    this.used--;
    if (this.#lost?.delete(slot)) {
      this.owners[slot] = retired;
      this.#retired++;
      return;
    }
    this.owners[slot] = (freeBit | this.#freeHead) >>> 0;
    this.#freeHead = slot;
  }

  /** Leaves a slot to its leases. */
  disown(slot: number): void {
    this.owners[slot] = orphan;
  }

  /** The slot is not to be used again; returns the owner word. Idempotent. */
  lose(slot: number): number {
    const owner = this.owners[slot];
    if (!isVacant(owner)) {
      this.#lost ??= new Set();
      this.#lost.add(slot);
    } else if (owner !== retired) {
      this.#unlink(slot);
      this.owners[slot] = retired;
      this.#retired++;
    }
    return owner;
  }

  /** Whether `allowed` holds for everything in it; what only leases see is not. */
  every(allowed: (id: number, byteOffset: number) => boolean): boolean {
    const { slotBytes, slots } = this.shape;
    for (let slot = 0; slot < slots; slot++) {
      const owner = this.owners[slot];
      if (isVacant(owner)) continue;
      if (!isObject(owner) || !allowed(owner, this.byteOffset + slot * slotBytes)) return false;
    }
    return true;
  }

  #unlink(slot: number): void {
    const next = this.owners[slot] & ~freeBit;
    if (this.#freeHead === slot) {
      this.#freeHead = next;
      return;
    }
    let at = this.#freeHead;
    while ((this.owners[at] & ~freeBit) !== slot) at = this.owners[at] & ~freeBit;
    this.owners[at] = (freeBit | next) >>> 0;
  }
}
