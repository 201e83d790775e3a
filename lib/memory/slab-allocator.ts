/**
 * Small objects of one backend: slabs of one size class inside chunks.
 *
 * A slab can be emptied by moving its objects: that is how holes left by one size class become room for another.
 *
 * Slots and units whose bytes the device lost are not handed out again; the memory is clean once the whole chunk was
 * freed, which an empty damaged chunk is at once.
 */

import type { BackendSet, BackendState } from './backend-set.ts';
import { type SizeClass, sizeClasses, unitBytes } from './size-classes.ts';
import { evacuating, isObject, notPartial, Slab } from './slab.ts';
import { SlabChunk } from './slab-chunk.ts';

/** Asked and told about the objects of a slab that is copied elsewhere as a whole. */
export interface Relocation {
  readonly mayMove: (id: number) => boolean;
  /** Whether the copy at this place is the object's bytes; the original is given up only then. */
  readonly isWhole: (id: number, chunk: number, byteOffset: number) => boolean;
  readonly moved: (id: number, chunk: number, byteOffset: number) => void;
}

/** A place for an object. */
export interface Slot {
  chunk: number;
  byteOffset: number;
}

/** The allocator. Allocation never throws: no room is `false`. */
export class SlabAllocator {
  readonly #set: BackendSet;
  readonly #backend: BackendState;
  readonly #partial: Slab[][] = sizeClasses.map(() => []);
  readonly #chunks: Map<number, SlabChunk<Slab>> = new Map();
  /** Chunks with free units. */
  readonly #open: Set<SlabChunk<Slab>> = new Set();
  /** At most one empty chunk is kept, so that a slab that comes and goes does not remap memory. */
  #spare: SlabChunk<Slab> | undefined;
  /** All slabs, for the rotating scan of the policy's snapshots. */
  readonly slabs: Slab[] = [];
  /** Bytes of slots in use. */
  #usedSlotBytes = 0;
  /** Bytes of all slabs. */
  #slabBytes = 0;
  /** Units without a slab that get none, because bytes of them are lost. They stay charged. */
  #deadUnits = 0;
  /** Slots in use by class, and the units their slabs would take if each class were packed. */
  readonly #usedSlots: Uint32Array = new Uint32Array(sizeClasses.length);
  #packedUnits = 0;
  /** Objects held. */
  objects = 0;

  constructor(set: BackendSet, backend: BackendState) {
    this.#set = set;
    this.#backend = backend;
  }

  /** Bytes of slabs that hold nothing, and of lost units. */
  get holeBytes(): number {
    return this.#slabBytes - this.#usedSlotBytes + this.#deadUnits * unitBytes;
  }

  /** Chunks held. */
  get chunks(): number[] {
    return [...this.#chunks.keys()];
  }

  /** Whether a chunk is one of this allocator's. */
  holds(chunk: number): boolean {
    return this.#chunks.has(chunk);
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
    const slot = slab.take(id);
    if (!slab.hasRoom) this.#removePartial(slab);
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
    if (this.#openChunk(units) !== undefined) return true;
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
    slab.give(slab.slotAt(byteOffset));
    this.#usedSlotBytes -= slab.shape.slotBytes;
    if (--this.#usedSlots[slab.shape.index] % slab.shape.slots === 0) {
      this.#packedUnits -= slab.shape.units;
    }
    this.objects--;
    if (slab.used === 0) this.#releaseSlab(slab);
    else if (slab.partialAt === notPartial && slab.hasRoom) this.#addPartial(slab);
  }

  /** As `free`, but as long as the slab has objects the slot is given to nobody. */
  retire(chunk: number, byteOffset: number): void {
    const slab = this.#slabAt(chunk, byteOffset);
    slab.lose(slab.slotAt(byteOffset));
    this.free(chunk, byteOffset);
  }

  /**
   * The device lost bytes of a chunk: `hit` is told of the objects in them, and their slots and units are given to
   * nobody else. Idempotent.
   */
  lose(chunk: number, byteOffset: number, byteLength: number, hit: (id: number) => void): void {
    const home = this.#chunks.get(chunk);
    if (home === undefined) return;
    const slabs = new Set<Slab>();
    for (
      let unit = Math.floor(byteOffset / unitBytes);
      unit * unitBytes < byteOffset + byteLength;
      unit++
    ) {
      const slab = home.slabs[unit];
      if (slab !== undefined) slabs.add(slab);
      this.#charge(home.lose(unit));
    }
    for (const slab of slabs) {
      const { slotBytes, slots } = slab.shape;
      const from = Math.max(0, Math.floor((byteOffset - slab.byteOffset) / slotBytes));
      const to = Math.min(
        slots,
        Math.ceil((byteOffset + byteLength - slab.byteOffset) / slotBytes),
      );
      for (let slot = from; slot < to; slot++) {
        const owner = slab.lose(slot);
        if (isObject(owner)) hit(owner);
      }
      if (!slab.hasRoom && slab.partialAt >= 0) this.#removePartial(slab);
    }
    if (home.freeUnits === 0) this.#open.delete(home);
    if (home.empty) this.#releaseChunk(home);
  }

  /** Changes which object a slot belongs to. */
  setOwner(chunk: number, byteOffset: number, id: number): void {
    const slab = this.#slabAt(chunk, byteOffset);
    slab.owners[slab.slotAt(byteOffset)] = id;
  }

  /** Marks a slot as seen by leases only; `free` it when the last one ends. */
  disown(chunk: number, byteOffset: number): void {
    const slab = this.#slabAt(chunk, byteOffset);
    slab.disown(slab.slotAt(byteOffset));
  }

  /** Bytes of the slot at this place. */
  slotBytes(chunk: number, byteOffset: number): number {
    return this.#slabAt(chunk, byteOffset).shape.slotBytes;
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
        holes += slab.freeSlots;
        if (slab.used < sparse.used) sparse = slab;
      }
      if (holes - sparse.freeSlots < sparse.used) continue;
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
    slab.partialAt = notPartial;
    if (slab.hasRoom) this.#addPartial(slab);
  }

  /**
   * Empties the chunk with the fewest slabs by copying them whole into free units of other chunks, and keeps
   * it as the spare one. `false` when no chunk could be emptied; slabs that were moved by then stay moved.
   */
  evacuateChunk(relocation: Relocation): boolean {
    this.trim();
    let sparse: SlabChunk<Slab> | undefined;
    for (const home of this.#open) {
      if (sparse === undefined || home.freeCount > sparse.freeCount) sparse = home;
    }
    if (sparse === undefined) return false;
    this.#open.delete(sparse);
    for (const slab of new Set(sparse.slabs)) {
      if (slab === undefined) continue;
      if (!this.#relocate(slab, sparse, relocation)) {
        if (sparse.freeUnits !== 0) this.#open.add(sparse);
        return false;
      }
    }
    this.#open.add(sparse);
    this.#emptied(sparse);
    return true;
  }

  #relocate(slab: Slab, from: SlabChunk<Slab>, { mayMove, isWhole, moved }: Relocation): boolean {
    const { slotBytes, slots, units } = slab.shape;
    if (!slab.every(mayMove)) return false;
    // Only now: asking can find damage, and that takes units away.
    const to = this.#openChunk(units);
    if (to === undefined) return false;
    const { byteOffset } = slab;
    const source = this.#set.bytes[from.chunk].subarray(byteOffset, byteOffset + slots * slotBytes);
    const unit = to.firstRun(units);
    const target = unit * unitBytes;
    this.#set.bytes[to.chunk].set(source, target);
    if (!slab.every((id, at) => isWhole(id, to.chunk, at - byteOffset + target))) return false;
    this.#detach(slab, from);
    this.#attach(slab, to, unit);
    slab.every((id, at) => {
      moved(id, to.chunk, at);
      return true;
    });
    return true;
  }

  #attach(slab: Slab, home: SlabChunk<Slab>, unit: number): void {
    slab.chunk = home.chunk;
    slab.byteOffset = unit * unitBytes;
    home.attach(slab, unit, slab.shape.units);
    if (home.freeUnits === 0) this.#open.delete(home);
    if (home === this.#spare) this.#spare = undefined;
  }

  #detach(slab: Slab, home: SlabChunk<Slab>): void {
    this.#charge(home.detach(slab.byteOffset / unitBytes, slab.shape.units));
  }

  /** Units died, or with a negative number are gone with their chunk. */
  #charge(dead: number): void {
    this.#deadUnits += dead;
    this.#backend.usedUnits += dead;
  }

  #slabAt(chunk: number, byteOffset: number): Slab {
    return this.#chunks.get(chunk)?.slabs[Math.floor(byteOffset / unitBytes)] as Slab;
  }

  #newSlab(shape: SizeClass): Slab | undefined {
    if (this.#backend.usedUnits + shape.units > this.#backend.capacityUnits) return undefined;
    const home = this.#chunkWithRoom(shape.units);
    if (home === undefined) return undefined;
    const slab = new Slab(home.chunk, shape, this.slabs.length);
    this.#attach(slab, home, home.firstRun(shape.units));
    this.#backend.usedUnits += shape.units;
    this.#slabBytes += shape.units * unitBytes;
    this.slabs.push(slab);
    this.#addPartial(slab);
    return slab;
  }

  /** A chunk that has so many free units side by side. */
  #openChunk(units: number): SlabChunk<Slab> | undefined {
    for (const home of this.#open) if (home.firstRun(units) >= 0) return home;
    return undefined;
  }

  #chunkWithRoom(units: number): SlabChunk<Slab> | undefined {
    const open = this.#openChunk(units);
    if (open !== undefined) return open;
    let chunk: number;
    try {
      chunk = this.#set.takeSlabChunk(this.#backend);
    } catch (error) {
      this.lastFailure = error;
      return undefined;
    }
    const home = new SlabChunk<Slab>(chunk);
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
    if (home.freeUnits !== 0) this.#open.add(home);
    this.#backend.usedUnits -= slab.shape.units;
    this.#slabBytes -= slab.shape.units * unitBytes;
    if (home.empty) this.#emptied(home);
  }

  #emptied(home: SlabChunk<Slab>): void {
    if (this.#spare === undefined && !home.damaged) this.#spare = home;
    else this.#releaseChunk(home);
  }

  #releaseChunk(home: SlabChunk<Slab>): void {
    this.#charge(-home.deadUnits);
    this.#chunks.delete(home.chunk);
    this.#open.delete(home);
    if (home === this.#spare) this.#spare = undefined;
    this.#set.releaseSlabChunk(home.chunk);
  }

  /** Gives the spare chunk back, e.g. before a run of whole chunks is taken. */
  trim(): void {
    if (this.#spare === undefined) return;
    this.#releaseChunk(this.#spare);
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
    slab.partialAt = notPartial;
  }
}
