/** The heap that the native core offers: chunks of address space on backends, and moves between them. */

import type { BackendConfig } from '../tiers/tier.ts';
import type { HotnessSourceKind, NativeHotnessSource } from './hotness-binding.ts';

/**
 * How chunks change between memory and files or devices. `transparent`: in the background, while every thread and
 * the kernel use them. `stop-the-world`: on the owner's thread, and only what no other thread may touch.
 */
export type MigrationMode = 'transparent' | 'stop-the-world';

/** Where the pages of a run of chunks lie. */
export interface Placement {
  /** Pages by node id. */
  readonly pagesByNode: Readonly<Record<number, number>>;
  /** Pages never touched, or that the kernel does not account to a node. */
  readonly absentPages: number;
  /** errno of the query; 0 when the answer is complete. */
  readonly errno: number;
}

/** How the pages of a run were dealt out to nodes. */
export interface DealtPages {
  /** By the kernel's own interleaving; one by one; not at all, because the kernel refuses to place memory. */
  readonly method: 'kernel' | 'pages' | 'none';
  /** Pages that are not where they belong, because a node was full. */
  readonly misplacedPages: number;
  /** Why not at all; 0 otherwise. */
  readonly errno: number;
}

/** Outcome of moving chunks between backends. `tried = applied + failed`, in chunks. */
export interface ChunkMoveResult {
  readonly tried: number;
  readonly applied: number;
  readonly failed: number;
  /** Bytes physically copied or migrated; 0 when a move only changed the accounting. */
  readonly copiedBytes: number;
  readonly durationNs: number;
  /** Time during which accesses to a chunk were held back; of several chunks the longest. */
  readonly pauseNs: number;
  /** Failed pages by errno name or status, e.g. `{ EBUSY: 3 }`; `CANCELLED` for chunks of a cancelled move. */
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * A named file, or a devdax device, mapped as one run with the contents it has. No tier is made of it: it is
 * not cleared, and locked for this process.
 */
export interface PersistentConfig {
  readonly kind: 'persistent';
  readonly path: string;
  readonly capacityBytes: number;
}

/** What one backend holds. */
export interface BackendStats {
  readonly kind: BackendConfig['kind'] | PersistentConfig['kind'];
  readonly capacityBytes: number;
  /** Bytes of chunks mapped now. */
  readonly mappedBytes: number;
  /** Allocations that were refused since the start. */
  readonly refusedAllocations: number;
  /** Chunks whose pages could not be verified to lie where they should. */
  readonly unverifiedChunks: number;
  /** Chunks of a file or device that are never handed out again because the device lost bytes in them. */
  readonly retiredChunks: number;
  /**
   * Chunks of a file or device kept for the way back of what went to memory, while nobody writes it. Part of
   * `mappedBytes`; they make way when their room is needed.
   */
  readonly shadowChunks: number;
  /** Fixed-address backends can take part in stable-address moves. */
  readonly fixedAddress: boolean;
  /** Whether flushed bytes are kept without power; a file system in memory does not, nor does a CXL device. */
  readonly durable: boolean;
  /** E.g. whether a file is mapped with MAP_SYNC; empty when there is nothing to say. */
  readonly note: string;
}

/** Bytes the device lost while they were mapped. They read as zeros until their run is freed. */
export interface DamagedRange {
  /** Chunk the range lies in; a range never crosses chunks. */
  readonly chunk: number;
  /** Offset inside the chunk, a multiple of 4096. */
  readonly byteOffset: number;
  /** A multiple of 4096; up to a whole chunk where the device loses 2 MiB at once. */
  readonly byteLength: number;
  /** `poison`: the hardware reported a memory error. `lost`: truncated file, full disk or removed device. */
  readonly cause: 'poison' | 'lost';
}

/** Figures of one backend, each the median of several runs. */
export interface CalibrationResult {
  /** One dependent load. */
  readonly readLatencyNs: number;
  /** Interquartile range of the runs. */
  readonly readLatencyIqrNs: number;
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
  /** Bytes the measurement ran over; small ones measure the CPU's caches. */
  readonly workingSetBytes: number;
}

/** Latency of memory as it is now, under whatever load there is. */
export interface LatencySample {
  /** One dependent load from memory, the median of a few dozen. */
  readonly latencyNs: number;
  /** CPU time of the measurement. */
  readonly costNs: number;
}

/**
 * An address window with its backends. Runs of chunks are named by the index of their first chunk. One per
 * environment; every call is made on the thread that created it. Methods that return promises work on the
 * thread pool; a run that is freed while one is pending goes when that ends, or at once where nothing depends on it.
 */
export interface NativeHeap {
  /**
   * One word that grows whenever bytes are lost: reading it costs no native call. Wraps at 2^32; compare for
   * change only. Stays readable after {@link NativeHeap.close}.
   */
  readonly damageCount: Uint32Array;
  /** Whether {@link NativeHeap.moveChunk} works here, as probed when the heap was opened. */
  readonly migrationMode: MigrationMode;
  /** Bytes of a page: the least that lies on one node. */
  readonly pageBytes: number;
  /** Adds a backend and returns its index. Throws when it is unavailable. */
  addBackend(config: BackendConfig | PersistentConfig): number;
  /** Takes `chunks` contiguous chunks from a backend, zero-filled; returns the first one's index. */
  allocate(backend: number, chunks: number): number;
  /**
   * As {@link NativeHeap.allocate}, each chunk from a backend of its own, one for each. `deferred`: no page is brought
   * in before it is touched, however short the run. All or nothing.
   */
  allocateSpread(backends: Uint32Array, deferred: boolean): number;
  /**
   * Deals the pages of a run that nobody has touched out to nodes, one for each stripe of `stripeBytes`. What the run
   * is charged to stays as it is. Brings all pages in, about 0.7 ms a chunk, unless the kernel does the dealing. Throws
   * `ERR_TIER_INVALID` for stripes that are no whole pages and nodes that are not there.
   */
  dealPages(firstChunk: number, stripeBytes: number, nodes: Int32Array): DealtPages;
  /** The run's bytes as one external ArrayBuffer of at most `byteLength` bytes, made once per run. */
  buffer(firstChunk: number, byteLength: number): ArrayBuffer;
  /** Detaches the run's ArrayBuffer and gives its memory back. */
  free(firstChunk: number): void;
  /** Backend index of a chunk. */
  backendOf(chunk: number): number;
  /** Asks the kernel where the pages lie. */
  placement(firstChunk: number, chunks: number): Placement;
  /**
   * Moves one chunk to another backend at the same address by copying on this thread. No other thread may
   * access the chunk meanwhile. Throws when it fails (`ERR_TIER_FULL` without room, `ERR_TIER_BUSY` during
   * background work on the run, `ERR_TIER_LOST` when the chunk has damage or takes some while it is copied);
   * the chunk is then as it was.
   */
  rebackChunk(chunk: number, backend: number): ChunkMoveResult;
  /**
   * Moves chunks between backends of ordinary memory with move_pages on the thread pool; safe under access.
   * Throws at once what stands in the way of beginning, e.g. `ERR_TIER_FULL`; pages that stay are counted.
   */
  movePages(firstChunk: number, chunks: number, backend: number): Promise<ChunkMoveResult>;
  /**
   * Moves one chunk to any fixed-address backend at the same address, on the thread pool, while every thread and
   * the kernel may read and write it. Accesses are held back for a moment (`pauseNs`) and then go on. Needs a full
   * userfaultfd: throws `ERR_TIER_UNAVAILABLE` without one, `ERR_TIER_BUSY` while the run is pinned or in use, and
   * what {@link NativeHeap.rebackChunk} throws. The chunk is as it was whenever `applied` is 0.
   */
  moveChunk(chunk: number, backend: number): Promise<ChunkMoveResult>;
  /**
   * Keeps a run where it is until {@link NativeHeap.unpin}: for whoever hands its address to the kernel or to a
   * device, which no protection of pages holds back (O_DIRECT, io_uring). Calls nest. A move under way is cancelled
   * and waited for, at most about a millisecond.
   */
  pin(firstChunk: number): void;
  unpin(firstChunk: number): void;
  /** Asks the move of a run to end early; what was not moved is counted as `CANCELLED`. No move: no effect. */
  cancelMove(firstChunk: number): void;
  /** Brings bytes into memory on the thread pool. Rejects with `ERR_TIER_LOST` when some of them are damaged. */
  prefault(firstChunk: number, byteOffset: number, byteLength: number): Promise<void>;
  /**
   * Copies `source` into the run on the thread pool; neither side may be changed meanwhile. Rejects with
   * `ERR_TIER_LOST` when bytes it wrote are damaged: they are then in plain memory, and only until the run is
   * freed.
   */
  write(firstChunk: number, byteOffset: number, source: Uint8Array): Promise<void>;
  /**
   * Brings bytes to the medium behind them, on the thread pool. Resolves with true when the medium holds them
   * now (file: `msync`; DAX device: CPU caches written back), false when a part is ordinary memory, which holds
   * nothing past the process. A backing file is anonymous: its bytes end with the process even when flushed;
   * those of a DAX device stay. Rejects with `ERR_TIER_IO` when the device failed, from then on always: the
   * kernel drops what it could not write and tells once. `ERR_TIER_LOST` when the range has damage.
   */
  flush(firstChunk: number, byteOffset: number, byteLength: number): Promise<boolean>;
  /**
   * Chunks of a backend that do not lie on its node, looking at up to 1024 chunks from `from` on: the kernel
   * moves pages away when it takes a node's memory offline. `next` is where to go on, `null` at the end.
   */
  strayChunks(
    backend: number,
    from: number,
  ): { readonly chunks: readonly number[]; readonly next: number | null };
  /** Every range lost in the runs that exist now, in address order. Empty after {@link NativeHeap.close}. */
  damagedRanges(): readonly DamagedRange[];
  /**
   * Measures a backend on the thread pool with at most `bytes` of its memory for about `durationMs`. A file
   * that is not mapped with DAX is measured past the page cache: a latency is then one random 4 KiB read.
   */
  calibrate(backend: number, bytes: number, durationMs: number): Promise<CalibrationResult>;
  /**
   * Measures how long a read of a run's memory takes now, on the thread pool: some 50 us. The run is the caller's for
   * this alone: its first MiB is overwritten. `ERR_TIER_BUSY` while it is measured already, `ERR_TIER_UNAVAILABLE`
   * where no instruction empties the caches.
   */
  measureLatency(firstChunk: number): Promise<LatencySample>;
  backendStats(backend: number): BackendStats;
  /** Whether memory can be had of a backend now; `false` while its node's memory is offline. Reads a file. */
  isAvailable(backend: number): boolean;
  /** Starts a source for this heap. Throws `ERR_TIER_UNAVAILABLE` with the reason when it does not work here. */
  openHotnessSource(kind: HotnessSourceKind): NativeHotnessSource;
  /**
   * A token with which other threads of this process map the run's bytes: {@link NativeBinding.attachRun}. The
   * run's memory outlives {@link NativeHeap.free} and {@link NativeHeap.close} until the last of them lets go.
   */
  shareRun(firstChunk: number, byteLength: number): string;
  /** Threads that hold a run by its token now. */
  attachedThreads(firstChunk: number): number;
  /** Detaches every buffer and gives everything back. Idempotent. */
  close(): void;
}

/** A run of another thread's heap. */
export interface AttachedRun {
  readonly buffer: ArrayBuffer;
  /** Detaches the buffer and lets the run go. Idempotent; the collector does it otherwise. */
  release(): void;
}
