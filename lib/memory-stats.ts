/** What a memory holds and has done, as one plain object. */

import type { MainThreadStats } from './main-thread.ts';
import type { DamageTotals } from './memory/damage-book.ts';
import type { MigrationMode } from './memory/heap-binding.ts';
import type { TrackingStats } from './memory/kernel-hotness.ts';
import type { LatencyStats } from './memory/latency-watch.ts';
import type { ObjectStore } from './memory/object-store.ts';
import { noPrefetch } from './memory/prefetcher.ts';
import type { PrefetchStats } from './memory/read-ahead-ledger.ts';
import type { EngineStats } from './migration/engine-stats.ts';
import { type DurationQuantiles, durationQuantiles } from './slices.ts';
import type { BackendKind, TierName } from './tiers/tier.ts';
import type { PatternStats } from './tracking/unit-patterns.ts';

/** One tier's part. */
export interface TierStats {
  readonly name: TierName;
  readonly kind: 'real' | 'simulated';
  readonly capacityBytes: number;
  /** Bytes charged to the budget: slabs and whole chunks. */
  readonly usedBytes: number;
  /** Bytes of slots and chunks that hold data; the rest of `usedBytes` are holes. */
  readonly liveBytes: number;
  /**
   * `usedBytes` over `liveBytes`; 1 for an empty tier. What small objects that are gone have left behind, with what
   * no slot of a slab fits into (an eighth at most) and the last slab of each size class, which is what counts in a
   * tier of a few MiB. That a slot can be larger than the object in it (by a fifth at most above 128 B) is not in it:
   * such a slot is live as a whole, and no evacuation changes that. Slots that only leases see are live.
   */
  readonly fragmentation: number;
  /** Small objects, and chunks of large ones. */
  readonly units: number;
  /** Tracked accesses that this tier served, and pages the kernel saw accessed in it, as of the last plan. */
  readonly reads: number;
  readonly writes: number;
  /**
   * Of these accesses, those from CPUs to which another node of the tier is nearer than the one that served them, as
   * far as it is known who used what; 0 where the tier is on one node.
   */
  readonly remoteAccesses: number;
  readonly backends: readonly {
    readonly kind: BackendKind;
    /** -1 for memory that is not bound to a node. */
    readonly node: number;
    /** Memory really mapped, in whole chunks. */
    readonly mappedBytes: number;
    /** Chunks whose place could not be verified, e.g. where the container forbids mbind. */
    readonly unverifiedChunks: number;
    /** Chunks of a file or device that are not used again because bytes in them were lost. */
    readonly retiredChunks: number;
    /** Chunks of a file or device kept for the way back of what went to memory; part of `mappedBytes`. */
    readonly shadowChunks: number;
    readonly note: string;
  }[];
}

/** Result of `TieredMemory.stats`. */
export interface MemoryStats {
  readonly objects: number;
  /**
   * Tracked accesses so far, as of the last plan: the clock of the policies. Of what the kernel has seen, 64 pages
   * are one.
   */
  readonly accesses: number;
  /** Leases and pins open now. */
  readonly leases: number;
  /** Bytes of records, keys and index, which are in no tier. */
  readonly metadataBytes: number;
  readonly tiers: readonly TierStats[];
  /** What is damaged now; `TieredMemory.damage` lists it. */
  readonly damage: DamageTotals & {
    /** What `onDamage` threw, counted. */
    readonly listenerErrors: number;
  };
  readonly migration: EngineStats & {
    /** How chunks change between memory and files or devices. */
    readonly mode: MigrationMode;
    /** How long such moves held back accesses to their 2 MiB; with `stop-the-world` this thread. 0 without moves. */
    readonly pauses: DurationQuantiles;
  };
  readonly mainThread: MainThreadStats;
  /** Reading ahead on tiers of files. */
  readonly prefetch: PrefetchStats;
  /** Accesses through the views of regions; undefined with `tracking: false`. */
  readonly tracking: TrackingStats | undefined;
  /** What accesses of values look like, as of the last plan. */
  readonly patterns: PatternStats & {
    /** New values not let into the fastest tier, because hardly any of their kind was used after it was stored. */
    readonly keptOut: number;
  };
  /**
   * Nodes this thread used its data from of late, with shares of its accesses, most first; empty where no tier is on
   * two nodes. A thread that is not pinned may be on several.
   */
  readonly usedFrom: readonly { readonly node: number; readonly share: number }[];
  /** Latencies under load; undefined unless the policy balances them. */
  readonly latency: LatencyStats | undefined;
}

/** Collects it. O(backends + chunks of large objects). */
export function memoryStats(
  store: ObjectStore,
  migration: EngineStats,
  mainThread: MainThreadStats,
  tracking: TrackingStats | undefined,
): MemoryStats {
  const { space, ledger, integrity } = store;
  integrity.settle();
  const { set } = space;
  const { pauses } = store.mover;
  const units = store.units.unitCounts();
  const tiers = set.tiers.map(({ name, kind, capacityBytes }, tier): TierStats => {
    let holes = 0;
    const backends = set.ofTier[tier].map((backend) => {
      const stats = set.heap.backendStats(backend.index);
      const { mappedBytes, unverifiedChunks, retiredChunks, shadowChunks, note } = stats;
      const { kind } = backend.config;
      holes += space.allocators[backend.index].holeBytes;
      return {
        kind,
        node: backend.node,
        mappedBytes,
        unverifiedChunks,
        retiredChunks,
        shadowChunks,
        note,
      };
    });
    const usedBytes = set.usedBytes(tier);
    const liveBytes = usedBytes - holes;
    return {
      name,
      kind,
      capacityBytes,
      usedBytes,
      liveBytes,
      fragmentation: usedBytes === 0 ? 1 : usedBytes / liveBytes,
      units: units[tier],
      ...ledger.accesses[tier],
      remoteAccesses: Math.round(store.units.nodes?.accesses[tier].far ?? 0),
      backends,
    };
  });
  return {
    objects: store.count,
    accesses: ledger.clock.accesses,
    leases: store.holds.open,
    metadataBytes: store.metadataBytes,
    tiers,
    damage: { ...integrity.book.totals(), listenerErrors: integrity.book.listenerErrors },
    migration: {
      ...migration,
      mode: set.heap.migrationMode,
      pauses: durationQuantiles(pauses),
    },
    mainThread,
    prefetch: store.prefetcher?.stats() ?? noPrefetch,
    tracking,
    patterns: store.units.patterns(),
    usedFrom: store.units.nodes?.threadShares() ?? [],
    latency: store.units.latency?.stats(),
  };
}
