/**
 * The backends of all tiers over one heap: which tier a chunk belongs to, its bytes, and the budget in
 * 64 KiB units. Chunks of slabs and of large objects are charged alike.
 */

import { TierError, type TierErrorCode } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { Nearness } from '../numa/tier-nearness.ts';
import type { BackendConfig, Tier } from '../tiers/tier.ts';
import { DamagedRanges } from './damaged-ranges.ts';
import type { NativeHeap } from './heap-binding.ts';
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

/** Where memory is wanted: near this node, near any of these, or with -1 near the thread that asks. */
export type Near = number | readonly number[];

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
  readonly #nearness: Nearness | undefined;
  /** Backends by tier and node, nearest first, as far as somebody asked. */
  readonly #near: (readonly BackendState[])[][];

  /**
   * Opens every backend. On failure what was opened is closed and the error says which tier it was. Without `nearness`
   * only the node itself is near.
   */
  constructor(heap: NativeHeap, tiers: readonly Tier[], nearness?: Nearness) {
    this.heap = heap;
    this.#nearness = nearness;
    this.#near = tiers.map(() => []);
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

  /**
   * A tier's backends, nearest first. Near several nodes is what is nearest to one of them; of those, and of all that
   * are as near, whatever is nearer to the calling thread, as the kernel has it with MPOL_PREFERRED_MANY.
   */
  preferred(tier: number, near: Near): readonly BackendState[] {
    const backends = this.ofTier[tier];
    if (backends.length < 2) return backends;
    if (typeof near !== 'number') return this.#nearAny(tier, near);
    const from = near < 0 ? (this.#nearness?.callerNode() ?? -1) : near;
    return from < 0 ? backends : this.#nearestTo(tier, from);
  }

  /** Looks where the calling thread is: for what is large enough to be worth a native call. */
  lookForCaller(): void {
    this.#nearness?.lookForCaller();
  }

  #nearestTo(tier: number, from: number): readonly BackendState[] {
    const backends = this.ofTier[tier];
    const known = this.#near[tier][from];
    if (known !== undefined) return known;
    // Distances of nodes that are there do not change, and backends stay what they are.
    const order =
      this.#nearness?.order(tier, from).map((index) => backends[index]) ??
      backends.toSorted((a, b) => Number(b.node === from) - Number(a.node === from));
    this.#near[tier][from] = order;
    return order;
  }

  #nearAny(tier: number, nodes: readonly number[]): readonly BackendState[] {
    if (nodes.length === 1) return this.#nearestTo(tier, nodes[0]);
    const orders = nodes.map((node) => this.#nearestTo(tier, node));
    const rank = (backend: BackendState): number =>
      nodes.includes(backend.node) ? -1 : Math.min(...orders.map((one) => one.indexOf(backend)));
    return this.preferred(tier, -1).toSorted((a, b) => rank(a) - rank(b));
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

  /** Takes a run whose chunks come from these backends, one for each, and charges them. Throws `ERR_TIER_*`. */
  takeSpread(backends: readonly BackendState[], deferred: boolean): number {
    const indices = Uint32Array.from(backends, ({ index }) => index);
    const first = this.heap.allocateSpread(indices, deferred);
    backends.forEach((backend, i) => {
      backend.usedUnits += unitsPerChunk;
      this.#backendOf[first + i] = backend;
    });
    return first;
  }

  /** Whole chunks that a backend has room for within its budget. */
  roomForChunks(backend: BackendState): number {
    const units = backend.capacityUnits - backend.usedUnits;
    return Math.max(0, Math.min(Math.floor(units / unitsPerChunk), this.freeChunks(backend)));
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
