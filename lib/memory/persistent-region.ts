/** A large typed buffer in a file or on a device, with the contents it had when it was last closed. */

import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { invalidType, invalidValue, TierError } from '../errors.ts';
import { chunkBytes, requireNative } from '../native.ts';
import { constructorCode, type TypedArray, type TypedArrayConstructor, viewOf } from './data.ts';
import type { DamagedRange, NativeHeap } from './heap-binding.ts';
import { chunksFor } from './large-object.ts';
import { regionBytes } from './region.ts';

/** Where a {@link PersistentRegion} is. */
export interface PersistentRegionOptions {
  /**
   * A file, made if there is none, or a devdax device such as `/dev/dax0.0`. Best on persistent memory: a file
   * system mounted with DAX, or a device; any other file works through the page cache.
   */
  readonly path: string;
  /** Elements. A file grows to hold them, in steps of 2 MiB, and never shrinks. */
  readonly length: number;
}

/**
 * Raw elements, in the machine's byte order, from the first byte of the file or device on: no header, no type, no
 * history. It stays where it is, counts in no tier's budget, and belongs to one process at a time.
 *
 * What was flushed is there after a crash or a power cut. What was not may be there, in part; a store of up to 8
 * aligned bytes is never torn on persistent memory, anything larger can be. Whoever needs several elements to change
 * together keeps two copies and a counter, or uses a checkpoint.
 */
export class PersistentRegion<V extends TypedArray = TypedArray> {
  /** Whether flushed contents outlive a power cut; `false` on CXL memory, or a file system in memory (tmpfs). */
  readonly durable: boolean;
  readonly path: string;
  readonly #heap: NativeHeap;
  readonly #run: number;
  readonly #view: V;
  #seenDamage: number;
  #closed = false;

  private constructor(heap: NativeHeap, run: number, view: V, path: string, durable: boolean) {
    this.#heap = heap;
    this.#run = run;
    this.#view = view;
    this.#seenDamage = heap.damageCount[0];
    this.path = path;
    this.durable = durable;
  }

  /**
   * Opens or makes the region.
   *
   * @throws TierError `ERR_TIER_BUSY` when another process, or this one, has it open; `ERR_TIER_FULL` when disk or
   *   device have no room; `ERR_TIER_UNAVAILABLE` for a path that cannot be; `ERR_TIER_NATIVE` without the addon
   */
  static open<V extends TypedArray>(
    type: TypedArrayConstructor<V>,
    options: PersistentRegionOptions,
  ): PersistentRegion<V> {
    const code = constructorCode(type, 'type');
    const { path, length } = options;
    if (typeof path !== 'string' || path === '') throw invalidType('path', 'a path', path);
    const byteLength = regionBytes(type, length);
    const isNew = !existsSync(path);
    const chunks = chunksFor(byteLength);
    const capacityBytes = chunks * chunkBytes;
    const heap = requireNative().openHeap({ reserveBytes: capacityBytes });
    try {
      const backend = heap.addBackend({ kind: 'persistent', path, capacityBytes });
      const run = heap.allocate(backend, chunks);
      if (isNew) syncFolderOf(path);
      const view = viewOf(code, heap.buffer(run, byteLength), 0, byteLength) as V;
      const { durable } = heap.backendStats(backend);
      return new PersistentRegion<V>(heap, run, view, path, durable);
    } catch (error) {
      heap.close();
      throw error;
    }
  }

  /** The live view. It becomes empty when the region is closed. */
  get view(): V {
    this.#check();
    return this.#view;
  }

  /**
   * Brings elements (default: all) to the medium, off the main thread.
   *
   * @throws TierError `ERR_TIER_IO` when the device failed, now or in an earlier flush: what was written since the
   *   last good one may be gone, and only opening the region anew shows what is there. `ERR_TIER_LOST` when the
   *   device has lost some of them. `ERR_TIER_UNAVAILABLE` when the region is not durable.
   */
  async flush(start = 0, length: number = this.#view.length - start): Promise<void> {
    this.#check();
    const { length: elements, BYTES_PER_ELEMENT: size } = this.#view;
    if (!Number.isInteger(start) || start < 0 || start > elements) {
      throw invalidValue('start', `an index from 0 to ${elements}`, start);
    }
    if (!Number.isInteger(length) || length < 0 || start + length > elements) {
      throw invalidValue('length', `at most ${elements - start}`, length);
    }
    if (!this.durable) {
      throw new TierError('ERR_TIER_UNAVAILABLE', `${this.path} is volatile: nothing stays on it.`);
    }
    if (length > 0) await this.#heap.flush(this.#run, start * size, length * size);
  }

  /** Parts that the device lost since the region was opened; they read as zeros. Cheap when there are none. */
  damage(): readonly DamagedRange[] {
    this.#check();
    if (this.#heap.damageCount[0] === this.#seenDamage) return [];
    return this.#heap.damagedRanges();
  }

  /** Unmaps the region without flushing it; the kernel writes a file's contents back in its own time. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#heap.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', `The region ${this.path} was closed.`);
  }
}

/** A new file survives a power cut only once the folder that names it is written, too. */
function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
