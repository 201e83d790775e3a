/**
 * A heap without native code: simulated tiers in ordinary ArrayBuffers, for platforms that have no addon
 * and for tests. The same interface as the native heap; what needs the kernel is refused with
 * `ERR_TIER_UNAVAILABLE`.
 */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { BackendConfig } from '../tiers/tier.ts';
import type {
  BackendStats,
  CalibrationResult,
  ChunkMoveResult,
  DamagedRange,
  DealtPages,
  LatencySample,
  MigrationMode,
  NativeHeap,
  Placement,
} from './heap-binding.ts';
import type { NativeHotnessSource } from './hotness-binding.ts';

interface Run {
  readonly chunks: number;
  /** Weak, as in the native heap: who uses the bytes keeps them. */
  buffer: WeakRef<ArrayBuffer> | undefined;
}

interface PlainBackend {
  readonly config: BackendConfig;
  mappedChunks: number;
  refused: number;
}

/** Simulated backends only. Nothing is placed and nothing is copied: moves change the accounting. */
export class PlainHeap implements NativeHeap {
  /** Never moves: the runtime's own memory is not watched. */
  readonly damageCount: Uint32Array = new Uint32Array(1);
  /** Nothing is copied, so nobody has to be held back. */
  readonly migrationMode: MigrationMode = 'transparent';
  readonly pageBytes: number = 4096;
  readonly #backends: PlainBackend[] = [];
  readonly #runs: Map<number, Run> = new Map();
  readonly #backendOf: number[] = [];
  readonly #freeRuns: Map<number, number[]> = new Map();
  #closed = false;

  addBackend(config: BackendConfig): number {
    this.#check();
    if (config.kind !== 'simulated') {
      throw new TierError(
        'ERR_TIER_UNAVAILABLE',
        `A "${config.kind}" backend needs the native addon.`,
        {
          hint: 'Use simulated tiers on this platform.',
        },
      );
    }
    return this.#backends.push({ config, mappedChunks: 0, refused: 0 }) - 1;
  }

  allocate(backend: number, chunks: number): number {
    return this.allocateSpread(new Uint32Array(chunks).fill(backend));
  }

  allocateSpread(backends: Uint32Array): number {
    this.#check();
    const chunks = backends.length;
    for (const backend of new Set(backends)) {
      const target = this.#backend(backend);
      const part = backends.filter((index) => index === backend).length;
      if ((target.mappedChunks + part) * chunkBytes <= roundUp(target.config.capacityBytes))
        continue;
      target.refused++;
      throw new TierError(
        'ERR_TIER_FULL',
        `The simulated backend ${backend} has no ${part} chunks left.`,
      );
    }
    const first = this.#freeRuns.get(chunks)?.pop() ?? this.#backendOf.length;
    backends.forEach((backend, i) => {
      this.#backendOf[first + i] = backend;
      this.#backend(backend).mappedChunks++;
    });
    this.#runs.set(first, { chunks, buffer: undefined });
    return first;
  }

  dealPages(): DealtPages {
    this.#check();
    return { method: 'none', misplacedPages: 0, errno: 0 };
  }

  buffer(firstChunk: number, byteLength: number): ArrayBuffer {
    const run = this.#run(firstChunk);
    let buffer = run.buffer?.deref();
    if (buffer === undefined) {
      buffer = new ArrayBuffer(byteLength);
      run.buffer = new WeakRef(buffer);
    }
    return buffer;
  }

  free(firstChunk: number): void {
    const run = this.#run(firstChunk);
    // Detaches, as the native heap does: stale views become empty instead of seeing other data.
    const buffer = run.buffer?.deref();
    if (buffer !== undefined) structuredClone(buffer, { transfer: [buffer] });
    for (let i = 0; i < run.chunks; i++)
      this.#backend(this.backendOf(firstChunk + i)).mappedChunks--;
    this.#runs.delete(firstChunk);
    const list = this.#freeRuns.get(run.chunks);
    if (list === undefined) this.#freeRuns.set(run.chunks, [firstChunk]);
    else list.push(firstChunk);
  }

  backendOf(chunk: number): number {
    const backend = this.#backendOf[chunk];
    if (backend === undefined) throw new TierError('ERR_TIER_INVALID', `No chunk ${chunk}.`);
    return backend;
  }

  placement(_firstChunk: number, chunks: number): Placement {
    return { pagesByNode: {}, absentPages: (chunks * chunkBytes) / 4096, errno: 0 };
  }

  rebackChunk(chunk: number, backend: number): ChunkMoveResult {
    this.#check();
    const target = this.#backend(backend);
    if ((target.mappedChunks + 1) * chunkBytes > roundUp(target.config.capacityBytes)) {
      target.refused++;
      throw new TierError('ERR_TIER_FULL', `The simulated backend ${backend} has no chunk left.`);
    }
    this.#backend(this.backendOf(chunk)).mappedChunks--;
    this.#backendOf[chunk] = backend;
    target.mappedChunks++;
    return moved(1);
  }

  async movePages(firstChunk: number, chunks: number, backend: number): Promise<ChunkMoveResult> {
    for (let i = 0; i < chunks; i++) this.rebackChunk(firstChunk + i, backend);
    return moved(chunks);
  }

  async moveChunk(chunk: number, backend: number): Promise<ChunkMoveResult> {
    return this.rebackChunk(chunk, backend);
  }

  pin(firstChunk: number): void {
    this.#run(firstChunk);
  }

  unpin(firstChunk: number): void {
    this.#run(firstChunk);
  }

  cancelMove(): void {}

  async prefault(): Promise<void> {
    this.#check();
  }

  async write(firstChunk: number, byteOffset: number, source: Uint8Array): Promise<void> {
    const run = this.#run(firstChunk);
    new Uint8Array(run.buffer?.deref() as ArrayBuffer).set(source, byteOffset);
  }

  async flush(firstChunk: number): Promise<boolean> {
    this.#run(firstChunk);
    return false;
  }

  damagedRanges(): readonly DamagedRange[] {
    return [];
  }

  isAvailable(): boolean {
    return true;
  }

  strayChunks(): { readonly chunks: readonly number[]; readonly next: null } {
    return { chunks: [], next: null };
  }

  async calibrate(): Promise<CalibrationResult> {
    throw needsAddon('Calibration');
  }

  async measureLatency(): Promise<LatencySample> {
    throw needsAddon('Measuring latency');
  }

  openHotnessSource(): NativeHotnessSource {
    throw needsAddon('Watching accesses');
  }

  shareRun(): string {
    throw needsAddon('Sharing memory with other threads');
  }

  attachedThreads(): number {
    return 0;
  }

  backendStats(backend: number): BackendStats {
    const { config, mappedChunks, refused } = this.#backend(backend);
    return {
      kind: config.kind,
      capacityBytes: config.capacityBytes,
      mappedBytes: mappedChunks * chunkBytes,
      refusedAllocations: refused,
      unverifiedChunks: mappedChunks,
      retiredChunks: 0,
      shadowChunks: 0,
      fixedAddress: true,
      durable: false,
      note: 'no native code',
    };
  }

  close(): void {
    if (this.#closed) return;
    for (const first of [...this.#runs.keys()]) this.free(first);
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', 'The heap is closed.');
  }

  #backend(index: number): PlainBackend {
    const backend = this.#backends[index];
    if (backend === undefined) throw new TierError('ERR_TIER_INVALID', `No backend ${index}.`);
    return backend;
  }

  #run(firstChunk: number): Run {
    this.#check();
    const run = this.#runs.get(firstChunk);
    if (run === undefined)
      throw new TierError('ERR_TIER_INVALID', `No run starts at chunk ${firstChunk}.`);
    return run;
  }
}

function moved(chunks: number): ChunkMoveResult {
  return {
    tried: chunks,
    applied: chunks,
    failed: 0,
    copiedBytes: 0,
    durationNs: 0,
    pauseNs: 0,
    reasons: {},
  };
}

function needsAddon(what: string): TierError {
  return new TierError('ERR_TIER_UNAVAILABLE', `${what} needs the native addon.`);
}

/** Budgets are kept in units by the allocator above; physical memory comes in whole chunks. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / chunkBytes) * chunkBytes;
}
