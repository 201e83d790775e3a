/** The facade: an object store whose data lives on the tiers of this machine and moves by its heat. */

import { readCheckpoint } from './checkpoint/read-checkpoint.ts';
import { storedObjects } from './checkpoint/stored-objects.ts';
import { writeCheckpoint } from './checkpoint/write-checkpoint.ts';
import { invalidType, invalidValue, TierError } from './errors.ts';
import type { MainThread } from './main-thread.ts';
import type { DamagedUnit } from './memory/damage-book.ts';
import {
  constructorCode,
  dataBytes,
  dataCode,
  dataOf,
  type Stored,
  type StoredData,
  type TypedArray,
  type TypedArrayConstructor,
  viewOf,
} from './memory/data.ts';
import { flushAll } from './memory/flush.ts';
import { Handle, type HandleOwner } from './memory/handle.ts';
import { absentNodes, bringStraysHome } from './memory/homing.ts';
import { checkNodesInUse, type InterleaveRequest } from './memory/interleaved-run.ts';
import type { KernelHotness } from './memory/kernel-hotness.ts';
import type { Key } from './memory/key-arena.ts';
import type { LargeObject } from './memory/large-object.ts';
import type { PlacementOrder } from './memory/object-maker.ts';
import { isSmall } from './memory/object-space.ts';
import type { ObjectStore } from './memory/object-store.ts';
import type { Orphanage } from './memory/orphanage.ts';
import { checkPlacement, type Placer, valueKind } from './memory/placement.ts';
import { prefaultObject } from './memory/prefault.ts';
import { Region, regionBytes } from './memory/region.ts';
import { scrub } from './memory/scrub.ts';
import { explainHeld, knownPattern, unitsOfObject } from './memory/unit-lookup.ts';
import {
  type AllocateOptions,
  type CheckpointOptions,
  checkOpen,
  checkStore,
  interleaveRequest,
  type OpenOptions,
  type OptimizePlacementOptions,
  type StoreOptions,
  type VerifyOptions,
} from './memory-options.ts';
import { type MemoryParts, openParts } from './memory-parts.ts';
import type {
  CheckpointReport,
  Explanation,
  RestoreReport,
  VerifyReport,
} from './memory-reports.ts';
import { type MemoryStats, memoryStats } from './memory-stats.ts';
import type { DataMigrationEngine } from './migration/data-migration-engine.ts';
import type { OptimizeReport } from './migration/engine-stats.ts';
import { NumaOptimizer } from './numa/numa-optimizer.ts';
import { bandwidthsOfThisMachine } from './numa/tier-nearness.ts';
import type { CxlMemoryPool } from './pool/cxl-memory-pool.ts';
import { type PublishOptions, publishHandle } from './pool/publish.ts';
import { Slices } from './slices.ts';
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
  readonly #verify: boolean;
  readonly #mainThread: MainThread;
  readonly #hotness: KernelHotness | undefined;
  #homing: NodeJS.Timeout | undefined;
  #numa: NumaOptimizer | undefined;

  private constructor(manager: HardwareTierManager, parts: MemoryParts, verify: boolean) {
    this.#manager = manager;
    this.#placer = parts.placer;
    this.#store = parts.store;
    this.#engine = parts.engine;
    this.#orphanage = parts.orphanage;
    this.#owner = parts.owner;
    this.#verify = verify;
    this.#mainThread = parts.mainThread;
    this.#hotness = parts.hotness;
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
    const parts = openParts(manager, options);
    const memory = new TieredMemory(manager, parts, options.verify ?? false);
    if (background !== false) {
      memory.#engine.start(background === true ? 1000 : background.intervalMs);
      memory.#homing = setInterval(() => {
        // Nobody awaits it; the next optimizePlacement meets the same error and throws it.
        memory.#bringStraysHome().catch(() => undefined);
      }, homingIntervalMs).unref();
    }
    return memory;
  }

  /** The tiers in use, fastest first. */
  get tiers(): readonly Tier[] {
    return this.#manager.tiers;
  }

  /** What this machine or container cannot do, why, and what helps. */
  get limits(): readonly Limit[] {
    if (this.#store.closed) return this.#manager.limits;
    return [
      ...this.#manager.limits,
      ...absentNodes(this.#store.space.set),
      ...(this.#hotness?.limits() ?? []),
      ...(this.#store.units.latency?.limits() ?? []),
    ];
  }

  /** Detection and selection of tiers. */
  get manager(): HardwareTierManager {
    return this.#manager;
  }

  /**
   * Nodes and threads of this machine, and which backends of the tiers in use are near whom. Made when it is first asked
   * for. Never throws: what needs the native part does, as {@link NumaOptimizer} says.
   */
  get numa(): NumaOptimizer {
    this.#numa ??= new NumaOptimizer({ tiers: this.tiers });
    return this.#numa;
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
   * @throws TierError `ERR_TIER_FULL` when no tier has room; TypeError for data or options of a wrong type; RangeError
   *   `ERR_INVALID_ARG_VALUE` when a large value's bytes were detached or resized before they were copied
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
    const verify = options.verify ?? this.#verify;
    return this.#handle(await this.#store.putLarge(key, code, bytes, order, verify), key);
  }

  /** As {@link store}, wholly on this thread. */
  storeSync<T extends StoredData>(data: T, options: StoreOptions = {}): Handle<Stored<T>> {
    const key = checkStore(options);
    const code = dataCode(data);
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    const choose = (): PlacementOrder => this.#placer.order(bytes, options, valueKind(code, bytes));
    const id = this.#store.put(key, code, data, choose, options.verify ?? this.#verify);
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
   * wait for a device: not one page of it faults. Read it soon: of a tier of files the kernel may drop pages again when
   * memory is short, and a lease keeps the data in its place but not the pages in the cache.
   *
   * @throws TierError `ERR_TIER_LOST` when a part of the data turns out to be lost
   */
  async fetch<T extends StoredData = StoredData>(key: Key): Promise<Handle<T> | undefined> {
    const handle = this.get<T>(key);
    if (handle === undefined) return undefined;
    await prefaultObject(this.#store, this.#store.find(key), () => handle.disposed);
    return handle.disposed ? this.get<T>(key) : handle;
  }

  /**
   * Says that the data under these keys will be read soon. What of it is in files is read in the background, in the
   * order it lies there, as far as there is room (`OpenOptions.prefetch`); nothing waits for it, and it reports
   * nothing: see `stats().prefetch`, and {@link fetch} to wait. Keys without data are passed over.
   */
  prefetch(keys: Iterable<Key>): void {
    this.#store.check();
    if (typeof keys === 'string' || typeof keys?.[Symbol.iterator] !== 'function') {
      throw invalidType('keys', 'an iterable of keys', keys);
    }
    const ids = Array.from(keys, (key) => this.#store.find(key)).filter((id) => id >= 0);
    this.#store.prefetcher?.hintObjects(ids);
  }

  /**
   * A zero-filled region of `length` elements with a live view at an address that never changes.
   *
   * @throws RangeError for a length that is not a positive integer or over 4 GiB; TierError `ERR_TIER_FULL`,
   *   `ERR_TIER_UNAVAILABLE` when it is to be interleaved over a node that no tier in use has memory of
   */
  allocate<V extends TypedArray>(
    type: TypedArrayConstructor<V>,
    length: number,
    options: AllocateOptions = {},
  ): Region<V> {
    const code = constructorCode(type, 'type');
    const byteLength = regionBytes(type, length);
    checkPlacement(options);
    const order = {
      ...this.#placer.order(byteLength, options),
      interleave: this.#interleave(options),
    };
    const id = this.#store.allocate(code, byteLength, order, options.ownerThreadOnly ?? false);
    const object = this.#store.space.largeOf(id) as LargeObject;
    object.declared = options.accessPattern ?? 'unknown';
    try {
      const buffer = this.#store.space.set.heap.buffer(object.firstChunk, byteLength);
      const view = viewOf(code, buffer, 0, byteLength) as V;
      const region = new Region<V>(this.#owner, object, view);
      this.#orphanage.adopt(region, id);
      this.#hotness?.wake();
      return region;
    } catch (error) {
      this.#store.remove(id);
      throw error;
    }
  }

  /**
   * Puts a copy of the data under `key` into a pool, where every member gets it as it was stored: other processes, other
   * hosts. What is changed here afterwards is published again.
   *
   * @returns its version in the pool; undefined when the pool's key was not as `options` say
   * @throws RangeError when there is no data under `key`; as {@link CxlMemoryPool.put}
   */
  async publish(
    key: Key,
    pool: CxlMemoryPool,
    options: PublishOptions = {},
  ): Promise<number | undefined> {
    const handle = this.get(key);
    if (handle === undefined) throw invalidValue('key', 'the key of data', key);
    const { as = String(key), ...put } = options;
    return publishHandle(handle, pool, as, put);
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
    const optimize = async (): Promise<OptimizeReport> => {
      if (options.dryRun !== true) await this.#bringStraysHome();
      this.#store.check();
      return this.#engine.optimize(options);
    };
    return this.#hotness === undefined ? optimize() : this.#hotness.withoutLooks(optimize);
  }

  /**
   * Why data is where it is: what a plan over all units would do with it now, the reason, and the figures behind it
   * (`heat 412/s, threshold 64/s, gain 1.9 ms > cost 0.4 ms: to L1_DDR (hot)`). Moves nothing. Takes as long as
   * `optimizePlacement({ dryRun: true })`; to ask about many values take that, with `explain: true`.
   *
   * @returns undefined when there is no data under the key
   * @throws TierError `ERR_TIER_CLOSED` for a handle or region that is disposed
   */
  async explain(what: Key | Handle | Region): Promise<Explanation | undefined> {
    this.#store.check();
    const id = this.#idOf(what);
    if (id < 0) return undefined;
    const { table } = this.#store.space;
    const generation = table.generation(id);
    const units = unitsOfObject(this.#store, id);
    const explained = await this.#engine.explain(units);
    this.#store.check();
    if (!table.alive(id, generation)) {
      throw new TierError('ERR_TIER_CLOSED', 'The data was deleted while it was looked at.');
    }
    const all = explained.map((one, i) => one ?? explainHeld(this.#store, id, units[i]));
    const pattern = knownPattern(this.#store, id);
    const lines = all.map((one) => one.text);
    if (pattern !== undefined) lines.push(`pattern: ${pattern.pattern}, ${pattern.source}`);
    return { policy: this.#engine.policy.name, units: all, pattern, text: lines.join('\n') };
  }

  /**
   * Reads all data stored with `verify` once, within the main-thread budget, and so finds what changed silently.
   * Data that a writing lease is open on is left out.
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.#store.check();
    const progress = { checked: 0, bytes: 0 };
    const finished = await this.#slices().drive(scrub(this.#store, progress), options.signal);
    return { ...progress, damaged: this.damage(), aborted: !finished };
  }

  /** What was found damaged so far and is neither written again nor deleted. Empty as a rule. */
  damage(): readonly DamagedUnit[] {
    this.#store.check();
    this.#store.integrity.settle();
    return this.#store.integrity.book.list();
  }

  /**
   * Brings what lies on files and DAX devices to their media, off the main thread. Resolves with `true` when that is
   * all there is, `false` when a part is in volatile memory or lost. Files end with the process all the same; this
   * is no way to keep data.
   *
   * @throws TierError `ERR_TIER_IO` when a device failed; the others were flushed
   */
  async flush(): Promise<boolean> {
    this.#store.check();
    this.#store.integrity.settle();
    const durable = await flushAll(this.#store.space, () => this.#store.closed, this.#slices());
    this.#store.check();
    return durable;
  }

  /** Bytes, objects, accesses and migrations, per tier and in all. A plain object; cheap. */
  stats(): MemoryStats {
    this.#store.check();
    return memoryStats(
      this.#store,
      this.#engine.stats(),
      this.#mainThread.stats(),
      this.#hotness?.stats(),
    );
  }

  /**
   * Writes everything that has a key, with types, tiers and `verify`, to a file: whole or not at all, durable when it
   * resolves, an earlier one of that name kept until then. Every value is as it was at one moment, but not all at the
   * same moment: do not change values that belong together meanwhile. (A large value that is written through a lease
   * meanwhile can be there half old, half new.) Regions and data without a key are left out,
   * and so is what is damaged: it is named in the report.
   *
   * @throws TierError `ERR_TIER_FULL`, `ERR_TIER_NO_PERMISSION`, `ERR_TIER_UNAVAILABLE` or `ERR_TIER_IO` of the file;
   *   `ERR_TIER_LOST` when a large value is lost while it is written
   */
  async checkpoint(path: string, options: CheckpointOptions = {}): Promise<CheckpointReport> {
    this.#store.check();
    if (typeof path !== 'string' || path === '') throw invalidType('path', 'a path', path);
    const damaged: DamagedUnit[] = [];
    const objects = storedObjects(this.#store, damaged);
    const size = await writeCheckpoint(path, objects, this.#slices(), options.signal);
    if (!this.#store.closed) this.#store.units.wroteFile(path, size.bytes);
    return { ...size, damaged };
  }

  /**
   * Stores everything that a checkpoint holds, on the tier it was on, or the nearest there is. What is stored under
   * one of its keys is replaced.
   *
   * @throws TierError `ERR_TIER_CORRUPT` for a checkpoint that is cut off, before anything is stored, or damaged, with
   *   everything before the damage stored; `ERR_TIER_CONFIG` for a file of another kind or version; as {@link store}
   */
  async restore(path: string): Promise<RestoreReport> {
    this.#store.check();
    if (typeof path !== 'string' || path === '') throw invalidType('path', 'a path', path);
    let objects = 0;
    let bytes = 0;
    const slices = this.#slices();
    await slices.during(async () => {
      for await (const { key, type, tier, verify, ...rest } of readCheckpoint(path, slices)) {
        const data = dataOf(type, rest.bytes);
        const options: StoreOptions = { key, tierHint: tier, verify };
        if (isSmall(rest.byteLength)) this.storeSync(data, options);
        else await slices.outside(this.store(data, options));
        objects++;
        bytes += rest.byteLength;
        if (slices.spent) await slices.yield();
      }
    });
    return { objects, bytes };
  }

  /** Stops migration and frees everything; handles, leases and regions become invalid. Idempotent. */
  async close(): Promise<void> {
    if (this.#store.closed) return;
    clearInterval(this.#homing);
    this.#engine.stop();
    this.#hotness?.close();
    this.#store.units.latency?.close();
    this.#orphanage.close();
    this.#store.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** -1 for a key without data. */
  #idOf(what: Key | Handle | Region): number {
    if (typeof what !== 'object') return this.#store.find(what);
    if (!(what instanceof Handle) && !(what instanceof Region)) {
      throw invalidType('what', 'a key, a Handle or a Region', what);
    }
    const id = what.idIn(this.#store);
    if (id < 0) throw invalidType('what', 'of this memory', what);
    return id;
  }

  #interleave(options: AllocateOptions): InterleaveRequest | undefined {
    const request = interleaveRequest(options);
    if (request === undefined) return undefined;
    checkNodesInUse(this.#store.space.set, request.nodes);
    return { ...request, firmware: bandwidthsOfThisMachine };
  }

  #bringStraysHome(): Promise<number> {
    const { space, mover } = this.#store;
    return bringStraysHome(space.set, mover, () => this.#store.closed, this.#slices());
  }

  #slices(): Slices {
    return new Slices(this.#mainThread.sliceClock);
  }

  #handle<T extends StoredData>(id: number, key: Key | undefined): Handle<T> {
    const handle = new Handle<T>(this.#owner, id, key === undefined);
    if (key === undefined) this.#orphanage.adopt(handle, id);
    return handle;
  }
}

/** A node's memory does not come and go by the second. */
const homingIntervalMs = 10_000;
