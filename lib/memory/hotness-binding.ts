/** What the native core offers about accesses that the kernel or the CPU can see. */

/** A source of what the kernel or the CPU knows about accesses, see native/track. */
export type HotnessSourceKind = 'damon' | 'write-protect' | 'referenced' | 'pmu' | 'page-cache';

/** Whether a source works here. */
export interface HotnessProbe {
  readonly kind: HotnessSourceKind;
  readonly available: boolean;
  readonly seesReads: boolean;
  readonly seesWrites: boolean;
  /** Why not, or what it is limited to; empty when there is nothing to say. */
  readonly detail: string;
}

/** What one collection found, a column each: chunks with accesses since the last one. */
export interface HotnessSample {
  readonly chunks: Uint32Array;
  /** Pages of 4 KiB found accessed, or sampled accesses: an estimate that grows with the accesses. */
  readonly reads: Uint32Array;
  readonly writes: Uint32Array;
  /** CPU time of the collection. */
  readonly costNs: number;
  /** Bytes of memory that were looked at. */
  readonly scannedBytes: number;
}

/** A source at work on chunks of one heap. */
export interface NativeHotnessSource {
  readonly kind: HotnessSourceKind;
  /** Replaces the set of chunks that are watched. Chunks of freed runs have to be left out. */
  watch(chunks: Uint32Array): void;
  /** Looks at the watched chunks on the thread pool. One at a time; `ERR_TIER_BUSY` otherwise. */
  collect(): Promise<HotnessSample>;
  /** Stops; a collection under way is finished. Idempotent. */
  close(): void;
}
