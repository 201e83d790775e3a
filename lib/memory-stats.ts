/** What a memory holds and has done, as one plain object. */

import type { DamageTotals } from './memory/damage-book.ts';
import type { ObjectStore } from './memory/object-store.ts';
import type { EngineStats } from './migration/engine-stats.ts';
import type { BackendKind, TierName } from './tiers/tier.ts';

/** One tier's part. */
export interface TierStats {
  readonly name: TierName;
  readonly kind: 'real' | 'simulated';
  readonly capacityBytes: number;
  /** Bytes charged to the budget: slabs and whole chunks. */
  readonly usedBytes: number;
  /** Bytes of slots and chunks that hold data; the rest of `usedBytes` are holes. */
  readonly liveBytes: number;
  /** Small objects, and chunks of large ones. */
  readonly units: number;
  /** Tracked accesses that this tier served, as of the last plan. */
  readonly reads: number;
  readonly writes: number;
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
    readonly note: string;
  }[];
}

/** Result of `TieredMemory.stats`. */
export interface MemoryStats {
  readonly objects: number;
  /** Tracked accesses so far, as of the last plan. */
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
  readonly migration: EngineStats;
}

/** Collects it. O(backends + chunks of large objects). */
export function memoryStats(store: ObjectStore, migration: EngineStats): MemoryStats {
  const { space, ledger, integrity } = store;
  integrity.settle();
  const { set } = space;
  const units = store.units.unitCounts();
  const tiers = set.tiers.map(({ name, kind, capacityBytes }, tier): TierStats => {
    let holes = 0;
    const backends = set.ofTier[tier].map((backend) => {
      const stats = set.heap.backendStats(backend.index);
      const { mappedBytes, unverifiedChunks, retiredChunks, note } = stats;
      const { kind } = backend.config;
      holes += space.allocators[backend.index].holeBytes;
      return { kind, node: backend.node, mappedBytes, unverifiedChunks, retiredChunks, note };
    });
    const usedBytes = set.usedBytes(tier);
    return {
      name,
      kind,
      capacityBytes,
      usedBytes,
      liveBytes: usedBytes - holes,
      units: units[tier],
      ...ledger.accesses[tier],
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
    migration,
  };
}
