/**
 * Where objects are: records, slabs of every backend, and runs of whole chunks. Knows places and budgets;
 * knows nothing of keys, leases or heat.
 */

import { TierError } from '../errors.ts';
import type { TierSlabs } from '../policy/policy.ts';
import type { BackendSet, BackendState, Near } from './backend-set.ts';
import { Checksums, checksum } from './checksums.ts';
import { Compactor } from './compactor.ts';
import { type InterleavedRun, InterleavedRuns, type InterleaveRequest } from './interleaved-run.ts';
import { chunksFor, type LargeObject, makeLargeObject } from './large-object.ts';
import {
  chunkMask,
  generationMask,
  keyWord,
  largeFlag,
  lengthWord,
  liveFlag,
  ObjectTable,
  offsetMask,
  offsetWord,
  pinnedFlag,
  recordWords,
  segmentMask,
  segmentShift,
  typeShift,
  watchedFlag,
  whereWord,
} from './object-table.ts';
import { classIndex, maxSlabObjectBytes, sizeClasses, slotAlignment } from './size-classes.ts';
import { SlabAllocator, type Slot } from './slab-allocator.ts';

/** Flags that stay with an object when it moves; the rest of word 0 is its chunk. */
const keptBits = ~chunkMask;

/** Whether an object may be given another place right now. */
export type MayMove = (id: number) => boolean;

/** Where a large object is to go. */
export interface LargePlace {
  readonly tier: number;
  readonly node: Near;
  readonly mayMove: MayMove;
  readonly interleave?: InterleaveRequest | undefined;
}

/** How a large object is to be made. */
export interface LargeOptions {
  readonly exposed: boolean;
  readonly ownerThreadOnly: boolean;
}

/** Where objects are. */
export class ObjectSpace {
  readonly set: BackendSet;
  readonly table: ObjectTable = new ObjectTable();
  /** Of small objects that are verified. */
  readonly checksums: Checksums = new Checksums();
  readonly compactor: Compactor = new Compactor(this);
  readonly #interleaved: InterleavedRuns;
  /** By backend index. */
  readonly allocators: readonly SlabAllocator[];
  /** By the slot number in an object's length word. */
  readonly large: (LargeObject | undefined)[] = [];
  readonly #freeLarge: number[] = [];
  #closed = false;
  /** The large object a chunk belongs to. */
  readonly largeOfChunk: Map<number, LargeObject> = new Map();
  /** Large objects that other threads may have attached. */
  readonly shared: Set<LargeObject> = new Set();
  readonly #slot: Slot = { chunk: 0, byteOffset: 0 };
  /** Why a backend last refused memory. */
  lastFailure: unknown;
  /** Bytes copied within each tier to close the holes between small objects. */
  readonly repackedBytes: Float64Array;

  constructor(set: BackendSet) {
    this.set = set;
    this.#interleaved = new InterleavedRuns(set, this.compactor);
    this.repackedBytes = new Float64Array(set.tiers.length);
    this.allocators = set.all.map((backend) => new SlabAllocator(set, backend));
  }

  // --- reading a record -------------------------------------------------------------------------------

  /** Bytes of an object. */
  byteLength(id: number): number {
    const length = this.#word(id, lengthWord);
    return this.#word(id, whereWord) & largeFlag ? this.large[length]!.byteLength : length;
  }

  /** The large object behind an id, or undefined for a small one. */
  largeOf(id: number): LargeObject | undefined {
    if ((this.#word(id, whereWord) & largeFlag) === 0) return undefined;
    return this.large[this.#word(id, lengthWord)];
  }

  /** Whether an id names a live small object. */
  isSmall(id: number): boolean {
    return (this.#word(id, whereWord) & (liveFlag | largeFlag)) === liveFlag;
  }

  /** First chunk of an object. */
  chunkOf(id: number): number {
    return this.#word(id, whereWord) & chunkMask;
  }

  /** First byte of a small object in its chunk. */
  byteOffsetOf(id: number): number {
    return (this.#word(id, offsetWord) & offsetMask) * slotAlignment;
  }

  /** Tier of a small object, or of a large one's first chunk. */
  tierOf(id: number): number {
    return this.set.tierOf(this.chunkOf(id));
  }

  /** Bytes a small object occupies in its tier. */
  slotBytes(id: number): number {
    const chunk = this.chunkOf(id);
    return this.#allocatorOf(chunk).slotBytes(chunk, this.byteOffsetOf(id));
  }

  /** The bytes of an object; undefined for a region, whose buffer only its users hold. */
  bytesOf(id: number): Uint8Array | undefined {
    const large = this.largeOf(id);
    if (large !== undefined) return large.bytes;
    const byteOffset = this.byteOffsetOf(id);
    return this.set.bytes[this.chunkOf(id)].subarray(
      byteOffset,
      byteOffset + this.#word(id, lengthWord),
    );
  }

  // --- placing ----------------------------------------------------------------------------------------

  /**
   * Gives a small object a slot in a tier, on `node`'s backend if it can, and writes the place to its record.
   * `false` when the tier has no room.
   */
  placeSmall(id: number, byteLength: number, tier: number, node: Near): boolean {
    return this.#placeIn(id, byteLength, this.set.preferred(tier, node));
  }

  /** The same on `node` and nowhere else. */
  placeSmallOn(id: number, byteLength: number, tier: number, node: number): boolean {
    const backends = this.set.ofTier[tier].filter((backend) => backend.node === node);
    return this.#placeIn(id, byteLength, backends);
  }

  #placeIn(id: number, byteLength: number, backends: readonly BackendState[]): boolean {
    const index = classIndex(byteLength);
    for (const backend of backends) {
      const allocator = this.allocators[backend.index];
      if (allocator.allocate(index, id, this.#slot)) {
        this.writePlace(id, this.#slot.chunk, this.#slot.byteOffset, byteLength);
        return true;
      }
      this.lastFailure = allocator.lastFailure ?? this.lastFailure;
    }
    return false;
  }

  /**
   * Gives a large object a run of chunks in a tier, moving small objects aside if it must; undefined when
   * the tier has no room.
   */
  placeLarge(
    id: number,
    byteLength: number,
    place: LargePlace,
    options: LargeOptions,
  ): LargeObject | undefined {
    const chunks = chunksFor(byteLength);
    const { tier, node, mayMove, interleave } = place;
    if (interleave !== undefined) {
      return this.#tryLarge(id, byteLength, options, () =>
        this.#interleaved.take(chunks, { tier, mayMove, interleave }),
      );
    }
    this.set.lookForCaller();
    for (const backend of this.set.preferred(tier, node)) {
      const object = this.#tryLarge(id, byteLength, options, () => {
        this.compactor.makeRunRoom(backend, chunks, mayMove);
        return { firstChunk: this.set.takeRun(backend, chunks) };
      });
      if (object !== undefined) return object;
    }
    return undefined;
  }

  /** Makes the object of a run that `take` takes; undefined when it cannot. */
  #tryLarge(
    id: number,
    byteLength: number,
    options: LargeOptions,
    take: () => Pick<InterleavedRun, 'firstChunk'> & Partial<InterleavedRun>,
  ): LargeObject | undefined {
    const chunks = chunksFor(byteLength);
    try {
      const run = take();
      const { firstChunk } = run;
      const bytes = options.exposed ? undefined : this.#bytesOfRun(firstChunk, chunks, byteLength);
      const number = this.#freeLarge.pop() ?? this.large.length;
      const object = makeLargeObject({ id, number, chunks, byteLength, bytes, ...run, ...options });
      this.large[number] = object;
      for (let i = 0; i < chunks; i++) this.largeOfChunk.set(firstChunk + i, object);
      this.writePlace(id, firstChunk, 0, number);
      this.#words(id)[this.#base(id) + whereWord] |= largeFlag;
      return object;
    } catch (error) {
      if (!(error instanceof TierError)) throw error;
      this.lastFailure = error;
      return undefined;
    }
  }

  /** Writes the place of an object to its record. */
  writePlace(id: number, chunk: number, byteOffset: number, length: number): void {
    const words = this.#words(id);
    const base = this.#base(id);
    words[base + whereWord] = (words[base + whereWord] & keptBits & ~largeFlag) | chunk;
    words[base + offsetWord] =
      (words[base + offsetWord] & generationMask) | (byteOffset / slotAlignment);
    words[base + lengthWord] = length;
  }

  /** Sets type and liveness of a freshly placed object. */
  setType(id: number, code: number): void {
    const words = this.#words(id);
    const at = this.#base(id) + whereWord;
    words[at] = (words[at] & (chunkMask | largeFlag)) | (code << typeShift) | liveFlag;
  }

  /** Sets the length of a small object within its slot. */
  setLength(id: number, byteLength: number): void {
    this.#words(id)[this.#base(id) + lengthWord] = byteLength;
  }

  /** Sets the key reference of an object. */
  setKey(id: number, ref: number): void {
    this.#words(id)[this.#base(id) + keyWord] = ref;
  }

  /** Tells the slot of a small object whose it is, after `adopt`. */
  setOwner(id: number): void {
    const chunk = this.chunkOf(id);
    this.#allocatorOf(chunk).setOwner(chunk, this.byteOffsetOf(id), id);
  }

  /** Frees the place a small object had; its record is not touched. */
  freeSlot(chunk: number, byteOffset: number): void {
    this.#allocatorOf(chunk).free(chunk, byteOffset);
  }

  /** Leaves a slot to its leases. */
  disownSlot(chunk: number, byteOffset: number): void {
    this.#allocatorOf(chunk).disown(chunk, byteOffset);
  }

  /** Takes a large object out of every list; its memory stays until `freeLarge`. */
  forgetLarge(object: LargeObject): void {
    this.large[object.number] = undefined;
    this.shared.delete(object);
    this.#freeLarge.push(object.number);
    for (let i = 0; i < object.chunks; i++) this.largeOfChunk.delete(object.firstChunk + i);
  }

  /** Frees a forgotten large object's chunks and detaches its buffer, once no background move is in flight. */
  freeLarge(object: LargeObject): void {
    if (object.moving) object.doomed = true;
    // A move that ends after everything was closed.
    else if (!this.#closed) this.set.releaseRun(object.firstChunk, object.chunks);
  }

  /** Gives the place of one object to another, e.g. a new value to the id that handles know. */
  adopt(id: number, from: number): void {
    const large = this.largeOf(from);
    const flags = this.#word(id, whereWord) & pinnedFlag;
    if (this.table.flag(from, watchedFlag)) this.checksums.set(id, this.checksums.get(from));
    const source = this.#words(from);
    const base = this.#base(from);
    this.writePlace(id, this.chunkOf(from), this.byteOffsetOf(from), source[base + lengthWord]);
    this.#words(id)[this.#base(id) + whereWord] = source[base + whereWord] | flags;
    if (large !== undefined) large.id = id;
  }

  /**
   * Copies a small object to another slot and frees the old one. `false` when the copy is not known to be good: then
   * the object is back where it was. REQUIRES: the new place is in the record; nothing lost is unaccounted for.
   */
  copyFrom(id: number, chunk: number, byteOffset: number): boolean {
    const length = this.#word(id, lengthWord);
    const source = this.set.bytes[chunk].subarray(byteOffset, byteOffset + length);
    const toChunk = this.chunkOf(id);
    const toOffset = this.byteOffsetOf(id);
    this.set.bytes[toChunk].set(source, toOffset);
    if (this.isWhole(id, toChunk, toOffset)) {
      this.freeSlot(chunk, byteOffset);
      return true;
    }
    this.writePlace(id, chunk, byteOffset, length);
    // A place that does not keep what is written to it is given to nobody else.
    if (this.set.damage.moved) this.freeSlot(toChunk, toOffset);
    else this.#allocatorOf(toChunk).retire(toChunk, toOffset);
    return false;
  }

  /** The device lost bytes of a chunk that holds slabs; see `SlabAllocator.lose`. */
  loseSlots(
    chunk: number,
    byteOffset: number,
    byteLength: number,
    hit: (id: number) => void,
  ): void {
    for (const allocator of this.allocators) {
      if (allocator.holds(chunk)) allocator.lose(chunk, byteOffset, byteLength, hit);
    }
  }

  /** What the slabs of a tier need once the holes in them are packed, which happens when room is short. */
  packedSlabs(tier: number): TierSlabs {
    const freeSlots = sizeClasses.map(() => 0);
    let packedBytes = this.set.usedBytes(tier);
    for (const { index } of this.set.ofTier[tier]) {
      packedBytes -= this.allocators[index].packableBytes;
      this.allocators[index].addFreeSlots(freeSlots);
    }
    return { packedBytes, freeSlots };
  }

  /**
   * Bytes of a tier that hold something. A plan that took a slab for full as soon as it is begun would clear it again,
   * and find it empty the next time.
   */
  occupiedBytes(tier: number): number {
    let bytes = this.set.usedBytes(tier);
    for (const { index } of this.set.ofTier[tier]) {
      bytes -= this.allocators[index].slabBytes - this.allocators[index].usedSlotBytes;
    }
    return bytes;
  }

  /** Writes everything back to nothing: every slab, run and buffer is gone afterwards. */
  close(): void {
    this.#closed = true;
    this.table.close();
    this.large.length = 0;
    this.largeOfChunk.clear();
    this.set.heap.close();
  }

  /** Whether a fresh copy of a small object is good: nothing was lost meanwhile, and the sum is right if it has one. */
  isWhole(id: number, chunk: number, byteOffset: number): boolean {
    if (this.set.damage.moved) return false;
    if (!this.table.flag(id, watchedFlag)) return true;
    const copy = this.set.bytes[chunk].subarray(
      byteOffset,
      byteOffset + this.#word(id, lengthWord),
    );
    return checksum(copy) === this.checksums.get(id);
  }

  #bytesOfRun(firstChunk: number, chunks: number, byteLength: number): Uint8Array {
    try {
      return new Uint8Array(this.set.heap.buffer(firstChunk, byteLength));
    } catch (error) {
      this.set.releaseRun(firstChunk, chunks);
      throw error;
    }
  }

  #allocatorOf(chunk: number): SlabAllocator {
    return this.allocators[this.set.backendOf(chunk).index];
  }

  #words(id: number): Uint32Array {
    return this.table.words[id >>> segmentShift];
  }

  #base(id: number): number {
    return (id & segmentMask) * recordWords;
  }

  #word(id: number, word: number): number {
    return this.#words(id)[this.#base(id) + word];
  }
}

/** Whether a value of this size lives in a slab. */
export function isSmall(byteLength: number): boolean {
  return byteLength <= maxSlabObjectBytes;
}
