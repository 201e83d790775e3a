/** A large typed buffer whose view stays valid at one address while its chunks change tiers. */

import { invalidType, invalidValue, TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { TierName } from '../tiers/tier.ts';
import type { ByteRange } from './byte-ranges.ts';
import { damageError, lostParts } from './damage-book.ts';
import { type TypedArray, type TypedArrayConstructor, typeName } from './data.ts';
import { flushRun } from './flush.ts';
import type { HandleOwner } from './handle.ts';
import type { DamagedRange } from './heap-binding.ts';
import type { Interleaving } from './interleaved-run.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectStore } from './object-store.ts';
import { prefaultInSteps } from './prefault.ts';
import { machineNearness, ReplicaOwner } from './replica-owner.ts';
import { checkShare, type ReplicaToken, type ShareOptions } from './replicated-region.ts';
import { makeSharedCounts } from './shared-counts.ts';
import type { RegionToken } from './shared-region.ts';
import { type TouchOptions, touchedElements } from './touch.ts';

/** How many of a region's chunks are on a tier. */
export interface RegionShare {
  readonly tier: TierName;
  readonly chunks: number;
}

/** A part of a region that the device lost. */
export interface LostElements {
  /** First element of which bytes are lost. */
  readonly start: number;
  /** Elements. */
  readonly length: number;
  /** `poison`: the hardware reported a memory error. `lost`: truncated file, full disk or removed device. */
  readonly cause: DamagedRange['cause'];
}

/** A view kept without its region keeps the region, and with it the memory that it shows. */
const regionOfBuffer: WeakMap<ArrayBufferLike, object> = new WeakMap();

/**
 * A region. Read and write `view` like any typed array, at the same speed. The library sees no such access; what it
 * knows of them comes from the kernel (`OpenOptions.tracking`), and from you with `touch`, which is exact. Where neither
 * tells, the region is left where it is.
 *
 * What the device loses of a region reads as zeros through the view, which cannot throw: look at `damaged` when that
 * matters, or use the memory's `onDamage`.
 */
export class Region<V extends TypedArray = TypedArray> {
  readonly #owner: HandleOwner;
  readonly #object: LargeObject;
  readonly #generation: number;
  readonly #view: V;
  #replicas: ReplicaOwner | undefined;

  /** Made by `TieredMemory.allocate`; not for users. */
  constructor(owner: HandleOwner, object: LargeObject, view: V) {
    this.#owner = owner;
    this.#object = object;
    this.#generation = owner.store.space.table.generation(object.id);
    this.#view = view;
    regionOfBuffer.set(view.buffer, this);
  }

  /** The live view. It becomes empty when the region is disposed. */
  get view(): V {
    this.#check();
    return this.#view;
  }

  /** Bytes of the view. */
  get byteLength(): number {
    return this.#object.byteLength;
  }

  /** Whether the region was disposed or its memory closed. */
  get disposed(): boolean {
    return !this.#owner.store.space.table.alive(this.#object.id, this.#generation);
  }

  /** On which tiers the region lies, fastest first. */
  shares(): RegionShare[] {
    this.#check();
    const { set } = this.#owner.store.space;
    const chunks = set.tiers.map(() => 0);
    for (let i = 0; i < this.#object.chunks; i++) chunks[set.tierOf(this.#object.firstChunk + i)]++;
    return set.tiers
      .map(({ name }, tier) => ({ tier: name, chunks: chunks[tier] }))
      .filter((share) => share.chunks > 0);
  }

  /**
   * How `AllocateOptions.interleave` spread the region when it was allocated; undefined when that was not asked for.
   * Whole chunks may have moved since: see {@link shares}.
   */
  get interleaving(): Interleaving | undefined {
    this.#check();
    return this.#object.interleaving;
  }

  /**
   * Reports an access to `length` elements from `start` (default: all). The engine moves the region's 2 MiB
   * chunks by what is reported here. On a tier of files, report before you access: a walk in order, or with a
   * constant stride, that is reported step by step is read ahead.
   */
  touch(options: TouchOptions = {}): void {
    this.#check();
    const { start, length } = touchedElements(this.#view.length, options);
    const { write = false } = options;
    const size = this.#view.BYTES_PER_ELEMENT;
    this.#owner.store.noteUse(this.#object, start * size, length * size, write);
  }

  /**
   * Keeps the region where it is until the pin is disposed: `using pin = region.pin()`. Needed around I/O by which a
   * device writes to the memory on its own (O_DIRECT, io_uring), which nothing can hold back; and where `stats()` says
   * that the migration mode is `stop-the-world`, around every use by another thread or by an asynchronous call. A
   * move under way is ended, which can take a millisecond.
   */
  pin(): Disposable {
    this.#check();
    const { store } = this.#owner;
    const hold = store.hold(this.#object.id);
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        if (!store.closed) store.holds.end(hold);
      },
    };
  }

  /**
   * Prefaults `length` elements from `start` off the main thread, so that the first touch does not wait. Files are
   * brought in for reading; the first write of a page still tells the kernel, and when memory is short the kernel may
   * drop pages again before they are used. Ends early when the region is disposed meanwhile.
   */
  async prefault(start = 0, length: number = this.#view.length - start): Promise<void> {
    const { from, to } = this.#bytesOf(start, length);
    const { heap } = this.#owner.store.space.set;
    await prefaultInSteps(heap, this.#object.firstChunk, { from, to }, () => this.disposed);
  }

  /**
   * Says that `length` elements from `start` (default: all) will be used soon. What of them is in files is read in
   * the background as far as there is room (`OpenOptions.prefetch`); nothing waits for it and it reports nothing:
   * see `stats().prefetch`, and {@link prefault} to wait.
   */
  prefetch(start = 0, length: number = this.#view.length - start): void {
    const { from, to } = this.#bytesOf(start, length);
    this.#owner.store.prefetcher?.hintRegion(this.#object, from, to - from);
  }

  /**
   * A token by which other threads of this process see the region's memory: send it, and `attachRegion` it there. A
   * region that is disposed while others have it attached stays mapped, and in its tier's budget, until the last of
   * them lets go. Its chunks go on moving where `stats()` says that the migration mode is `transparent`; else those
   * that would have to be copied stay where they are as long as it is attached.
   *
   * With `replicas: 'per-node'` the token is for `attachReplicated`: the threads of each node read a copy in memory of
   * that node, once that pays; copies are in this region's tier and budget, and writes make them useless. From then on
   * write by `attachReplicated` only, on this thread too: what is written to {@link view} is not seen in copies.
   *
   * @throws TierError `ERR_TIER_UNAVAILABLE` without the native addon
   */
  share(): RegionToken<V>;
  share(options: ShareOptions & { readonly replicas: 'per-node' }): ReplicaToken<V>;
  share(options?: ShareOptions): RegionToken<V> | ReplicaToken<V>;
  share(options: ShareOptions = {}): RegionToken<V> | ReplicaToken<V> {
    this.#check();
    const replicated = checkShare(options);
    const { store } = this.#owner;
    const { id, firstChunk, byteLength } = this.#object;
    const token = store.space.set.heap.shareRun(firstChunk, byteLength);
    const nodes = store.units.nodes?.ids ?? [0];
    this.#object.sharedCounts ??= makeSharedCounts(this.#object.chunks, nodes);
    const counts = this.#object.sharedCounts;
    store.space.shared.add(this.#object);
    const region = { token, type: typeName(store.typeOf(id)), length: this.#view.length, counts };
    if (!replicated) return region;
    this.#replicas ??= new ReplicaOwner(store, this.#object, machineNearness(store));
    return { region, replicas: this.#replicas.table.parts };
  }

  /** How often the region is attached now, by any thread. */
  get attached(): number {
    this.#check();
    return this.#owner.store.space.set.heap.attachedThreads(this.#object.firstChunk);
  }

  /** What the device lost and was not acknowledged: these elements read as zeros. Empty as a rule. */
  get damaged(): readonly LostElements[] {
    this.#check();
    const { integrity, space } = this.#owner.store;
    integrity.settle();
    const size = this.#view.BYTES_PER_ELEMENT;
    return lostParts(space, this.#object).map(({ from, to, cause }) => {
      const start = Math.floor(from / size);
      return { start, length: Math.ceil(to / size) - start, cause };
    });
  }

  /**
   * Says that what is `damaged` now was filled again, or is not needed: the region counts as whole. Its damaged
   * chunks stay where they are, in ordinary memory, until the region is disposed.
   */
  acknowledge(): void {
    this.#check();
    const { integrity, space } = this.#owner.store;
    integrity.settle();
    const { firstChunk, byteLength } = this.#object;
    this.#object.acknowledged = space.set.damage.within(firstChunk, 0, byteLength);
    integrity.book.regionChanged(this.#object);
  }

  /**
   * Brings `length` elements from `start` to the file or device behind them, off the main thread. Resolves with
   * `true` when all of it is there, `false` when a part is in volatile memory. Files end with the process all the
   * same; DAX devices keep their bytes.
   *
   * @throws TierError `ERR_TIER_LOST` when a part is damaged, `ERR_TIER_IO` when the device failed
   */
  async flush(start = 0, length: number = this.#view.length - start): Promise<boolean> {
    const { from, to } = this.#bytesOf(start, length);
    const { set } = this.#owner.store.space;
    const durable = await flushRun(set, this.#object.firstChunk, from, to);
    const lost = this.damaged.find(
      (part) => part.start < start + length && part.start + part.length > start,
    );
    if (lost === undefined) return durable;
    const chunk = Math.floor((lost.start * this.#view.BYTES_PER_ELEMENT) / chunkBytes);
    const { name } = set.tiers[set.tierOf(this.#object.firstChunk + chunk)];
    throw damageError('A part of the region', lost.cause, name);
  }

  /** Frees the memory and empties the view. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    this.#replicas?.close();
    this.#owner.disposed(this.#object.id, this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For `TieredMemory`: the region's object when it is in `store`, else -1. Throws `ERR_TIER_CLOSED` when disposed. */
  idIn(store: ObjectStore): number {
    this.#check();
    return this.#owner.store === store ? this.#object.id : -1;
  }

  #bytesOf(start: number, length: number): ByteRange {
    this.#check();
    if (!(start >= 0 && length >= 0 && start + length <= this.#view.length)) {
      throw invalidValue('start', `a range within ${this.#view.length} elements`, start);
    }
    const size = this.#view.BYTES_PER_ELEMENT;
    return { from: start * size, to: (start + length) * size };
  }

  #check(): void {
    if (this.disposed) throw new TierError('ERR_TIER_CLOSED', 'The region is disposed.');
  }
}

/** Bytes a region may have at most: Node 20 cannot make an external ArrayBuffer over 4 GiB. */
const maxRegionBytes = 4 * 1024 * 1024 * 1024;

/**
 * Bytes of a region of so many elements.
 *
 * @throws TypeError or RangeError for a length that is no positive integer, or too large
 */
export function regionBytes(type: TypedArrayConstructor, length: number): number {
  if (typeof length !== 'number') throw invalidType('length', 'a number', length);
  const byteLength = length * type.BYTES_PER_ELEMENT;
  if (!Number.isInteger(length) || length < 1 || byteLength > maxRegionBytes) {
    const most = maxRegionBytes / type.BYTES_PER_ELEMENT;
    throw invalidValue('length', `an integer from 1 to ${most}`, length);
  }
  return byteLength;
}
