/** What a memory is made of, and putting it together. */

import { MainThread } from './main-thread.ts';
import { BackendSet } from './memory/backend-set.ts';
import type { HandleOwner } from './memory/handle.ts';
import { probeHotnessSources } from './memory/hotness-sources.ts';
import { KernelHotness } from './memory/kernel-hotness.ts';
import { LatencyWatch } from './memory/latency-watch.ts';
import { NodeUse } from './memory/node-use.ts';
import { ObjectStore } from './memory/object-store.ts';
import { openHeap } from './memory/open-heap.ts';
import { Orphanage } from './memory/orphanage.ts';
import { Placer } from './memory/placement.ts';
import { TierProbes } from './memory/tier-probes.ts';
import { type OpenOptions, prefetchSettings, trackingSettings } from './memory-options.ts';
import { DataMigrationEngine } from './migration/data-migration-engine.ts';
import { nodePlaces } from './numa/node-places.ts';
import { tierNearness } from './numa/tier-nearness.ts';
import { createPolicy } from './policy/policies.ts';
import type { Policy } from './policy/policy.ts';
import type { HardwareTierManager } from './tiers/hardware-tier-manager.ts';

/** As the engine's own. */
const defaultBudgetUs = 200;

/** Plans of this size take one or two milliseconds of the main thread. */
const defaultMaxUnits = 4096;

/** The parts of one memory. */
export interface MemoryParts {
  readonly store: ObjectStore;
  /** Chooses tiers for new data. */
  readonly placer: Placer;
  readonly engine: DataMigrationEngine;
  /** What the handles of the memory work with. */
  readonly owner: HandleOwner;
  readonly orphanage: Orphanage;
  readonly mainThread: MainThread;
  /** What the kernel tells about accesses through live views; undefined where it is not asked. */
  readonly hotness: KernelHotness | undefined;
}

function choosePolicy(manager: HardwareTierManager, policy: OpenOptions['policy']): Policy {
  if (typeof policy === 'object') return policy;
  if (policy !== undefined) return createPolicy(policy);
  const settings = manager.policy;
  return settings === undefined
    ? createPolicy('balanced')
    : createPolicy(settings.name, settings.parameters);
}

/**
 * Opens the backends of the manager's tiers and builds everything over them; nothing moves yet. Takes options that
 * `checkOpen` has passed. Throws as `TieredMemory.open` does.
 */
export function openParts(manager: HardwareTierManager, options: OpenOptions): MemoryParts {
  const { tiers } = manager;
  const policy = choosePolicy(manager, options.policy);
  const backends = new BackendSet(openHeap(tiers), tiers, tierNearness(tiers));
  const mainThread = new MainThread(options.mainThreadBudgetUs ?? defaultBudgetUs);
  const { sliceClock } = mainThread;
  const store = new ObjectStore(backends, prefetchSettings(options.prefetch), sliceClock);
  const { units, space, ledger } = store;
  const storedOnce = (kind: number): boolean => units.storedOnce(kind);
  const placer = new Placer(tiers, units.tierStates(), policy, storedOnce);
  const orphanage = new Orphanage(store);
  const owner: HandleOwner = {
    store,
    segments: space.table.words,
    buffers: space.set.buffers,
    damage: space.set.damage,
    rewriteOrder: (byteLength) => placer.order(byteLength, {}),
    disposed: (id, handle) => orphanage.dispose(id, handle),
  };
  store.integrity.book.listener = options.onDamage;
  const tracking = trackingSettings(options.tracking);
  const hotness =
    tracking === undefined
      ? undefined
      : new KernelHotness({ space, ledger, sliceClock, probe: probeHotnessSources }, tracking);
  if (policy.usesLatency === true)
    units.latency = new LatencyWatch(tiers, new TierProbes(space.set));
  units.nodes = NodeUse.of(space, nodePlaces);
  units.tellsNodes = policy.usesNodes === true;
  const engine = new DataMigrationEngine({
    target: units,
    policy,
    sliceClock,
    bytesPerSecond: options.bytesPerSecond,
    maxUnits: options.maxUnits ?? defaultMaxUnits,
    onMove: options.onMove,
    onDecision: options.onDecision,
  });
  return { store, placer, engine, owner, orphanage, mainThread, hotness };
}
