/** The facade: an object store whose data lives on the tiers of this machine and moves by its heat. */

import { invalidType, invalidValue, TierError } from './errors.ts';
import { BackendSet } from './memory/backend-set.ts';
import {
  constructorCode,
  dataBytes,
  dataCode,
  type Stored,
  type StoredData,
  type TypedArray,
  type TypedArrayConstructor,
  viewOf,
} from './memory/data.ts';
import { Handle, type HandleOwner } from './memory/handle.ts';
import type { Key } from './memory/key-arena.ts';
import type { LargeObject } from './memory/large-object.ts';
import { isSmall } from './memory/object-space.ts';
import { ObjectStore } from './memory/object-store.ts';
import { Orphanage } from './memory/orphanage.ts';
import { checkPlacement, Placer } from './memory/placement.ts';
import { PlainHeap } from './memory/plain-heap.ts';
import { maxRegionBytes, Region } from './memory/region.ts';
import {
  type AllocateOptions,
  checkOpen,
  checkStore,
  type OpenOptions,
  type OptimizePlacementOptions,
  type StoreOptions,
} from './memory-options.ts';
import { type MemoryStats, memoryStats } from './memory-stats.ts';
import { DataMigrationEngine } from './migration/data-migration-engine.ts';
import type { OptimizeReport } from './migration/engine-stats.ts';
import { chunkBytes, type NativeHeap, nativeBinding } from './native.ts';
import { createPolicy } from './policy/policies.ts';
import type { Policy } from './policy/policy.ts';
import { HardwareTierManager } from './tiers/hardware-tier-manager.ts';
import type { Limit, Tier } from './tiers/tier.ts';

/**
 * Data on the tiers of this machine.
 *
 * @example
 * ```ts
 * await using memory = await TieredMemory.open({
 *   tiers: [{ name: 'L1_DDR', capacityBytes: '64MiB' }, { name: 'L4_NVME', capacityBytes: '1GiB' }],
 * });
 * const note = await memory.store('the sky is blue', { key: 'fact:1', tierHint: 'L4_NVME' });
 * for (let i = 0; i < 100; i++) memory.get('fact:1')?.read();
 * await memory.optimizePlacement();
 * console.log(note.tier); // L1_DDR
 * ```
 */
export class TieredMemory implements AsyncDisposable {
  readonly #manager: HardwareTierManager;
  readonly #placer: Placer;
  readonly #store: ObjectStore;
  readonly #engine: DataMigrationEngine;
  readonly #orphanage: Orphanage;
  readonly #owner: HandleOwner;

  private constructor(manager: HardwareTierManager, options: OpenOptions) {
    this.#manager = manager;
    const policy = choosePolicy(manager, options.policy);
    this.#store = new ObjectStore(new BackendSet(openHeap(manager.tiers), manager.tiers));
    this.#placer = new Placer(manager.tiers, this.#store.units.tierStates(), policy);
    this.#orphanage = new Orphanage(this.#store);
    const { table, set } = this.#store.space;
    this.#owner = {
      store: this.#store,
      segments: table.words,
      buffers: set.buffers,
      rewriteOrder: (byteLength) => this.#placer.order(byteLength, {}),
      disposed: (id, handle) => this.#orphanage.dispose(id, handle),
    };
    this.#engine = new DataMigrationEngine({
      target: this.#store.units,
      policy,
      mainThreadBudgetUs: options.mainThreadBudgetUs,
      bytesPerSecond: options.bytesPerSecond,
      maxUnits: options.maxUnits ?? defaultMaxUnits,
      onMove: options.onMove,
    });
  }

  /**
   * Detects the tiers and opens a memory over them.
   *
   * @throws TypeError or RangeError for options that make no sense; TierError when a tier that was asked
   * for cannot be opened (no permission, no space, device busy). A tier that is merely absent is no error:
   * see {@link limits}.
   */
  static async open(options: OpenOptions = {}): Promise<TieredMemory> {
    const { tiers, policyFile, directory, background = true } = checkOpen(options);
    const manager =
      options.manager ??
      HardwareTierManager.detect({
        ...(tiers === undefined ? {} : { tiers }),
        ...(policyFile === undefined ? {} : { policyFile }),
        ...(directory === undefined ? {} : { directory }),
      });
    const memory = new TieredMemory(manager, options);
    if (background !== false) {
      memory.#engine.start(background === true ? 1000 : background.intervalMs);
    }
    return memory;
  }

  /** The tiers in use, fastest first. */
  get tiers(): readonly Tier[] {
    return this.#manager.tiers;
  }

  /** What this machine or container cannot do, why, and what helps. */
  get limits(): readonly Limit[] {
    return this.#manager.limits;
  }

  /** Detection and selection of tiers. */
  get manager(): HardwareTierManager {
    return this.#manager;
  }

  /** The engine that moves data. Most programs leave it alone. */
  get engine(): DataMigrationEngine {
    return this.#engine;
  }

  /** Objects and regions held. */
  get size(): number {
    return this.#store.count;
  }

  /**
   * Stores a copy of `data` and returns a handle of it. Up to 1 MiB is copied at once; a larger value is
   * copied off the main thread and must not change until the promise resolves.
   *
   * @throws TierError `ERR_TIER_FULL` when no tier has room; TypeError for data or options of a wrong type
   */
  async store<T extends StoredData>(
    data: T,
    options: StoreOptions = {},
  ): Promise<Handle<Stored<T>>> {
    const code = dataCode(data);
    if (typeof data === 'string' || isSmall(data.byteLength)) return this.storeSync(data, options);
    const key = checkStore(options);
    const bytes = dataBytes(data);
    const order = this.#placer.order(bytes.byteLength, options);
    return this.#handle(await this.#store.putLarge(key, code, bytes, order), key);
  }

  /** As {@link store}, wholly on this thread. */
  storeSync<T extends StoredData>(data: T, options: StoreOptions = {}): Handle<Stored<T>> {
    const key = checkStore(options);
    const code = dataCode(data);
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    const id = this.#store.put(key, code, data, () => this.#placer.order(bytes, options));
    return this.#handle(id, key);
  }

  /** A handle of the data under `key`; undefined when there is none. Does not touch the data. */
  get<T extends StoredData = StoredData>(key: Key): Handle<T> | undefined {
    this.#store.check();
    const id = this.#store.find(key);
    return id < 0 ? undefined : new Handle<T>(this.#owner, id, false);
  }

  /** Whether there is data under `key`. */
  has(key: Key): boolean {
    this.#store.check();
    return this.#store.find(key) >= 0;
  }

  /**
   * As {@link get}, after the data was brought into memory off the main thread, so that reading it does not
   * wait for a device.
   */
  async fetch<T extends StoredData = StoredData>(key: Key): Promise<Handle<T> | undefined> {
    const handle = this.get<T>(key);
    if (handle === undefined) return undefined;
    const { space } = this.#store;
    const id = this.#store.find(key);
    const large = space.largeOf(id);
    const hold = this.#store.hold(id);
    try {
      if (large === undefined) {
        await space.set.heap.prefault(
          space.chunkOf(id),
          space.byteOffsetOf(id),
          space.byteLength(id),
        );
      } else {
        await space.set.heap.prefault(large.firstChunk, 0, large.byteLength);
      }
    } finally {
      if (!this.#store.closed) this.#store.holds.end(hold);
    }
    return handle.disposed ? this.get<T>(key) : handle;
  }

  /**
   * A zero-filled region of `length` elements with a live view at an address that never changes.
   *
   * @throws RangeError for a length that is not a positive integer or over 4 GiB; TierError `ERR_TIER_FULL`
   */
  allocate<V extends TypedArray>(
    type: TypedArrayConstructor<V>,
    length: number,
    options: AllocateOptions = {},
  ): Region<V> {
    const code = constructorCode(type, 'type');
    if (typeof length !== 'number') throw invalidType('length', 'a number', length);
    const byteLength = length * type.BYTES_PER_ELEMENT;
    if (!Number.isInteger(length) || length < 1 || byteLength > maxRegionBytes) {
      throw invalidValue(
        'length',
        `an integer from 1 to ${maxRegionBytes / type.BYTES_PER_ELEMENT}`,
        length,
      );
    }
    checkPlacement(options);
    const order = this.#placer.order(byteLength, options);
    const id = this.#store.allocate(code, byteLength, order, options.ownerThreadOnly ?? false);
    const object = this.#store.space.largeOf(id) as LargeObject;
    const buffer = this.#store.space.set.heap.buffer(object.firstChunk, byteLength);
    const view = viewOf(code, buffer, 0, byteLength) as V;
    const region = new Region<V>(this.#owner, object, view);
    this.#orphanage.adopt(region, id);
    return region;
  }

  /** Deletes the data under `key`; `false` when there was none. Open leases keep their bytes. */
  delete(key: Key): boolean {
    this.#store.check();
    const id = this.#store.find(key);
    if (id >= 0) this.#store.remove(id);
    return id >= 0;
  }

  /**
   * Key of the data a move was about: `keyOf(report.moves[0].unit)`. Undefined for a chunk of a large value,
   * for data without a key, and for data that is gone.
   */
  keyOf(unit: number): Key | undefined {
    this.#store.check();
    return this.#store.keyOfUnit(unit);
  }

  /** All keys. Data may be stored and deleted meanwhile. */
  keys(): IterableIterator<Key> {
    this.#store.check();
    return this.#store.allKeys();
  }

  /**
   * Plans and moves until every unit was considered and nothing more is worth moving. Yields to the event
   * loop within the main-thread budget.
   *
   * @returns what was moved and why, what was not and why, or with `dryRun` what would be
   */
  async optimizePlacement(options: OptimizePlacementOptions = {}): Promise<OptimizeReport> {
    this.#store.check();
    return this.#engine.optimize(options);
  }

  /** Bytes, objects, accesses and migrations, per tier and in all. A plain object; cheap. */
  stats(): MemoryStats {
    this.#store.check();
    return memoryStats(this.#store, this.#engine.stats());
  }

  /** Stops migration and frees everything; handles, leases and regions become invalid. Idempotent. */
  async close(): Promise<void> {
    if (this.#store.closed) return;
    this.#engine.stop();
    this.#orphanage.close();
    this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle<T extends StoredData>(id: number, key: Key | undefined): Handle<T> {
    const handle = new Handle<T>(this.#owner, id, key === undefined);
    if (key === undefined) this.#orphanage.adopt(handle, id);
    return handle;
  }
}

/** Plans of this size take one or two milliseconds of the main thread. */
const defaultMaxUnits = 4096;

function openHeap(tiers: readonly Tier[]): NativeHeap {
  const binding = nativeBinding();
  if (binding instanceof TierError) return new PlainHeap();
  const capacityBytes = tiers.reduce((sum, tier) => sum + tier.capacityBytes, 0);
  // Address space is free; twice the budget leaves room for runs between holes.
  return binding.openHeap({ reserveBytes: 2 * capacityBytes + 64 * chunkBytes });
}

function choosePolicy(manager: HardwareTierManager, policy: OpenOptions['policy']): Policy {
  if (typeof policy === 'object') return policy;
  if (policy !== undefined) return createPolicy(policy);
  const settings = manager.policy;
  return settings === undefined
    ? createPolicy('balanced')
    : createPolicy(settings.name, settings.parameters);
}
