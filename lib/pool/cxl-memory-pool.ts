/** Memory that processes, and hosts, share: values by key on a device that all of them map. */

import { invalidType, invalidValue } from '../errors.ts';
import type {
  Stored,
  StoredData,
  TypedArray,
  TypedArrayConstructor,
  ViewOf,
} from '../memory/data.ts';
import { requireNative } from '../native.ts';
import {
  type NativePool,
  type PoolCheck,
  type PoolListing,
  type PoolMemberReport,
  type PoolRepair,
  type PoolScrub,
  poolScratchHeadBytes,
} from './pool-binding.ts';
import { PoolChanges } from './pool-changes.ts';
import type { PoolData } from './pool-data.ts';
import { destroyPool, type PoolDestroyOptions } from './pool-destroy.ts';
import type { PoolLease } from './pool-lease.ts';
import { openNativePool, scratchBytes } from './pool-opening.ts';
import {
  checkAmount,
  checkBoot,
  checkOrdinal,
  expectedByDelete,
  type PoolDeleteOptions,
  type PoolPutOptions,
  type PoolWatchOptions,
  watchSignal,
} from './pool-operations.ts';
import { checkPoolDevice, type PoolDeviceOptions, type PoolOpenOptions } from './pool-options.ts';
import { type PoolEntry, PoolReads } from './pool-reads.ts';
import type { PoolRegion } from './pool-region.ts';
import { PoolSession } from './pool-session.ts';
import { type PoolStats, poolStats } from './pool-stats.ts';
import { allocateRegion, borrowValue } from './pool-views.ts';
import { type PoolChange, PoolWatches } from './pool-watch.ts';

/** Keys that iteration asks for at a time. */
const listedAtOnce = 256;

/**
 * A pool of shared memory. Each `open` is one member: a process, a worker thread; they may end in any way at any
 * moment.
 *
 * **What a reader sees.** A key has at any time one value or none, and changes in one step. `get` and `borrow` give a
 * value that the key had at some moment between the call and its return, whole, and what is leased stays as it was for
 * as long as it is leased, whatever becomes of the key. The changes of one key are in one order that all members see,
 * numbered by its version, which never repeats; between different keys nothing is promised. A member that is killed has
 * changed the key or not, and never anything in between; nothing it had stays taken: the others find out by the
 * kernel's locks, recover it within `maintainMs`, or at once where they would have to wait for it.
 *
 * **Copies.** With `replicas: 2` a change that was acknowledged is on two devices that do not fail together, or on all
 * that are left. A copy that is damaged, poisoned or gone with its device is passed over. Regions and counters change in
 * place, so they exist once.
 *
 * **Coherence.** With `'hardware'` all members write. With `'software'` the members of one host write; those of others
 * open it read-only, and see whole values that the key had, not necessarily the last one, but never one older than
 * they have seen before. In software mode what is in regions may be torn there.
 *
 * Operations without a promise are done when they return; they take microseconds, and `patienceMs` when a member is
 * stopped in the middle of a change of the same shard. Values may be deleted while they are leased; their room is
 * free when the last lease ends.
 *
 * @example
 * ```ts
 * await using pool = await CxlMemoryPool.open({ devices: ['/dev/shm/scores'], capacityBytes: '64MiB' });
 * await pool.put('ann', new Float64Array([1.5, 2.5]));
 * using lease = pool.borrow<Float64Array>('ann'); // in another process: the same bytes, not a copy
 * console.log(lease?.view[1]); // 2.5
 * ```
 */
export class CxlMemoryPool implements AsyncDisposable {
  readonly #session: PoolSession;
  readonly #native: NativePool;
  readonly #reads: PoolReads;
  readonly #changes: PoolChanges;
  readonly #watches: PoolWatches;

  private constructor(native: NativePool, scratch: ArrayBuffer, maintainMs: number) {
    const { maxValueBytes, readOnly } = native.describe();
    const session = new PoolSession(native);
    const watches = new PoolWatches(native);
    if (maintainMs > 0 && !readOnly) {
      const timer = maintainEvery(new WeakRef(this), maintainMs);
      session.atClose(() => clearInterval(timer));
    }
    session.atClose(() => watches.close());
    this.#native = native;
    this.#session = session;
    this.#reads = new PoolReads(session, scratch);
    this.#changes = new PoolChanges(session, maxValueBytes);
    this.#watches = watches;
  }

  /**
   * Opens a pool, or makes it where there is none.
   *
   * @throws TypeError or RangeError for options that make no sense; TierError `ERR_TIER_UNAVAILABLE` when there is no
   *   pool, half a one, something else, or one of another version, `ERR_TIER_BUSY` when it cannot be made over what is
   *   there, `ERR_TIER_FULL` without room for it or for another member, `ERR_TIER_LOST` when it is damaged,
   *   `ERR_TIER_NATIVE` without the native addon
   */
  static async open(options: PoolOpenOptions): Promise<CxlMemoryPool> {
    const scratch = new ArrayBuffer(poolScratchHeadBytes + scratchBytes);
    const native = await openNativePool(options, scratch);
    return new CxlMemoryPool(native, scratch, options.maintainMs ?? 1000);
  }

  /**
   * Takes a pool away: its devices hold none any more, and files are removed.
   *
   * @throws TierError `ERR_TIER_BUSY` while it has members, `ERR_TIER_UNAVAILABLE` when there is no pool
   */
  static async destroy(
    devices: readonly (string | PoolDeviceOptions)[],
    options: PoolDestroyOptions = {},
  ): Promise<void> {
    await destroyPool(requireNative(), devices, options);
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#session.closed;
  }

  /**
   * Gives a key a value: a copy of `data`. Up to 1 MiB is copied at once; more is copied off the main thread and must
   * not change until the promise resolves.
   *
   * @returns the new version; undefined when the key was not as `options` say
   * @throws TierError `ERR_TIER_FULL`, `ERR_TIER_BUSY`, `ERR_TIER_NO_PERMISSION` when it is read-only; RangeError
   *   `ERR_INVALID_ARG_VALUE` when the bytes were detached or resized before they were copied; then nothing has changed
   */
  async put(key: string, data: StoredData, options?: PoolPutOptions): Promise<number | undefined> {
    return this.#changes.put(key, data, options);
  }

  /** As {@link put}, wholly on this thread. */
  putSync(key: string, data: StoredData, options?: PoolPutOptions): number | undefined {
    return this.#changes.putSync(key, data, options);
  }

  /**
   * Gives a key a value if its version is `version`; 0: if it has nothing. As {@link putSync} with `ifVersion`.
   *
   * @returns the new version; undefined when the key has another one
   */
  compareAndSet(key: string, version: number, data: StoredData): number | undefined {
    return this.#changes.compareAndSet(key, version, data);
  }

  /**
   * Gives a key what `change` makes of its value, and does so anew when somebody else was faster: no change is ever
   * overwritten unseen. `change` may be called several times; what it returns as undefined leaves the key alone.
   *
   * @returns the version the key has then; undefined when it was left without a value
   */
  update<T extends StoredData = StoredData>(
    key: string,
    change: (value: Stored<T> | undefined, version: number) => T | undefined,
  ): number | undefined {
    if (typeof change !== 'function') throw invalidType('change', 'a function', change);
    for (;;) {
      const entry = this.getEntry<Stored<T>>(key);
      if (entry !== undefined && entry.kind !== 'value') {
        throw invalidValue('key', 'the key of a value', key);
      }
      const version = entry?.version ?? 0;
      const data = change(entry?.value, version);
      if (data === undefined) return entry?.version;
      const changed = this.compareAndSet(key, version, data);
      if (changed !== undefined) return changed;
    }
  }

  /**
   * A copy of what a key has, of the type that was put; of a counter its value as a bigint, of a region its bytes, be
   * they in the middle of somebody's change. Undefined: it has nothing.
   *
   * @throws TierError `ERR_TIER_LOST` when it is damaged and there is no sound copy
   */
  get<T extends PoolData = StoredData>(key: string): T | undefined {
    return this.#reads.get(key);
  }

  /** As {@link get}, with the version that it is. */
  getEntry<T extends PoolData = StoredData>(key: string): PoolEntry<T> | undefined {
    return this.#reads.getEntry(key);
  }

  /** As {@link get}, copied off the main thread: for large values. */
  async fetch<T extends PoolData = StoredData>(key: string): Promise<T | undefined> {
    return this.#reads.fetch(key);
  }

  /** Whether a key has something. */
  has(key: string): boolean {
    return this.versionOf(key) !== undefined;
  }

  /** The version of what a key has; undefined: it has nothing. */
  versionOf(key: string): number | undefined {
    this.#session.checkKey(key);
    return this.#session.call(() => this.#native.versionOf(key)) || undefined;
  }

  /**
   * A value in place, without a copy: nobody reuses its bytes until the lease is disposed, `using lease =
   * pool.borrow(key)`. Strings and ArrayBuffers are seen as their bytes. Undefined: the key has nothing.
   *
   * @throws TierError `ERR_TIER_FULL` when this member has as many leases as the pool was made for (`maxHeld`),
   *   `ERR_TIER_LOST` when the value is damaged; RangeError for keys of counters and regions
   */
  borrow<T extends StoredData = StoredData>(key: string): PoolLease<ViewOf<T>> | undefined {
    return borrowValue<T>(this.#session, key);
  }

  /**
   * A typed buffer that all members see and write to, made of zeroes where the key has nothing.
   *
   * @throws RangeError when the key has something else, or a region of another size; TierError `ERR_TIER_FULL`
   */
  async allocate<V extends TypedArray>(
    key: string,
    type: TypedArrayConstructor<V>,
    length: number,
  ): Promise<PoolRegion<V>> {
    return allocateRegion(this.#session, key, type, length);
  }

  /**
   * Adds to a counter, atomically among all members; one that is not there begins with 0.
   *
   * @returns what it is then; a number for a number, and beyond 2^53 not exactly; a bigint for a bigint. It wraps at 2^63
   * @throws RangeError when the key has something that is no counter
   */
  add(key: string, amount: bigint): bigint;
  add(key: string, amount?: number): number;
  add(key: string, amount: number | bigint = 1): number | bigint {
    this.#session.checkKey(key);
    const checked = checkAmount(amount);
    const sum = this.#session.call(() => this.#native.add(key, checked));
    return typeof amount === 'bigint' ? sum : Number(sum);
  }

  /** Deletes what a key has; `false`: it had nothing, or another version than `options` say. Leases keep their bytes. */
  delete(key: string, options?: PoolDeleteOptions): boolean {
    this.#session.checkKey(key);
    const expected = expectedByDelete(options);
    return this.#session.call(() => this.#native.delete(key, expected));
  }

  /**
   * Changes of a key from now on: `for await (const { version } of pool.watch(key))`. Changes close together are told
   * once, by the last; `version` is `null` when it was deleted. Some 50 us after the change on the same host, and a
   * quarter of a second at the most; on other hosts some 10 ms. Counters and regions change in place, of that nobody is
   * told. Keeps the process alive until it is ended, by `break` or the signal.
   */
  watch(key: string, options?: PoolWatchOptions): AsyncIterableIterator<PoolChange> {
    this.#session.checkKey(key);
    return this.#watches.watch(key, watchSignal(options));
  }

  /** What is in the pool, in no order. What is there throughout is met; what is changed meanwhile maybe twice, or not. */
  *entries(): IterableIterator<PoolListing> {
    let position: number | null = 0;
    while (position !== null) {
      this.#session.check();
      const from: number = position;
      const { entries, next } = this.#session.call(() => this.#native.list(from, listedAtOnce));
      yield* entries;
      position = next;
    }
  }

  /** The keys, as {@link entries}. */
  *keys(): IterableIterator<string> {
    for (const { key } of this.entries()) yield key;
  }

  /** Who has the pool open, and who died with it open and was not recovered yet. */
  members(): readonly PoolMemberReport[] {
    this.#session.check();
    return this.#session.call(() => this.#native.members());
  }

  /** Figures of the pool, its devices and this member, and what of it is simulated. */
  stats(): PoolStats {
    this.#session.check();
    return this.#session.call(() => poolStats(this.#native));
  }

  /**
   * Recovers members that died and frees what was deleted; how many were dead. The pool does so by itself every
   * `maintainMs`.
   */
  async maintain(): Promise<number> {
    this.#session.check();
    if (this.#watches.active) this.#session.call(() => this.#native.followDevices());
    return this.#session.track(() => this.#native.maintain());
  }

  /**
   * Walks over everything on all devices, off the main thread and as a member of its own, while others go on. Takes
   * about as long as reading all values.
   */
  async check(): Promise<PoolCheck> {
    this.#session.check();
    return this.#session.track(() => this.#native.check());
  }

  /**
   * Makes every value have as many sound and equal copies as the pool has replicas, where they belong, while others go
   * on; what a lost device had is made again from the others. As {@link check} otherwise.
   */
  async scrub(): Promise<PoolScrub> {
    this.#session.check();
    return this.#session.track(() => this.#native.scrub());
  }

  /**
   * Mends damaged metadata, at the price of the objects that are damaged themselves, and scrubs. Everything else on this
   * pool throws `ERR_TIER_BUSY` meanwhile.
   *
   * @throws TierError `ERR_TIER_BUSY` while there are leases, or other members
   */
  async repair(): Promise<PoolRepair> {
    this.#session.check();
    return this.#session.track(() => this.#native.repair());
  }

  /**
   * Recovers the members of a boot of a host, as `members()` names it; how many there were. Only when that host is off,
   * or cut off from the devices for good: from here nobody can tell, and what it still writes would destroy values.
   */
  async reclaim(boot: string): Promise<number> {
    this.#session.check();
    return this.#session.track(() => this.#native.reclaim(checkBoot(boot)));
  }

  /**
   * Adds a device, whatever members are doing. Keys move there when they are changed, or by {@link scrub}.
   *
   * @throws TierError `ERR_TIER_BUSY` when something is on it, unless `overwrite`
   */
  async addDevice(
    device: string | PoolDeviceOptions,
    options: { readonly overwrite?: boolean } = {},
  ): Promise<void> {
    this.#session.check();
    const checked = checkPoolDevice('device', device);
    const { overwrite = false } = options;
    if (typeof overwrite !== 'boolean') throw invalidType('overwrite', 'a boolean', overwrite);
    await this.#session.track(() => this.#native.addDevice(checked, overwrite));
  }

  /** Goes on without a device, for good: what was only there is lost. For one that is damaged or about to be removed. */
  async declareLost(ordinal: number): Promise<void> {
    this.#session.check();
    await this.#session.track(() => this.#native.declareLost(checkOrdinal(ordinal)));
  }

  /** Ends all leases, regions and watches, and leaves; waits for what is under way. Idempotent. */
  async close(): Promise<void> {
    await this.#session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Keeps neither the process nor the pool alive. */
function maintainEvery(pool: WeakRef<CxlMemoryPool>, maintainMs: number): NodeJS.Timeout {
  const timer = setInterval(() => {
    const target = pool.deref();
    if (target === undefined || target.closed) {
      clearInterval(timer);
      return;
    }
    // Nobody awaits it; whoever uses the pool meets the same error and throws it.
    target.maintain().catch(() => undefined);
  }, maintainMs);
  return timer.unref();
}
