/** A heap whose bytes can be lost on demand, as a SIGBUS in the native one loses them. */

import { TierError } from '../../lib/errors.ts';
import { BackendSet } from '../../lib/memory/backend-set.ts';
import { Handle, type HandleOwner } from '../../lib/memory/handle.ts';
import type { BackendStats, ChunkMoveResult, DamagedRange } from '../../lib/memory/heap-binding.ts';
import { ObjectStore } from '../../lib/memory/object-store.ts';
import { PlainHeap } from '../../lib/memory/plain-heap.ts';
import { chunkBytes } from '../../lib/native.ts';
import type { SliceClock } from '../../lib/slices.ts';
import type { BackendConfig, Tier } from '../../lib/tiers/tier.ts';
import { modelTiers } from './stores.ts';

/** Behaves as the contract of `NativeHeap` says for damage; backends of any kind are ordinary memory. */
export class DamageableHeap extends PlainHeap {
  #ranges: DamagedRange[] = [];
  readonly #chunksOf: Map<number, number> = new Map();
  #retired = 0;
  /** Called after a chunk was carried to another backend, by either way. */
  onCarried: ((chunk: number, backend: number) => void) | undefined;
  /** Thrown by `buffer` as long as it is set. */
  bufferError: Error | undefined;
  /** Backends that keep what is flushed. */
  readonly durable: Set<number> = new Set();
  /** What was flushed: first chunk, offset, length. */
  readonly flushed: (readonly [number, number, number])[] = [];

  /** Zeros a range and tells of it. */
  lose(
    chunk: number,
    byteOffset: number,
    byteLength: number,
    cause: DamagedRange['cause'] = 'lost',
  ): void {
    const first = [...this.#chunksOf].find(([at, count]) => chunk >= at && chunk < at + count)?.[0];
    if (first === undefined) throw new Error(`chunk ${chunk} is not in use`);
    const from = (chunk - first) * chunkBytes + byteOffset;
    const bytes = new Uint8Array(super.buffer(first, chunkBytes));
    bytes.fill(0, Math.min(from, bytes.length), Math.min(from + byteLength, bytes.length));
    this.#ranges.push({ chunk, byteOffset, byteLength, cause });
    this.damageCount[0]++;
  }

  override damagedRanges(): readonly DamagedRange[] {
    return [...this.#ranges];
  }

  override addBackend(config: BackendConfig): number {
    return super.addBackend({ kind: 'simulated', capacityBytes: config.capacityBytes });
  }

  override allocate(backend: number, chunks: number): number {
    const first = super.allocate(backend, chunks);
    this.#chunksOf.set(first, chunks);
    return first;
  }

  override buffer(firstChunk: number, byteLength: number): ArrayBuffer {
    if (this.bufferError !== undefined) throw this.bufferError;
    return super.buffer(firstChunk, byteLength);
  }

  override free(firstChunk: number): void {
    const chunks = this.#chunksOf.get(firstChunk) ?? 0;
    const before = this.#ranges.length;
    this.#ranges = this.#ranges.filter(
      ({ chunk }) => chunk < firstChunk || chunk >= firstChunk + chunks,
    );
    if (this.#ranges.length < before) this.#retired++;
    this.#chunksOf.delete(firstChunk);
    super.free(firstChunk);
  }

  override rebackChunk(chunk: number, backend: number): ChunkMoveResult {
    if (this.#ranges.some((range) => range.chunk === chunk)) {
      throw new TierError('ERR_TIER_LOST', `Chunk ${chunk} is damaged.`);
    }
    const result = super.rebackChunk(chunk, backend);
    this.onCarried?.(chunk, backend);
    return result;
  }

  override async flush(firstChunk: number, byteOffset = 0, byteLength = 0): Promise<boolean> {
    await super.flush(firstChunk);
    this.flushed.push([firstChunk, byteOffset, byteLength]);
    return this.durable.has(this.backendOf(firstChunk));
  }

  override backendStats(backend: number): BackendStats {
    return { ...super.backendStats(backend), retiredChunks: this.#retired };
  }
}

/** A store over a damageable heap, and what a test needs to look into it. */
export interface DamageableStore {
  readonly heap: DamageableHeap;
  readonly store: ObjectStore;
  /** A handle of the value under a key. */
  readonly handle: (key: number) => Handle<Uint8Array>;
  /** Stores bytes under a key in a tier. */
  readonly put: (key: number, bytes: Uint8Array, tier?: number, verify?: boolean) => number;
  /** Loses the bytes of a value, as far as whole pages allow. */
  readonly lose: (key: number, cause?: DamagedRange['cause']) => void;
  /** Flips a bit of a value behind everybody's back. */
  readonly corrupt: (key: number, at?: number) => void;
}

const pageBytes = 4096;

/** Tiers of files: their chunks are copied, not moved by the kernel. */
export function fileTiers(capacitiesMiB: readonly number[]): Tier[] {
  return modelTiers(capacitiesMiB).map((tier) => ({
    ...tier,
    backends: [{ kind: 'file', directory: '/nowhere', capacityBytes: tier.capacityBytes }],
  }));
}

/** What a handle needs of a store, without the facade. */
export function ownerOf(store: ObjectStore): HandleOwner {
  const { table, set } = store.space;
  return {
    store,
    segments: table.words,
    buffers: set.buffers,
    damage: set.damage,
    rewriteOrder: () => ({ tiers: set.tiers.map((_, tier) => tier), node: -1, pinned: false }),
    disposed: (id) => store.remove(id),
  };
}

/** A store whose tiers have these capacities. */
export function damageableStore(tiers: Tier[], sliceClock?: SliceClock): DamageableStore {
  const heap = new DamageableHeap();
  const store = new ObjectStore(new BackendSet(heap, tiers), undefined, sliceClock);
  const owner = ownerOf(store);
  const found = (key: number): number => {
    const id = store.find(key);
    if (id < 0) throw new Error(`nothing under ${key}`);
    return id;
  };
  return {
    heap,
    store,
    handle: (key) => new Handle<Uint8Array>(owner, found(key), false),
    put: (key, bytes, tier = 0, verify = false) => {
      const order = { tiers: [tier], node: -1, pinned: false };
      return store.put(key, 0, bytes, () => order, verify);
    },
    lose: (key, cause) => {
      const { space } = store;
      const id = found(key);
      const from = space.largeOf(id) === undefined ? space.byteOffsetOf(id) : 0;
      const first = Math.floor(from / pageBytes) * pageBytes;
      const pages = Math.max(1, Math.ceil((from + space.byteLength(id) - first) / pageBytes));
      heap.lose(space.chunkOf(id), first, Math.min(pages * pageBytes, chunkBytes), cause);
    },
    corrupt: (key, at = 0) => {
      const bytes = store.space.bytesOf(found(key)) as Uint8Array;
      bytes[at] ^= 1;
    },
  };
}

/** Whether bytes are the same; vitest's own comparison of megabytes takes minutes. */
export function isSame(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0;
}
