/**
 * Small objects of one backend: slabs of one size class inside chunks.
 *
 * A slab can be emptied by moving its objects: that is how holes left by one size class become room for another.
 *
 * Slots and units whose bytes the device lost are not handed out again; the memory is clean once the whole chunk was
 * freed, which an empty damaged chunk is at once.
 */

import type { BackendSet, BackendState } from './backend-set.ts';
import { PartialSlabs } from './partial-slabs.ts';
import { type SizeClass, sizeClasses, unitBytes } from './size-classes.ts';
import { evacuating, isObject, notPartial, Slab } from './slab.ts';
import { type Home, SlabChunks } from './slab-chunks.ts';

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
  readonly #partial = new PartialSlabs();
  readonly #chunks: SlabChunks;
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
    this.#chunks = new SlabChunks(set, backend);
  }

  /** Why the heap last refused a chunk; it goes into the message of `ERR_TIER_FULL`. */
  get lastFailure(): unknown {
    return this.#chunks.lastFailure;
  }

  /** Bytes of slabs that hold nothing, and of lost units. */
  get holeBytes(): number {
    return this.#slabBytes - this.#usedSlotBytes + this.#chunks.deadUnits * unitBytes;
  }

  /** Bytes of all slabs, and of the slots of them that are in use. */
  get slabBytes(): number {
    return this.#slabBytes;
  }

  get usedSlotBytes(): number {
    return this.#usedSlotBytes;
  }

  /** Bytes of the chunks with slabs in them that a slab could still get. */
  get freeUnitBytes(): number {
    return this.#chunks.units * unitBytes - this.#slabBytes;
  }

  /** Chunks held. */
  get chunks(): number[] {
    return this.#chunks.numbers;
  }

  /** Whether a chunk is one of this allocator's. */
  holds(chunk: number): boolean {
    return this.#chunks.get(chunk) !== undefined;
  }

  /** Bytes of slabs that packing the objects of each class together would free. */
  get packableBytes(): number {
    return this.#slabBytes - this.#packedUnits * unitBytes;
  }

  /** Adds, by class, the slots that would be free if the objects of each class were packed together. */
  addFreeSlots(into: number[]): void {
    for (const { index, slots } of sizeClasses) {
      const beyond = this.#usedSlots[index] % slots;
      if (beyond > 0) into[index] += slots - beyond;
    }
  }

  /** Finds a slot of the class for object `id` and writes it to `into`; `false` when there is no room. */
  allocate(classIndex: number, id: number, into: Slot): boolean {
    const slab = this.#partial.fullest(classIndex) ?? this.#newSlab(sizeClasses[classIndex]);
    if (slab === undefined) return false;
    const slot = slab.take(id);
    this.#partial.update(slab);
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
    return this.hasHole(classIndex) || this.hasSlabRoom(classIndex);
  }

  /** Whether `allocate` would find a slot in a slab that is there already. */
  hasHole(classIndex: number): boolean {
    return this.#partial.fullest(classIndex) !== undefined;
  }

  /** Whether a new slab of the class would find units side by side, or a chunk. */
  hasSlabRoom(classIndex: number): boolean {
    const { units } = sizeClasses[classIndex];
    if (!this.hasUnits(classIndex)) return false;
    if (this.#chunks.withRun(units) !== undefined) return true;
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
    else this.#partial.update(slab);
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
    const firstUnit = Math.floor(byteOffset / unitBytes);
    const endUnit = Math.ceil((byteOffset + byteLength) / unitBytes);
    const slabs = new Set(home.slabs.slice(firstUnit, endUnit));
    this.#chunks.lose(home, firstUnit, endUnit);
    for (const slab of slabs) {
      if (slab === undefined) continue;
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
      this.#partial.update(slab);
    }
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
   * The slab whose objects could be packed into other slabs of their class at about the least cost, so that its
   * units become free; not one of `skip`. Undefined when no class has enough holes. Objects listed in `owners` are to
   * be moved by the caller with `allocate`; the slab is taken out of allocation until then.
   */
  sparsest(skip?: ReadonlySet<Slab>): Slab | undefined {
    const slab = this.#partial.sparsest(skip);
    if (slab !== undefined) this.setAside(slab);
    return slab;
  }

  /** Takes a slab that has objects in it out of allocation. */
  setAside(slab: Slab): void {
    this.#partial.remove(slab);
    slab.partialAt = evacuating;
  }

  /** Puts a slab that was taken out of allocation back, if objects are left in it. */
  restore(slab: Slab): void {
    if (slab.used === 0 || slab.partialAt !== evacuating) return;
    slab.partialAt = notPartial;
    this.#partial.update(slab);
  }

  /**
   * Empties the chunk with the fewest slabs by copying them whole into free units of other chunks, and keeps
   * it as the spare one. `false` when no chunk could be emptied; slabs that were moved by then stay moved.
   */
  evacuateChunk(relocation: Relocation): boolean {
    this.trim();
    const home = this.#chunks.sparsest();
    if (home === undefined) return false;
    while (this.isInUse(home)) if (this.relocateSlab(home, relocation) === 0) return false;
    return true;
  }

  /** The chunk with the fewest slabs of those that could hold more; not one of `skip`. */
  sparsestChunk(skip: ReadonlySet<Home>): Home | undefined {
    return this.#chunks.sparsest(skip);
  }

  /** Whether slabs are in a chunk that this allocator named. */
  isInUse(home: Home): boolean {
    return this.#chunks.isInUse(home);
  }

  /**
   * Copies one slab of a chunk whole into free units of another that is not emptier. The last one to leave makes it
   * the spare chunk, or gives it back. Returns how many bytes were copied; 0 when that slab has to stay.
   */
  relocateSlab(home: Home, relocation: Relocation): number {
    // The longest run first: it has the fewest places to go.
    let slab: Slab | undefined;
    for (const other of home.slabs) {
      if (other !== undefined && (slab === undefined || other.shape.units > slab.shape.units)) {
        slab = other;
      }
    }
    if (slab === undefined || !this.#relocate(slab, home, relocation)) return 0;
    this.#chunks.shun(home);
    return slab.shape.slots * slab.shape.slotBytes;
  }

  #relocate(slab: Slab, from: Home, { mayMove, isWhole, moved }: Relocation): boolean {
    const { slotBytes, slots, units } = slab.shape;
    if (!slab.every(mayMove)) return false;
    // Only now: asking can find damage, and that takes units away.
    const to = this.#chunks.fullest(units, from);
    if (to === undefined) return false;
    const { byteOffset } = slab;
    const source = this.#set.bytes[from.chunk].subarray(byteOffset, byteOffset + slots * slotBytes);
    const unit = to.firstRun(units);
    const target = unit * unitBytes;
    this.#set.bytes[to.chunk].set(source, target);
    if (!slab.every((id, at) => isWhole(id, to.chunk, at - byteOffset + target))) return false;
    this.#chunks.detach(slab);
    this.#chunks.attach(slab, to, unit);
    slab.every((id, at) => {
      moved(id, to.chunk, at);
      return true;
    });
    return true;
  }

  #slabAt(chunk: number, byteOffset: number): Slab {
    return this.#chunks.get(chunk)?.slabs[Math.floor(byteOffset / unitBytes)] as Slab;
  }

  #newSlab(shape: SizeClass): Slab | undefined {
    if (this.#backend.usedUnits + shape.units > this.#backend.capacityUnits) return undefined;
    const home = this.#chunks.take(shape.units);
    if (home === undefined) return undefined;
    const slab = new Slab(home.chunk, shape, this.slabs.length);
    this.#chunks.attach(slab, home, home.firstRun(shape.units));
    this.#backend.usedUnits += shape.units;
    this.#slabBytes += shape.units * unitBytes;
    this.slabs.push(slab);
    return slab;
  }

  #releaseSlab(slab: Slab): void {
    this.#partial.remove(slab);
    const last = this.slabs.pop()!;
    if (last !== slab) {
      this.slabs[slab.listAt] = last;
      last.listAt = slab.listAt;
    }
    this.#backend.usedUnits -= slab.shape.units;
    this.#slabBytes -= slab.shape.units * unitBytes;
    this.#chunks.detach(slab);
  }

  /** Gives the spare chunk back, e.g. before a run of whole chunks is taken. */
  trim(): void {
    this.#chunks.trim();
  }

  /** The same if it was spare the last time this was asked, too. */
  trimIdle(): void {
    this.#chunks.trimIdle();
  }
}
