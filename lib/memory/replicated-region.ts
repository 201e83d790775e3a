/** A region of which every node can have a copy: read from memory next to the thread, written for all at once. */

import { BroadcastChannel } from 'node:worker_threads';
import { invalidType, invalidValue, TierError } from '../errors.ts';
import { requireNative } from '../native.ts';
import { type ReplicaEnvironment, ReplicaReader } from '../numa/replica-reader.ts';
import { type ReplicaStats, replicaStats } from '../numa/replica-stats.ts';
import { ReplicaTable, type ReplicaTableParts } from '../numa/replica-table.ts';
import { processThreads } from '../numa/replica-thread.ts';
import { arrayTypes, type TypedArray, viewOf } from './data.ts';
import type { AttachedRun } from './heap-binding.ts';
import { attachRun, layoutOf, noToken, type RegionToken } from './shared-region.ts';

/** Options of `Region.share`. */
export interface ShareOptions {
  /**
   * `per-node`: data that is read much and written little is copied to the nodes that read it. Where all memory is
   * equally near, nothing is copied.
   *
   * @default nothing is copied
   */
  readonly replicas?: 'per-node';
}

/**
 * Names a replicated region for the threads of this process. A plain object: send it with `postMessage` or as
 * `workerData`. It keeps nothing alive.
 */
export interface ReplicaToken<V extends TypedArray = TypedArray> {
  readonly region: RegionToken<V>;
  readonly replicas: ReplicaTableParts;
}

/** Options of {@link attachReplicated}. */
export interface AttachReplicatedOptions {
  /**
   * The node that this thread runs on, for one that is pinned.
   *
   * @default the kernel is asked, every 16 reads
   */
  readonly node?: number;
}

/** Whether a region is to be shared with copies. Throws `ERR_INVALID_ARG_*` for options that make no sense. */
export function checkShare(options: ShareOptions): boolean {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { replicas } = options;
  if (replicas === undefined || replicas === 'per-node') return replicas !== undefined;
  throw invalidValue('options.replicas', "'per-node' or left out", replicas);
}

/**
 * A replicated region in one thread. Reads come from a copy in memory of the node that the thread runs on where there
 * is one with what is read, else from the region itself. A copy of 64 KiB is made when reads from a node have cost as
 * much as it does since those bytes were last written; the memory for it is asked of the thread that allocated the
 * region, which gives it in its event loop, from its tier's budget, if there is room. `stats` says what came of it.
 *
 * *What a reader sees.* All bytes of one {@link read} or {@link use} are as they were at one moment between its call and
 * its return, or, for `use`, the call of `fn`: never a part of a write. So a read that begins after a write has returned,
 * in any thread that can know of it, sees that write or a later one, wherever it reads. Reads of one thread never go
 * back in time. Two reads are two moments.
 *
 * *What waits.* Writes are one at a time. A read waits for a write of the same 64 KiB that has begun. A write waits for
 * reads of the same 64 KiB, and so for `use`, unless that has a copy to read: so keep `fn` short. Waiting blocks the
 * thread. A thread that ends in the middle of a write leaves `ERR_TIER_CORRUPT` to those who read these bytes, until
 * they are written in whole blocks of 64 KiB; one that ends in the middle of anything else leaves nothing.
 *
 * Use nothing else to write: not the region's `view`. What the device loses reads as zeros, as with regions.
 */
export class ReplicatedRegion<V extends TypedArray = TypedArray> {
  /** Elements. */
  readonly length: number;
  readonly byteLength: number;
  readonly #code: number;
  readonly #elementBytes: number;
  readonly #type: string;
  readonly #run: AttachedRun;
  readonly #reader: ReplicaReader;
  #released = false;

  /** Made by {@link attachReplicated}; not for users. */
  constructor(
    run: AttachedRun,
    reader: ReplicaReader,
    layout: { readonly code: number; readonly byteLength: number },
  ) {
    const type = arrayTypes[layout.code];
    this.#run = run;
    this.#reader = reader;
    this.#code = layout.code;
    this.#type = type.name;
    this.#elementBytes = type.BYTES_PER_ELEMENT;
    this.byteLength = layout.byteLength;
    this.length = layout.byteLength / type.BYTES_PER_ELEMENT;
    abandoned.register(this, reader, this);
  }

  /**
   * A copy of `length` elements from `start` (default: all).
   *
   * @throws TierError `ERR_TIER_CORRUPT` for bytes that a thread left half written; RangeError for what is not in the
   *   region
   */
  read(start = 0, length: number = this.length - start): V {
    this.#check(start, length);
    const bytes = new ArrayBuffer(length * this.#elementBytes);
    if (length > 0) this.#reader.read(start * this.#elementBytes, new Uint8Array(bytes));
    return viewOf(this.#code, bytes, 0, bytes.byteLength) as V;
  }

  /** As {@link read}, into memory of your own: as many elements from `start` on as it has. */
  readInto(start: number, into: V): V {
    const bytes = this.#bytesOf('into', into);
    this.#check(start, into.length);
    if (into.length > 0) this.#reader.read(start * this.#elementBytes, bytes);
    return into;
  }

  /**
   * Calls `fn` with a view of `length` elements from `start`, without copying, and returns what it returns. They do not
   * change until `fn` returns; neither may `fn` change them, keep the view, wait for anything, or write.
   *
   * @throws what {@link read} throws, and what `fn` throws; TypeError when `fn` is asynchronous
   */
  use<T>(start: number, length: number, fn: (view: V) => T): T {
    this.#check(start, length);
    if (typeof fn !== 'function') throw invalidType('fn', 'a function', fn);
    const from = start * this.#elementBytes;
    const byteLength = length * this.#elementBytes;
    if (length === 0) return fn(viewOf(this.#code, new ArrayBuffer(0), 0, 0) as V);
    return this.#reader.use(from, byteLength, (memory) =>
      atOnce(fn(viewOf(this.#code, memory as ArrayBuffer, from, byteLength) as V)),
    );
  }

  /**
   * Writes elements from `start` on, for readers all at once. When it returns, every later read sees them.
   *
   * @throws TierError `ERR_TIER_BUSY` inside of `use` or `update`, of any region
   */
  write(start: number, data: V): void {
    const bytes = this.#bytesOf('data', data);
    this.#check(start, data.length);
    if (data.length > 0) this.#reader.write(start * this.#elementBytes, bytes);
  }

  /**
   * Calls `fn` with a copy of `length` elements from `start` to change, and writes them when it returns. No other thread
   * writes meanwhile, so counters and lists can be changed by what they are; others go on reading what was there. When
   * `fn` throws, nothing is written.
   *
   * @returns what `fn` returns
   * @throws what {@link write} and {@link read} throw, and what `fn` throws; TypeError when `fn` is asynchronous
   */
  update<T>(start: number, length: number, fn: (elements: V) => T): T {
    this.#check(start, length);
    if (typeof fn !== 'function') throw invalidType('fn', 'a function', fn);
    if (length === 0) return fn(viewOf(this.#code, new ArrayBuffer(0), 0, 0) as V);
    const byteLength = length * this.#elementBytes;
    return this.#reader.update(start * this.#elementBytes, byteLength, ({ buffer }) =>
      atOnce(fn(viewOf(this.#code, buffer as ArrayBuffer, 0, byteLength) as V)),
    );
  }

  /** Reads, writes and copies of all threads since the region was shared. */
  stats(): ReplicaStats {
    this.#check(0, 0);
    return replicaStats(this.#reader.table);
  }

  /**
   * Lets region and copy go. When no thread has a node's copy any more, its memory goes back to the budget. Idempotent.
   * The end of the thread does it too.
   *
   * @throws TierError `ERR_TIER_BUSY` inside of {@link use}
   */
  release(): void {
    if (this.#released) return;
    if (this.#reader.thread.inUse) {
      throw new TierError('ERR_TIER_BUSY', 'The region is in use on this thread.', {
        hint: 'Release it when use() has returned.',
      });
    }
    this.#released = true;
    abandoned.unregister(this);
    this.#reader.close();
    this.#run.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #bytesOf(name: string, value: unknown): Uint8Array {
    const tag = ArrayBuffer.isView(value) && (value as TypedArray)[Symbol.toStringTag];
    if (tag !== this.#type) throw invalidType(name, `a ${this.#type}`, value);
    const { buffer, byteOffset, byteLength } = value as TypedArray;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  #check(start: number, length: number): void {
    if (this.#released) throw new TierError('ERR_TIER_CLOSED', 'The shared region was released.');
    if (!Number.isInteger(start) || start < 0 || start > this.length) {
      throw invalidValue('start', `an index from 0 to ${this.length}`, start);
    }
    if (!Number.isInteger(length) || length < 0 || start + length > this.length) {
      throw invalidValue('length', `from 0 to ${this.length - start}`, length);
    }
  }
}

/**
 * The region behind a token of `Region.share({ replicas: 'per-node' })`, in any thread of the process that allocated it,
 * also in that which did. Once a thread is enough.
 *
 * @throws TierError `ERR_TIER_CLOSED` when the region was disposed, its memory closed or its thread ended;
 *   `ERR_TIER_UNAVAILABLE` in another process; `ERR_TIER_NATIVE` without the addon; `ERR_TIER_BUSY` when 256 threads
 *   have it. TypeError for anything that is no such token.
 */
export function attachReplicated<V extends TypedArray>(
  token: ReplicaToken<V>,
  options: AttachReplicatedOptions = {},
): ReplicatedRegion<V> {
  const { node } = options;
  if (node !== undefined && (!Number.isInteger(node) || node < 0)) {
    throw invalidValue('node', 'a node number, 0 or more', node);
  }
  const layout = layoutOf(token?.region);
  const table = tableOf(token, layout.byteLength);
  const run = attachRun(token.region.token);
  try {
    if (layout.byteLength > run.buffer.byteLength) throw noToken(token);
    const reader = new ReplicaReader(table, run.buffer, environment(table.parts.channel, node));
    return new ReplicatedRegion<V>(run, reader, layout);
  } catch (error) {
    run.release();
    throw error;
  }
}

function tableOf(token: ReplicaToken, byteLength: number): ReplicaTable {
  const { memory, nodes, channel, byteLength: bytes } = token.replicas ?? {};
  const isTable =
    memory instanceof SharedArrayBuffer &&
    Array.isArray(nodes) &&
    typeof channel === 'string' &&
    bytes === byteLength;
  if (!isTable) throw noToken(token);
  try {
    return new ReplicaTable(token.replicas);
  } catch {
    throw noToken(token);
  }
}

function environment(channel: string, node: number | undefined): ReplicaEnvironment {
  const native = requireNative();
  return {
    threads: processThreads(native),
    currentNode: node === undefined ? () => native.currentNode() : () => node,
    attach: attachRun,
    ask(what) {
      // Only to say it: a channel that stays open would collect what the others say.
      const owner = new BroadcastChannel(channel);
      owner.postMessage(what);
      owner.close();
    },
  };
}

/** Regions that were dropped without being released. Their memory goes by itself, their place among the readers not. */
const abandoned: FinalizationRegistry<ReplicaReader> = new FinalizationRegistry((reader) =>
  reader.close(),
);

function atOnce<T>(result: T): T {
  const then = (result as { readonly then?: unknown } | null | undefined)?.then;
  if (typeof then === 'function') throw invalidType('fn', 'a synchronous function', result);
  return result;
}
