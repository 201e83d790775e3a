/** What the user holds: a name for stored data that stays valid wherever the data moves. */

import { invalidType, invalidValue, TierError } from '../errors.ts';
import type { TierName } from '../tiers/tier.ts';
import type { DamagedRanges } from './damaged-ranges.ts';
import {
  copyOf,
  type DataType,
  dataBytes,
  dataCode,
  dataOf,
  type StoredData,
  typeName,
  type ViewOf,
  viewOf,
} from './data.ts';
import type { Key } from './key-arena.ts';
import { Lease, type LeaseOptions } from './lease.ts';
import type { PlacementOrder } from './object-maker.ts';
import type { ObjectStore } from './object-store.ts';
import {
  chunkMask,
  generationShift,
  largeFlag,
  lengthWord,
  offsetMask,
  offsetWord,
  pendingWord,
  recordWords,
  segmentMask,
  segmentShift,
  typeMask,
  typeShift,
  watchedFlag,
  whereWord,
} from './object-table.ts';
import { slotAlignment } from './size-classes.ts';

/** What a handle needs of the memory it belongs to. */
export interface HandleOwner {
  readonly store: ObjectStore;
  /** The store's records and chunk bytes: what `borrow` needs, without a walk through the store. */
  readonly segments: readonly Uint32Array[];
  readonly buffers: readonly ArrayBuffer[];
  readonly damage: DamagedRanges;
  /** Where a rewritten value may go when its tier has no room. */
  rewriteOrder(byteLength: number): PlacementOrder;
  /** A handle without a key was disposed: nobody can reach its data any more. */
  disposed(id: number, handle: object): void;
}

const countMask = 0xffff;
/** Objects whose records do not say all about them. */
const unusual = largeFlag | watchedFlag;

/**
 * Stored data. Reading copies unless asked otherwise, so what was read never changes under the reader:
 *
 * | method | copies | valid |
 * |---|---|---|
 * | `read()` | yes | for ever |
 * | `read(into)` | yes, into your array | for ever |
 * | `lease()` | no | until the lease is disposed; pins the data |
 * | `borrow()` | no | until the next `await` or the next change to the memory |
 *
 * All three throw `ERR_TIER_LOST` when the device lost a part of the data, and `ERR_TIER_CORRUPT` when data stored
 * with `verify` is not what was written; then until it is written again in full or deleted. Views do not throw: what
 * is lost while one is used reads as zeros, and the next call throws.
 *
 * A handle from `get` or `store` with a key is a name: dropping it does nothing. A handle stored without a
 * key owns its data: `dispose` (or `using`) frees it at once, garbage collection some time later.
 */
export class Handle<T extends StoredData = StoredData> {
  readonly #owner: HandleOwner;
  readonly #id: number;
  /** Generation of the object, times two, plus one when the handle owns it: handles are kept small. */
  readonly #tag: number;

  /** Made by `TieredMemory`; not for users. */
  constructor(owner: HandleOwner, id: number, owning: boolean) {
    this.#owner = owner;
    this.#id = id;
    this.#tag = owner.store.space.table.generation(id) * 2 + (owning ? 1 : 0);
  }

  /** The key it was stored under; undefined without one. */
  get key(): Key | undefined {
    return this.#store.keyOf(this.#live());
  }

  /** The type that was stored and is read back. */
  get type(): DataType {
    return typeName(this.#store.typeOf(this.#live()));
  }

  /** Bytes of the data; UTF-8 bytes of a string. */
  get byteLength(): number {
    return this.#store.space.byteLength(this.#live());
  }

  /** The tier the data is on now; the first chunk's for data over several. */
  get tier(): TierName {
    const { space } = this.#store;
    return space.set.tiers[space.tierOf(this.#live())].name;
  }

  /** Decayed access count as of the last plan; 0 when never accessed. */
  get heat(): number {
    const id = this.#live();
    const large = this.#store.space.largeOf(id);
    if (large === undefined) return 2 ** this.#store.units.heatLog2(id);
    const { now } = this.#store.ledger.clock;
    return large.heat.reduce((sum, stored) => sum + 2 ** (stored - now), 0);
  }

  /** Whether the data is gone: deleted, disposed, or its memory closed. */
  get disposed(): boolean {
    return !this.#store.space.table.alive(this.#id, this.#tag >>> 1);
  }

  /** A private copy of the data. */
  read(): T;
  /** Copies the data to the start of `into` and returns it. Throws when `into` is too short. */
  read<V extends Exclude<StoredData, string>>(into: V): V;
  read(into?: Exclude<StoredData, string>): StoredData {
    const view = this.#view() as Uint8Array | undefined;
    if (view === undefined) return this.#readWatched(into);
    const { damage } = this.#owner;
    let data: StoredData;
    if (into === undefined) {
      data = copyOf(this.#store.typeOf(this.#id), view);
    } else {
      bytesOfTarget(into, view.byteLength).set(dataBytes(view));
      data = into;
    }
    // After copying: what is lost while it is read turns into zeros under the copy.
    if (damage.count[0] !== damage.seen) this.#store.integrity.require(this.#id);
    return data;
  }

  /**
   * The stored bytes themselves, without a copy, for immediate use: valid until the next `await` and until
   * the next change to the memory. Use `lease` to keep them longer.
   */
  borrow(): ViewOf<T> {
    const { damage } = this.#owner;
    const view = this.#view() ?? this.#borrowWatched();
    if (damage.count[0] !== damage.seen) this.#store.integrity.require(this.#id);
    return view;
  }

  /** The stored bytes without a copy, kept in place until the lease is disposed: `using l = h.lease()`. */
  lease(options: LeaseOptions = {}): Lease<ViewOf<T>> {
    if (typeof options !== 'object' || options === null) {
      throw invalidType('options', 'an object', options);
    }
    const { write = false } = options;
    if (typeof write !== 'boolean') throw invalidType('write', 'a boolean', write);
    const view = this.borrow();
    if (write) this.#store.noteWrite(this.#id);
    return new Lease(this.#store, this.#store.hold(this.#id, write), view, write);
  }

  /** The bytes; undefined for an object that has to be looked at first. Counts the access. */
  #view(): ViewOf<T> | undefined {
    const { segments, buffers } = this.#owner;
    const words = segments[this.#id >>> segmentShift];
    const base = (this.#id & segmentMask) * recordWords;
    const place = words[base + offsetWord];
    if (place >>> generationShift !== this.#tag >>> 1) throw gone();
    const where = words[base + whereWord];
    if ((where & unusual) !== 0) return this.#viewUnusual(where);
    const pending = words[base + pendingWord];
    const reads = pending & countMask;
    // The first read since the last plan takes the slow way; 65,535 are as hot as it gets.
    if (reads === 0) this.#store.noteRead(this.#id);
    else if (reads !== countMask) words[base + pendingWord] = pending + 1;
    return viewOf(
      (where >>> typeShift) & typeMask,
      buffers[where & chunkMask],
      (place & offsetMask) * slotAlignment,
      words[base + lengthWord],
    ) as ViewOf<T>;
  }

  /**
   * Replaces the data, in place where it fits. Every handle of the data sees the new value; leases keep the
   * old one. The type stays, and so does verification; data that was damaged is whole again. Throws `ERR_TIER_FULL`, and then nothing has changed.
   */
  write(data: T): void {
    const id = this.#live();
    if (dataCode(data) !== this.#store.typeOf(id)) {
      throw invalidType('data', `the stored type, ${this.type}`, data);
    }
    const bytes = dataBytes(data);
    this.#store.rewrite(id, bytes, () => this.#owner.rewriteOrder(bytes.byteLength));
  }

  /**
   * Ends the handle. Data stored without a key is freed; data with a key stays until `memory.delete(key)`.
   * Idempotent.
   */
  dispose(): void {
    if ((this.#tag & 1) === 1 && !this.disposed) this.#owner.disposed(this.#id, this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For `TieredMemory`: the object's id when it is in `store`, else -1. Throws `ERR_TIER_CLOSED` when it is gone. */
  idIn(store: ObjectStore): number {
    return this.#store === store ? this.#live() : -1;
  }

  get #store(): ObjectStore {
    return this.#owner.store;
  }

  /** The bytes of a large object, or undefined for a watched one. */
  #viewUnusual(where: number): ViewOf<T> | undefined {
    this.#store.noteRead(this.#id);
    return (where & watchedFlag) === 0 ? this.#viewOf(this.#bytes()) : undefined;
  }

  /** A verified object is copied first and then checked, so that what was checked is what is returned. */
  #readWatched(into: Exclude<StoredData, string> | undefined): StoredData {
    const { integrity, space } = this.#store;
    integrity.require(this.#id);
    const target = into === undefined ? undefined : bytesOfTarget(into, space.byteLength(this.#id));
    const copy = integrity.copy(this.#id, target);
    return into ?? dataOf(this.#store.typeOf(this.#id), copy);
  }

  #borrowWatched(): ViewOf<T> {
    this.#store.integrity.requireWhole(this.#id);
    return this.#viewOf(this.#bytes());
  }

  #bytes(): Uint8Array {
    const bytes = this.#store.space.bytesOf(this.#id);
    if (bytes === undefined) throw gone();
    return bytes;
  }

  #viewOf({ buffer, byteOffset, byteLength }: Uint8Array): ViewOf<T> {
    const code = this.#store.typeOf(this.#id);
    return viewOf(code, buffer as ArrayBuffer, byteOffset, byteLength) as ViewOf<T>;
  }

  #live(): number {
    if (this.disposed) throw gone();
    return this.#id;
  }
}

function bytesOfTarget(into: Exclude<StoredData, string>, byteLength: number): Uint8Array {
  if (typeof into !== 'object')
    throw invalidType('into', 'a TypedArray, DataView or ArrayBuffer', into);
  const target = dataBytes(into);
  if (target.byteLength < byteLength) {
    throw invalidValue('into', `at least ${byteLength} bytes long`, target.byteLength);
  }
  return target;
}

function gone(): TierError {
  return new TierError(
    'ERR_TIER_CLOSED',
    'The data of this handle was deleted, disposed or closed.',
  );
}
