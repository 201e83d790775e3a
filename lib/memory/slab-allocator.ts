/**
 * Small objects of one backend: slabs of one size class inside chunks.
 *
 * Every slot remembers the object in it, so that a slab can be emptied by moving its objects: that is how
 * holes left by one size class become room for another. Free slots are threaded through the same words.
 */

import type { BackendSet, BackendState } from './backend-set.ts';
import { type SizeClass, sizeClasses, unitBytes, unitsPerChunk } from './size-classes.ts';

/** Set in an owner word when the slot is free; the rest is the next free slot. */
const freeBit = 0x80000000;
const noSlot = 0x7fffffff;
/** Owner of a slot that only leases still see: its object was deleted or rewritten. */
const orphan = 0x7ffffffe;
const fullMask = 0xffffffff;
/** Values of `partialAt` for slabs that nothing is allocated from. */
const full = -1;
const evacuating = -2;

/** A run of units that holds slots of one class. */
export interface Slab {
  chunk: number;
  /** First byte of the slab in its chunk. */
  byteOffset: number;
  readonly shape: SizeClass;
  /** Object in each slot, or a link of the free list. */
  readonly owners: Uint32Array;
  freeHead: number;
  used: number;
  /** Position in the list of slabs with free slots; `full` or `evacuating` when it is not in it. */
  partialAt: number;
  /** Position in the list of all slabs. */
  listAt: number;
}

/** A place for an object. */
export interface Slot {
  chunk: number;
  byteOffset: number;
}

interface SlabChunk {
  readonly chunk: number;
  /** One bit a unit; set = free. */
  freeUnits: number;
  readonly slabs: (Slab | undefined)[];
}

/** The allocator. Allocation never throws: no room is `false`. */
export class SlabAllocator {
  readonly #set: BackendSet;
  readonly #backend: BackendState;
  readonly #partial: Slab[][] = sizeClasses.map(() => []);
  readonly #chunks: Map<number, SlabChunk> = new Map();
  /** Chunks with free units. */
  readonly #open: Set<SlabChunk> = new Set();
  /** At most one empty chunk is kept, so that a slab that comes and goes does not remap memory. */
  #spare: SlabChunk | undefined;
  /** All slabs, for the rotating scan of the policy's snapshots. */
  readonly slabs: Slab[] = [];
  /** Bytes of slots in use. */
  #usedSlotBytes = 0;
  /** Bytes of all slabs. */
  #slabBytes = 0;
  /** Slots in use by class, and the units their slabs would take if each class were packed. */
  readonly #usedSlots: Uint32Array = new Uint32Array(sizeClasses.length);
  #packedUnits = 0;
  /** Objects held. */
  objects = 0;

  constructor(set: BackendSet, backend: BackendState) {
    this.#set = set;
    this.#backend = backend;
  }

  /** Bytes of slabs that hold nothing. */
  get holeBytes(): number {
    return this.#slabBytes - this.#usedSlotBytes;
  }

  /** Bytes of slabs that packing the objects of each class together would free. */
  get packableBytes(): number {
    return this.#slabBytes - this.#packedUnits * unitBytes;
  }

  /** Finds a slot of the class for object `id` and writes it to `into`; `false` when there is no room. */
  allocate(classIndex: number, id: number, into: Slot): boolean {
    const partial = this.#partial[classIndex];
    const slab: Slab | undefined = partial.at(-1) ?? this.#newSlab(sizeClasses[classIndex]);
    if (slab === undefined) return false;
    const slot = slab.freeHead;
    const next = slab.owners[slot] & ~freeBit;
    slab.freeHead = next;
    slab.owners[slot] = id;
    slab.used++;
    if (next === noSlot) this.#removePartial(slab);
    this.#usedSlotBytes += slab.shape.slotBytes;
    if (this.#usedSlots[classIndex]++ % slab.shape.slots === 0) {
      this.#packedUnits += slab.shape.units;
    }
    this.objects++;
    into.chunk = slab.chunk;
    into.byteOffset = slab.byteOffset + slot * slab.shape.slotBytes;
    return true;
  }

  /** Whether `allocate` would find a slot. */
  hasRoom(classIndex: number): boolean {
    return this.#partial[classIndex].length > 0 || this.hasSlabRoom(classIndex);
  }

  /** Whether a new slab of the class would find units side by side, or a chunk. */
  hasSlabRoom(classIndex: number): boolean {
    const { units } = sizeClasses[classIndex];
    if (!this.hasUnits(classIndex)) return false;
    for (const home of this.#open) if (firstRun(home.freeUnits, units) >= 0) return true;
    return this.#set.freeChunks(this.#backend) > 0;
  }

  /** Whether the budget allows a new slab of the class. */
  hasUnits(classIndex: number): boolean {
    const { usedUnits, capacityUnits } = this.#backend;
    return usedUnits + sizeClasses[classIndex].units <= capacityUnits;
  }

  /** Gives a slot back; an empty slab returns its units, an empty chunk its memory. */
  free(chunk: number, byteOffset: number): void {
    const slab = this.#slabAt(chunk, byteOffset);
    const slot = (byteOffset - slab.byteOffset) / slab.shape.slotBytes;
    slab.owners[slot] = (freeBit | slab.freeHead) >>> 0;
    slab.freeHead = slot;
    slab.used--;
    this.#usedSlotBytes -= slab.shape.slotBytes;
    if (--this.#usedSlots[slab.shape.index] % slab.shape.slots === 0) {
      this.#packedUnits -= slab.shape.units;
    }
    this.objects--;
    if (slab.used === 0) this.#releaseSlab(slab);
    else if (slab.partialAt === full) this.#addPartial(slab);
  }

  /** Changes which object a slot belongs to. */
  setOwner(chunk: number, byteOffset: number, id: number): void {
    const slab = this.#slabAt(chunk, byteOffset);
    slab.owners[(byteOffset - slab.byteOffset) / slab.shape.slotBytes] = id;
  }

  /** Marks a slot as seen by leases only; `free` it when the last one ends. */
  disown(chunk: number, byteOffset: number): void {
    this.setOwner(chunk, byteOffset, orphan);
  }

  /** Bytes of the slot at this place. */
  slotBytes(chunk: number, byteOffset: number): number {
    return this.#slabAt(chunk, byteOffset).shape.slotBytes;
  }

  /** Whether an owner word names an object. */
  static isObject(owner: number): boolean {
    return owner < orphan;
  }

  /**
   * The slab whose objects could be packed into other slabs of their class at the least cost, so that its
   * units become free; undefined when no class has enough holes. Objects listed in `owners` are to be moved
   * by the caller with `allocate`; the slab is taken out of allocation until then.
   */
  sparsest(): Slab | undefined {
    let best: Slab | undefined;
    for (const partial of this.#partial) {
      if (partial.length < 2) continue;
      let holes = 0;
      let sparse = partial[0];
      for (const slab of partial) {
        holes += slab.shape.slots - slab.used;
        if (slab.used < sparse.used) sparse = slab;
      }
      if (holes - (sparse.shape.slots - sparse.used) < sparse.used) continue;
      const bytes = sparse.used * sparse.shape.slotBytes;
      if (
        best === undefined ||
        bytes / sparse.shape.units < (best.used * best.shape.slotBytes) / best.shape.units
      ) {
        best = sparse;
      }
    }
    if (best !== undefined) {
      this.#removePartial(best);
      best.partialAt = evacuating;
    }
    return best;
  }

  /** Puts a slab that `sparsest` took out of allocation back, if objects are left in it. */
  restore(slab: Slab): void {
    if (slab.used === 0 || slab.partialAt !== evacuating) return;
    slab.partialAt = full;
    if (slab.freeHead !== noSlot) this.#addPartial(slab);
  }

  /**
   * Empties the chunk with the fewest slabs by copying them whole into free units of other chunks, and keeps
   * it as the spare one. `mayMove` is asked for each object, `moved` told its new place. `false` when no chunk could be
   * emptied; slabs that were moved by then stay moved.
   */
  evacuateChunk(
    mayMove: (id: number) => boolean,
    moved: (id: number, chunk: number, byteOffset: number) => void,
  ): boolean {
    this.trim();
    let sparse: SlabChunk | undefined;
    for (const home of this.#open) {
      if (sparse === undefined || bitCount(home.freeUnits) > bitCount(sparse.freeUnits))
        sparse = home;
    }
    if (sparse === undefined) return false;
    this.#open.delete(sparse);
    for (const slab of new Set(sparse.slabs)) {
      if (slab === undefined) continue;
      if (!this.#relocate(slab, sparse, mayMove, moved)) {
        this.#open.add(sparse);
        return false;
      }
    }
    this.#spare = sparse;
    this.#open.add(sparse);
    return true;
  }

  #relocate(
    slab: Slab,
    from: SlabChunk,
    mayMove: (id: number) => boolean,
    moved: (id: number, chunk: number, byteOffset: number) => void,
  ): boolean {
    const { slotBytes, slots, units } = slab.shape;
    let to: SlabChunk | undefined;
    for (const home of this.#open) {
      if (firstRun(home.freeUnits, units) >= 0) {
        to = home;
        break;
      }
    }
    if (to === undefined) return false;
    for (let slot = 0; slot < slots; slot++) {
      const owner = slab.owners[slot];
      if ((owner & freeBit) === 0 && !(owner < orphan && mayMove(owner))) return false;
    }
    const source = this.#set.bytes[slab.chunk];
    const bytes = source.subarray(slab.byteOffset, slab.byteOffset + slots * slotBytes);
    this.#detach(slab, from);
    const unit = firstRun(to.freeUnits, units);
    this.#attach(slab, to, unit);
    this.#set.bytes[slab.chunk].set(bytes, slab.byteOffset);
    for (let slot = 0; slot < slots; slot++) {
      const owner = slab.owners[slot];
      if ((owner & freeBit) === 0) moved(owner, slab.chunk, slab.byteOffset + slot * slotBytes);
    }
    return true;
  }

  #attach(slab: Slab, home: SlabChunk, unit: number): void {
    slab.chunk = home.chunk;
    slab.byteOffset = unit * unitBytes;
    home.freeUnits = (home.freeUnits & ~runMask(unit, slab.shape.units)) >>> 0;
    for (let i = 0; i < slab.shape.units; i++) home.slabs[unit + i] = slab;
    if (home.freeUnits === 0) this.#open.delete(home);
    if (home === this.#spare) this.#spare = undefined;
  }

  #detach(slab: Slab, home: SlabChunk): void {
    const unit = slab.byteOffset / unitBytes;
    for (let i = 0; i < slab.shape.units; i++) home.slabs[unit + i] = undefined;
    home.freeUnits = (home.freeUnits | runMask(unit, slab.shape.units)) >>> 0;
  }

  #slabAt(chunk: number, byteOffset: number): Slab {
    return this.#chunks.get(chunk)?.slabs[Math.floor(byteOffset / unitBytes)] as Slab;
  }

  #newSlab(shape: SizeClass): Slab | undefined {
    if (this.#backend.usedUnits + shape.units > this.#backend.capacityUnits) return undefined;
    const home = this.#chunkWithRoom(shape.units);
    if (home === undefined) return undefined;
    const slab: Slab = {
      chunk: home.chunk,
      byteOffset: 0,
      shape,
      owners: new Uint32Array(shape.slots),
      freeHead: 0,
      used: 0,
      partialAt: full,
      listAt: this.slabs.length,
    };
    for (let i = 0; i < shape.slots; i++) slab.owners[i] = (freeBit | (i + 1)) >>> 0;
    slab.owners[shape.slots - 1] = (freeBit | noSlot) >>> 0;
    this.#attach(slab, home, firstRun(home.freeUnits, shape.units));
    this.#backend.usedUnits += shape.units;
    this.#slabBytes += shape.units * unitBytes;
    this.slabs.push(slab);
    this.#addPartial(slab);
    return slab;
  }

  #chunkWithRoom(units: number): SlabChunk | undefined {
    for (const home of this.#open) if (firstRun(home.freeUnits, units) >= 0) return home;
    let chunk: number;
    try {
      chunk = this.#set.takeSlabChunk(this.#backend);
    } catch (error) {
      this.lastFailure = error;
      return undefined;
    }
    const home: SlabChunk = { chunk, freeUnits: fullMask, slabs: new Array(unitsPerChunk) };
    this.#chunks.set(chunk, home);
    this.#open.add(home);
    return home;
  }

  /** Why the heap last refused a chunk; it goes into the message of `ERR_TIER_FULL`. */
  lastFailure: unknown;

  #releaseSlab(slab: Slab): void {
    if (slab.partialAt >= 0) this.#removePartial(slab);
    const last = this.slabs.pop()!;
    if (last !== slab) {
      this.slabs[slab.listAt] = last;
      last.listAt = slab.listAt;
    }
    const home = this.#chunks.get(slab.chunk)!;
    this.#detach(slab, home);
    this.#open.add(home);
    this.#backend.usedUnits -= slab.shape.units;
    this.#slabBytes -= slab.shape.units * unitBytes;
    if (home.freeUnits !== fullMask) return;
    if (this.#spare === undefined) this.#spare = home;
    else this.#releaseChunk(home);
  }

  #releaseChunk(home: SlabChunk): void {
    this.#chunks.delete(home.chunk);
    this.#open.delete(home);
    this.#set.releaseSlabChunk(home.chunk);
  }

  /** Gives the spare chunk back, e.g. before a run of whole chunks is taken. */
  trim(): void {
    if (this.#spare === undefined) return;
    this.#releaseChunk(this.#spare);
    this.#spare = undefined;
  }

  #addPartial(slab: Slab): void {
    const list = this.#partial[slab.shape.index];
    slab.partialAt = list.length;
    list.push(slab);
  }

  #removePartial(slab: Slab): void {
    const list = this.#partial[slab.shape.index];
    const last = list.pop()!;
    if (last !== slab) {
      list[slab.partialAt] = last;
      last.partialAt = slab.partialAt;
    }
    slab.partialAt = full;
  }
}

function runMask(unit: number, units: number): number {
  return units === unitsPerChunk ? fullMask : (((1 << units) - 1) << unit) >>> 0;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

/** First position of `units` consecutive set bits, or -1. */
function firstRun(free: number, units: number): number {
  let starts = free;
  // After the loop a bit is set where a run of at least `units` begins.
  for (let have = 1; have < units; ) {
    const step = Math.min(have, units - have);
    starts = (starts & (starts >>> step)) >>> 0;
    have += step;
  }
  return starts === 0 ? -1 : 31 - Math.clz32(starts & -starts);
}
