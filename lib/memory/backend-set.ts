/**
 * The backends of all tiers over one heap: which tier a chunk belongs to, its bytes, and the budget in
 * 64 KiB units. Chunks of slabs and of large objects are charged alike.
 */

import { TierError, type TierErrorCode } from '../errors.ts';
import { chunkBytes, type NativeHeap } from '../native.ts';
import type { BackendConfig, Tier } from '../tiers/tier.ts';
import { DamagedRanges } from './damaged-ranges.ts';
import { unitBytes, unitsPerChunk } from './size-classes.ts';

/** One backend as the allocators see it. */
export interface BackendState {
  /** Its index in the heap. */
  readonly index: number;
  /** Index of its tier, fastest first. */
  readonly tier: number;
  readonly config: BackendConfig;
  /** The node its memory is on; -1 for files and unbound memory. */
  readonly node: number;
  readonly capacityUnits: number;
  usedUnits: number;
}

/** Kinds whose pages the kernel can move between nodes under access. */
const movable: readonly BackendConfig['kind'][] = ['numa', 'simulated'];

/** What to do when a backend cannot be opened, where the cause does not say. */
const hints: Readonly<Partial<Record<TierErrorCode, string>>> = {
  ERR_TIER_BUSY:
    'One memory at a time can use it: close the other one, here or in another process.',
  ERR_TIER_NO_PERMISSION: 'Give this process the right to read and write it.',
};

const noBuffer = new ArrayBuffer(0);
const noBytes = new Uint8Array(noBuffer);

/** The set. Owns the heap. */
export class BackendSet {
  readonly heap: NativeHeap;
  /** What the devices have lost. */
  readonly damage: DamagedRanges;
  readonly tiers: readonly Tier[];
  readonly all: BackendState[] = [];
  /** Backends of a tier. */
  readonly ofTier: readonly BackendState[][];
  /** Backend of each chunk in use. */
  readonly #backendOf: BackendState[] = [];
  /** The 2 MiB of a chunk that holds slabs, by chunk. Large objects are not here. */
  readonly buffers: ArrayBuffer[] = [];
  readonly bytes: Uint8Array[] = [];

  /** Opens every backend. On failure what was opened is closed and the error says which tier it was. */
  constructor(heap: NativeHeap, tiers: readonly Tier[]) {
    this.heap = heap;
    this.damage = new DamagedRanges(heap);
    this.tiers = tiers;
    try {
      this.ofTier = tiers.map((tier, index) =>
        tier.backends.map((config) => this.#add(config, index, tier)),
      );
    } catch (error) {
      heap.close();
      throw error;
    }
  }

  /** The tier a chunk is on. */
  tierOf(chunk: number): number {
    return this.#backendOf[chunk].tier;
  }

  /** The backend a chunk is on. */
  backendOf(chunk: number): BackendState {
    return this.#backendOf[chunk];
  }

  /** Records that a chunk of a run went to another backend, and moves its charge. */
  chunkMoved(chunk: number, to: BackendState): void {
    this.#backendOf[chunk].usedUnits -= unitsPerChunk;
    this.#backendOf[chunk] = to;
    to.usedUnits += unitsPerChunk;
  }

  /** Chunks the heap can still give this backend within its capacity. */
  freeChunks(backend: BackendState): number {
    const { mappedBytes, capacityBytes } = this.heap.backendStats(backend.index);
    return Math.floor((capacityBytes - mappedBytes) / chunkBytes);
  }

  /** Bytes charged to a tier. */
  usedBytes(tier: number): number {
    return this.ofTier[tier].reduce((sum, backend) => sum + backend.usedUnits * unitBytes, 0);
  }

  /** A tier's backends, those on `node` first. */
  preferred(tier: number, node: number): readonly BackendState[] {
    const backends = this.ofTier[tier];
    if (backends.length < 2 || node < 0) return backends;
    return backends.toSorted((a, b) => Number(b.node === node) - Number(a.node === node));
  }

  /** Takes one chunk for slabs and makes its bytes reachable. Throws `ERR_TIER_*`. */
  takeSlabChunk(backend: BackendState): number {
    const chunk = this.heap.allocate(backend.index, 1);
    try {
      const buffer = this.heap.buffer(chunk, chunkBytes);
      this.buffers[chunk] = buffer;
      this.bytes[chunk] = new Uint8Array(buffer);
    } catch (error) {
      this.heap.free(chunk);
      throw error;
    }
    this.#backendOf[chunk] = backend;
    return chunk;
  }

  /** Gives a slab chunk back; views of it become empty. */
  releaseSlabChunk(chunk: number): void {
    // Not `delete`: it would turn the arrays into dictionaries, and every read looks into them.
    this.buffers[chunk] = noBuffer;
    this.bytes[chunk] = noBytes;
    this.damage.forget(chunk, 1);
    this.heap.free(chunk);
  }

  /** Takes whole chunks and charges them. Throws `ERR_TIER_FULL` when the budget does not allow it. */
  takeRun(backend: BackendState, chunks: number): number {
    const units = chunks * unitsPerChunk;
    if (backend.usedUnits + units > backend.capacityUnits) {
      throw new TierError(
        'ERR_TIER_FULL',
        `${this.tiers[backend.tier].name} has no ${chunks} chunks of 2 MiB left in its budget.`,
      );
    }
    const first = this.heap.allocate(backend.index, chunks);
    backend.usedUnits += units;
    for (let i = 0; i < chunks; i++) this.#backendOf[first + i] = backend;
    return first;
  }

  /** Gives a run back and takes its charge off whichever backends its chunks are on now. */
  releaseRun(first: number, chunks: number): void {
    for (let i = 0; i < chunks; i++) {
      this.#backendOf[first + i].usedUnits -= unitsPerChunk;
    }
    this.damage.forget(first, chunks);
    this.heap.free(first);
  }

  /** Whether the kernel can move pages between these two under access. */
  canMovePages(from: BackendState, to: BackendState): boolean {
    return movable.includes(from.config.kind) && movable.includes(to.config.kind);
  }

  #add(config: BackendConfig, tier: number, owner: Tier): BackendState {
    try {
      const state: BackendState = {
        // Memory comes in whole chunks; what is handed out is bounded by `capacityUnits`.
        index: this.heap.addBackend({
          ...config,
          capacityBytes: Math.ceil(config.capacityBytes / chunkBytes) * chunkBytes,
        }),
        tier,
        config,
        node: 'node' in config ? (config.node ?? -1) : -1,
        capacityUnits: Math.floor(config.capacityBytes / unitBytes),
        usedUnits: 0,
      };
      this.all[state.index] = state;
      return state;
    } catch (cause) {
      if (!(cause instanceof TierError)) throw cause;
      throw new TierError(cause.code, `Tier ${owner.name}: ${cause.message}`, {
        hint: cause.hint ?? hints[cause.code],
        syscall: cause.syscall,
        errno: cause.errno,
        tier: owner.name,
        cause,
      });
    }
  }
}
