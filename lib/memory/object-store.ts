/**
 * Objects with identity: keys, values and leases. Everything here runs on the
 * thread that owns the store; only bulk copies of large values leave it.
 */

import { TierError } from '../errors.ts';
import type { BackendSet } from './backend-set.ts';
import { dataBytes, type StoredData } from './data.ts';
import { HeatLedger } from './heat-ledger.ts';
import { type Hold, Holds } from './holds.ts';
import { type Key, KeyArena } from './key-arena.ts';
import { KeyIndex } from './key-index.ts';
import type { LargeObject } from './large-object.ts';
import { Mover } from './mover.ts';
import { isSmall, type LargeOptions, ObjectSpace } from './object-space.ts';
import {
  keyWord,
  leasedFlag,
  liveFlag,
  oneWrite,
  pinnedFlag,
  recordWords,
  segmentMask,
  segmentShift,
  typeMask,
  typeShift,
  whereWord,
} from './object-table.ts';
import { classIndex, unitsPerChunk } from './size-classes.ts';
import { StoreUnits } from './store-units.ts';

/** Where a new value may go: tiers in order of preference, and the node it should be near (-1: none). */
export interface PlacementOrder {
  readonly tiers: readonly number[];
  readonly node: number;
  readonly pinned: boolean;
}

/** Asked only when a place is needed: a value that fits where it is needs none. */
export type PlacementChoice = () => PlacementOrder;

const notExposed: LargeOptions = { exposed: false, ownerThreadOnly: false };

/** The store. */
export class ObjectStore {
  readonly space: ObjectSpace;
  readonly ledger: HeatLedger;
  readonly holds: Holds;
  readonly mover: Mover;
  /** The migration engine's view. */
  readonly units: StoreUnits;
  readonly #keys: KeyArena = new KeyArena();
  readonly #index: KeyIndex;
  #closed = false;

  constructor(set: BackendSet) {
    this.space = new ObjectSpace(set);
    this.ledger = new HeatLedger(this.space);
    this.mover = new Mover(this.space, this.ledger);
    this.units = new StoreUnits(this.space, this.ledger, this.mover);
    this.#index = new KeyIndex(this.#keys, (id) => this.#word(id, keyWord));
    this.holds = new Holds({
      release: (hold) => this.#releaseHold(hold),
      unhold: (id) => this.#setFlag(id, leasedFlag, false),
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
    return this.space.table.bytes + this.#keys.bytes + this.#index.bytes;
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

  // --- writing ------------------------------------------------------------------------------------------

  /** Stores a value under a key (or none) on this thread and returns its id. Throws `ERR_TIER_FULL`. */
  put(key: Key | undefined, code: number, data: StoredData, choose: PlacementChoice): number {
    this.check();
    const bytes = dataBytes(data);
    const existing = key === undefined ? -1 : this.#index.find(key);
    if (existing >= 0 && this.typeOf(existing) === code) {
      this.rewrite(existing, bytes, choose);
      return existing;
    }
    const id = this.#create(code, bytes.byteLength, choose(), notExposed);
    this.#fill(id, bytes);
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
  ): Promise<number> {
    this.check();
    const id = this.#create(code, bytes.byteLength, order, notExposed);
    const object = this.space.largeOf(id) as LargeObject;
    // Neither moved nor freed while another thread writes to it.
    object.moving = true;
    try {
      await this.space.set.heap.write(object.firstChunk, 0, bytes);
    } catch (error) {
      object.moving = false;
      if (!this.#closed) {
        this.space.forgetLarge(object);
        this.space.freeLarge(object);
        this.space.table.release(id);
      }
      throw error;
    }
    object.moving = false;
    this.check();
    const existing = key === undefined ? -1 : this.#index.find(key);
    if (existing >= 0 && this.typeOf(existing) === code) {
      this.#leavePlace(existing);
      this.space.adopt(existing, id);
      this.space.table.release(id);
      this.ledger.addedLarge(object);
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
    const id = this.#create(code, byteLength, order, { exposed: true, ownerThreadOnly });
    this.#publish(id, undefined);
    return id;
  }

  /** Replaces an object's bytes. What leases see stays as it is. Throws `ERR_TIER_FULL`; then nothing changed. */
  rewrite(id: number, bytes: Uint8Array, choose: PlacementChoice): void {
    const { space } = this;
    const large = space.largeOf(id);
    const leased = (this.#word(id, whereWord) & leasedFlag) !== 0;
    const inPlace =
      !leased &&
      (large === undefined
        ? isSmall(bytes.byteLength) &&
          classIndex(bytes.byteLength) === classIndex(space.byteLength(id))
        : large.byteLength === bytes.byteLength);
    if (inPlace) {
      if (large === undefined) space.setLength(id, bytes.byteLength);
      this.#fill(id, bytes);
      this.noteWrite(id);
      return;
    }
    const code = this.typeOf(id);
    const own = space.tierOf(id);
    const order = choose();
    const tiers = [own, ...order.tiers.filter((tier) => tier !== own)];
    const fresh = this.#create(
      code,
      bytes.byteLength,
      { ...order, tiers, pinned: false },
      notExposed,
    );
    this.#fill(fresh, bytes);
    this.#leavePlace(id);
    space.adopt(id, fresh);
    if (isSmall(bytes.byteLength)) {
      space.setOwner(id);
      this.ledger.arrived(id);
    } else {
      this.ledger.addedLarge(space.largeOf(id) as LargeObject);
    }
    space.table.release(fresh);
    this.noteWrite(id);
  }

  /** Deletes an object. Its handles become invalid; its leases keep their bytes. */
  remove(id: number): void {
    const ref = this.#word(id, keyWord);
    if (ref !== 0) {
      this.#index.remove(this.#keys.read(ref), id);
      this.#keys.remove(ref);
    }
    this.#leavePlace(id);
    this.space.table.release(id);
  }

  // --- accesses -----------------------------------------------------------------------------------------

  /** Counts a write to the whole of an object. */
  noteWrite(id: number): void {
    const large = this.space.largeOf(id);
    if (large === undefined) this.ledger.note(id, oneWrite);
    else this.ledger.noteLarge(large, 0, large.byteLength, true);
  }

  /** Keeps an object where it is until `holds.end`. */
  hold(id: number): Hold {
    this.#setFlag(id, leasedFlag, true);
    const large = this.space.largeOf(id);
    return this.holds.acquire(
      id,
      this.space.chunkOf(id),
      large ? 0 : this.space.byteOffsetOf(id),
      large,
    );
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
    this.units.close();
    this.space.close();
  }

  // --- inside -------------------------------------------------------------------------------------------

  #create(code: number, byteLength: number, order: PlacementOrder, options: LargeOptions): number {
    const { space } = this;
    const id = space.table.take();
    for (const tier of order.tiers) {
      const placed =
        !options.exposed && isSmall(byteLength)
          ? this.mover.placeSmall(id, byteLength, tier, order.node)
          : space.placeLarge(
              id,
              byteLength,
              { tier, node: order.node, mayMove: this.mover.mayMove },
              options,
            ) !== undefined;
      if (!placed) continue;
      space.setType(id, code);
      if (order.pinned) this.#setFlag(id, pinnedFlag, true);
      space.setKey(id, 0);
      return id;
    }
    space.table.release(id);
    throw this.#fullError(byteLength, order);
  }

  #fullError(byteLength: number, order: PlacementOrder): TierError {
    const { set, lastFailure } = this.space;
    const large = isSmall(byteLength)
      ? 1
      : Math.ceil(byteLength / (2 * 1024 * 1024)) * unitsPerChunk;
    const tiers = order.tiers
      .map(
        (tier) =>
          `${set.tiers[tier].name} ${set.usedBytes(tier)} of ${set.tiers[tier].capacityBytes}`,
      )
      .join(', ');
    return new TierError(
      'ERR_TIER_FULL',
      `No tier has room for ${byteLength} bytes (bytes used: ${tiers}).`,
      {
        hint:
          large > unitsPerChunk
            ? 'Large values need contiguous chunks of 2 MiB. Raise capacityBytes of a tier, or delete data.'
            : 'Raise capacityBytes of a tier, add a slower tier, or delete data.',
        cause: lastFailure,
      },
    );
  }

  #publish(id: number, key: Key | undefined): void {
    const large = this.space.largeOf(id);
    if (key !== undefined) {
      this.space.setKey(id, this.#keys.add(key));
      this.#index.add(key, id);
    }
    if (large === undefined) this.ledger.added(id);
    else this.ledger.addedLarge(large);
  }

  /** Gives up an object's place: to its leases if it has any, else for good. */
  #leavePlace(id: number): void {
    const { space } = this;
    const leased = (this.#word(id, whereWord) & leasedFlag) !== 0;
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
      this.#setFlag(id, leasedFlag, false);
    }
  }

  #releaseHold(hold: Hold): void {
    if (this.#closed) return;
    if (hold.large === undefined) this.space.freeSlot(hold.chunk, hold.byteOffset);
    else this.space.freeLarge(hold.large);
  }

  #fill(id: number, bytes: Uint8Array): void {
    const { space } = this;
    const large = space.largeOf(id);
    if (large === undefined) space.set.bytes[space.chunkOf(id)].set(bytes, space.byteOffsetOf(id));
    else large.bytes?.set(bytes);
  }

  #word(id: number, word: number): number {
    return this.space.table.words[id >>> segmentShift][(id & segmentMask) * recordWords + word];
  }

  #setFlag(id: number, flag: number, on: boolean): void {
    if (this.#closed) return;
    const words = this.space.table.words[id >>> segmentShift];
    const at = (id & segmentMask) * recordWords + whereWord;
    words[at] = on ? words[at] | flag : words[at] & ~flag;
  }
}
