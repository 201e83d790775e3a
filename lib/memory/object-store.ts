/**
 * Objects with identity: keys, values and leases. Everything here runs on the
 * thread that owns the store; only bulk copies of large values leave it.
 */

import { TierError } from '../errors.ts';
import type { SliceClock } from '../slices.ts';
import type { BackendSet } from './backend-set.ts';
import { chunkSumsInTurns } from './checksums.ts';
import { dataBytes, type StoredData } from './data.ts';
import { HeatLedger } from './heat-ledger.ts';
import { type Hold, Holds } from './holds.ts';
import { Integrity } from './integrity.ts';
import { type Key, KeyArena } from './key-arena.ts';
import { KeyIndex } from './key-index.ts';
import type { LargeObject } from './large-object.ts';
import { Mover } from './mover.ts';
import {
  lostWhileWritten,
  notExposed,
  ObjectMaker,
  type PlacementOrder,
  takenAway,
} from './object-maker.ts';
import { isSmall, ObjectSpace } from './object-space.ts';
import {
  keyWord,
  leasedFlag,
  liveFlag,
  oneWrite,
  recordWords,
  segmentMask,
  segmentShift,
  typeMask,
  typeShift,
  whereWord,
} from './object-table.ts';
import { Prefetcher, type PrefetchSettings } from './prefetcher.ts';
import { RegionPatterns } from './region-patterns.ts';
import { classIndex } from './size-classes.ts';
import { StoreUnits } from './store-units.ts';

/** Asked only when a place is needed: a value that fits where it is needs none. */
export type PlacementChoice = () => PlacementOrder;

/** The store. */
export class ObjectStore {
  readonly space: ObjectSpace;
  readonly ledger: HeatLedger;
  readonly holds: Holds;
  readonly mover: Mover;
  readonly integrity: Integrity;
  /** The migration engine's view. */
  readonly units: StoreUnits;
  /** Undefined when no tier has anything to read ahead. */
  readonly prefetcher: Prefetcher | undefined;
  readonly #keys: KeyArena = new KeyArena();
  readonly #index: KeyIndex;
  readonly #maker: ObjectMaker;
  readonly #regionPatterns: RegionPatterns = new RegionPatterns();
  /** Of everybody who watches. */
  readonly #newKeys: Set<Set<Key>> = new Set();
  #closed = false;

  /** Without `prefetch` nothing is read ahead. By `sliceClock` moves keep to their share of the main thread. */
  constructor(set: BackendSet, prefetch?: PrefetchSettings, sliceClock?: SliceClock) {
    this.space = new ObjectSpace(set);
    this.prefetcher = Prefetcher.of(this.space, prefetch);
    this.ledger = new HeatLedger(this.space);
    this.integrity = new Integrity(this.space, {
      keyOf: (id) => this.keyOf(id),
      isBeingWritten: (id) => this.holds.isBeingWritten(id),
    });
    this.mover = new Mover(this.space, this.ledger, this.integrity, sliceClock);
    this.#maker = new ObjectMaker(this.space, this.mover, this.integrity);
    this.units = new StoreUnits(this.space, this.ledger, this.mover, this.integrity);
    this.#index = new KeyIndex(this.#keys, (id) => this.#word(id, keyWord));
    this.holds = new Holds({
      release: (hold) => this.#releaseHold(hold),
      unhold: (id) => this.space.table.setFlag(id, leasedFlag, false),
      pin: ({ firstChunk }, pinned) => {
        const { heap } = this.space.set;
        if (pinned) heap.pin(firstChunk);
        else heap.unpin(firstChunk);
      },
      written: (id) => this.integrity.reseal(id),
    });
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Objects alive. */
  get count(): number {
    return this.space.table.count;
  }

  /** Bytes of records and keys, which are not in any tier. */
  get metadataBytes(): number {
    const { table, checksums } = this.space;
    return table.bytes + checksums.bytes + this.#keys.bytes + this.#index.bytes;
  }

  // --- finding ------------------------------------------------------------------------------------------

  /** The object with this key, or -1. */
  find(key: Key): number {
    return this.#index.find(key);
  }

  /** Key of an object; undefined without one. */
  keyOf(id: number): Key | undefined {
    const ref = this.#word(id, keyWord);
    return ref === 0 ? undefined : this.#keys.read(ref);
  }

  /** Key of the small object that is this unit; undefined when it is none, or gone. */
  keyOfUnit(unit: number): Key | undefined {
    const { space } = this;
    return unit < space.table.end && space.isSmall(unit) ? this.keyOf(unit) : undefined;
  }

  /** Type code of an object. */
  typeOf(id: number): number {
    return (this.#word(id, whereWord) >>> typeShift) & typeMask;
  }

  /** All keys, in the order of their objects' ids. The store may change meanwhile. */
  *allKeys(): Generator<Key> {
    const { table } = this.space;
    for (let id = 0; id < table.end && !this.#closed; id++) {
      const key = (this.#word(id, whereWord) & liveFlag) === 0 ? undefined : this.keyOf(id);
      if (key !== undefined) yield key;
    }
  }

  /** Collects the keys that get a new object until `end`: whoever walks through the records can miss those. */
  watchNewKeys(): { readonly keys: ReadonlySet<Key>; end(): void } {
    const keys = new Set<Key>();
    this.#newKeys.add(keys);
    return { keys, end: () => this.#newKeys.delete(keys) };
  }

  // --- writing ------------------------------------------------------------------------------------------

  /**
   * Stores a value under a key (or none) on this thread and returns its id; with `verify` it gets a checksum. Throws
   * `ERR_TIER_FULL`.
   */
  put(
    key: Key | undefined,
    code: number,
    data: StoredData,
    choose: PlacementChoice,
    verify = false,
  ): number {
    this.check();
    const bytes = dataBytes(data);
    const existing = key === undefined ? -1 : this.#index.find(key);
    if (existing >= 0 && this.typeOf(existing) === code) {
      this.rewrite(existing, bytes, choose, verify);
      return existing;
    }
    const id = this.#maker.make(code, bytes, choose(), verify);
    if (existing >= 0) this.remove(existing);
    this.#publish(id, key);
    return id;
  }

  /** The same with the copy of a large value off this thread. `data` must not change until it resolves. */
  async putLarge(
    key: Key | undefined,
    code: number,
    bytes: Uint8Array,
    order: PlacementOrder,
    verify = false,
  ): Promise<number> {
    this.check();
    const id = this.#maker.create(code, bytes.byteLength, order, notExposed);
    const object = this.space.largeOf(id) as LargeObject;
    // Neither moved nor freed while another thread writes to it.
    object.moving = true;
    const sums = verify ? chunkSumsInTurns(bytes) : undefined;
    try {
      await this.space.set.heap.write(object.firstChunk, 0, bytes);
      if (sums !== undefined && !this.#closed) this.integrity.sealLarge(object, await sums);
      this.check();
      this.integrity.settle();
      if (this.integrity.book.has(id)) throw lostWhileWritten(bytes.byteLength);
    } catch (error) {
      object.moving = false;
      if (!this.#closed) {
        this.integrity.book.forget(id);
        this.#maker.abandon(id);
      }
      // The place is right, so it is the source that was refused.
      if (error instanceof TierError && error.code === 'ERR_TIER_INVALID') throw takenAway(error);
      throw error;
    }
    object.moving = false;
    const existing = key === undefined ? -1 : this.#index.find(key);
    if (existing >= 0 && this.typeOf(existing) === code) {
      this.#replace(existing, id);
      return existing;
    }
    if (existing >= 0) this.remove(existing);
    this.#publish(id, key);
    return id;
  }

  /** Takes whole chunks, zero-filled, for a region whose live view the caller gets. */
  allocate(
    code: number,
    byteLength: number,
    order: PlacementOrder,
    ownerThreadOnly: boolean,
  ): number {
    this.check();
    const id = this.#maker.create(code, byteLength, order, { exposed: true, ownerThreadOnly });
    this.#publish(id, undefined);
    return id;
  }

  /**
   * Replaces an object's bytes, which heals a damaged one. What leases see stays as it is. It gets a checksum, loses
   * it, or by default keeps having one or none. Throws `ERR_TIER_FULL`; then nothing changed.
   */
  rewrite(
    id: number,
    bytes: Uint8Array,
    choose: PlacementChoice,
    verify: boolean = this.integrity.isVerified(id),
  ): void {
    if (this.#fitsInPlace(id, bytes.byteLength)) {
      if (this.space.largeOf(id) === undefined) this.space.setLength(id, bytes.byteLength);
      if (this.#maker.write(id, bytes, verify)) {
        this.noteWrite(id);
        return;
      }
      this.integrity.settle();
    }
    const order = { ...choose(), pinned: false };
    const own = this.space.tierOf(id);
    // It stays in its tier, unless that has just damaged it.
    const tiers = this.integrity.book.has(id)
      ? order.tiers
      : [own, ...order.tiers.filter((tier) => tier !== own)];
    const fresh = this.#maker.make(this.typeOf(id), bytes, { ...order, tiers }, verify);
    this.#replace(id, fresh);
    this.noteWrite(id);
  }

  /** Deletes an object. Its handles become invalid; its leases keep their bytes. */
  remove(id: number): void {
    const ref = this.#word(id, keyWord);
    if (ref !== 0) {
      this.#index.remove(this.#keys.read(ref), id);
      this.#keys.remove(ref);
    }
    this.integrity.book.forget(id);
    this.#leavePlace(id);
    this.space.table.release(id);
  }

  // --- accesses -----------------------------------------------------------------------------------------

  /** Counts a read of the whole of an object that is about to begin. */
  noteRead(id: number): void {
    const large = this.space.largeOf(id);
    if (large !== undefined) {
      this.noteUse(large, 0, large.byteLength, false);
      return;
    }
    this.prefetcher?.sawSmall(id);
    this.ledger.note(id, 1);
  }

  /** Counts an access to a part of a large object that is about to begin. */
  noteUse(object: LargeObject, byteOffset: number, byteLength: number, write: boolean): void {
    if (object.exposed) this.#regionPatterns.saw(object, byteOffset, byteLength, write);
    this.prefetcher?.sawLarge(object, byteOffset, byteLength);
    this.ledger.noteLarge(object, byteOffset, byteLength, write);
  }

  /** Counts a write to the whole of an object. */
  noteWrite(id: number): void {
    const large = this.space.largeOf(id);
    if (large === undefined) this.ledger.note(id, oneWrite);
    else this.ledger.noteLarge(large, 0, large.byteLength, true);
  }

  /** Keeps an object where it is until `holds.end`; `writes` when its bytes will be written meanwhile. */
  hold(id: number, writes = false): Hold {
    const { space } = this;
    space.table.setFlag(id, leasedFlag, true);
    return this.holds.acquire(id, writes, () => {
      const large = space.largeOf(id);
      const byteOffset = large === undefined ? space.byteOffsetOf(id) : 0;
      return { chunk: space.chunkOf(id), byteOffset, byteLength: space.byteLength(id), large };
    });
  }

  // --- end ----------------------------------------------------------------------------------------------

  /** Throws `ERR_TIER_CLOSED` after `close`. */
  check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', 'The memory is closed.');
  }

  /** Frees everything; all handles, leases and regions become invalid. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.prefetcher?.close();
    this.units.close();
    this.space.close();
  }

  // --- inside -------------------------------------------------------------------------------------------

  /** Whether new bytes may be written over an object's old ones. */
  #fitsInPlace(id: number, byteLength: number): boolean {
    const { space } = this;
    this.integrity.settle();
    if (space.table.flag(id, leasedFlag) || this.integrity.book.has(id)) return false;
    const large = space.largeOf(id);
    if (large !== undefined) return large.byteLength === byteLength;
    return isSmall(byteLength) && classIndex(byteLength) === classIndex(space.byteLength(id));
  }

  /** Gives an object the place, bytes and checksum of another, whose record is released. */
  #replace(id: number, fresh: number): void {
    const { space } = this;
    this.integrity.book.forget(id);
    this.#leavePlace(id);
    space.adopt(id, fresh);
    const large = space.largeOf(id);
    if (large === undefined) {
      space.setOwner(id);
      this.ledger.arrived(id);
    } else {
      this.ledger.addedLarge(large);
    }
    space.table.release(fresh);
  }

  #publish(id: number, key: Key | undefined): void {
    const large = this.space.largeOf(id);
    if (key !== undefined) {
      this.space.setKey(id, this.#keys.add(key));
      this.#index.add(key, id);
      for (const keys of this.#newKeys) keys.add(key);
    }
    if (large === undefined) this.ledger.added(id);
    else this.ledger.addedLarge(large);
  }

  /** Gives up an object's place: to its leases if it has any, else for good. */
  #leavePlace(id: number): void {
    const { space } = this;
    const leased = space.table.flag(id, leasedFlag);
    const large = space.largeOf(id);
    if (large === undefined) {
      const chunk = space.chunkOf(id);
      const byteOffset = space.byteOffsetOf(id);
      this.ledger.leaving(id);
      if (leased) space.disownSlot(chunk, byteOffset);
      else space.freeSlot(chunk, byteOffset);
    } else {
      this.ledger.removedLarge(large);
      space.forgetLarge(large);
      if (!leased) space.freeLarge(large);
    }
    if (leased) {
      this.holds.orphan(id);
      space.table.setFlag(id, leasedFlag, false);
    }
  }

  #releaseHold(hold: Hold): void {
    if (this.#closed) return;
    if (hold.large === undefined) this.space.freeSlot(hold.chunk, hold.byteOffset);
    else this.space.freeLarge(hold.large);
  }

  #word(id: number, word: number): number {
    return this.space.table.words[id >>> segmentShift][(id & segmentMask) * recordWords + word];
  }
}
