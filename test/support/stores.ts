import { BackendSet } from '../../lib/memory/backend-set.ts';
import { ObjectStore } from '../../lib/memory/object-store.ts';
import { PlainHeap } from '../../lib/memory/plain-heap.ts';
import { type Tier, type TierName, type TierSpec, tierNames } from '../../lib/tiers/tier.ts';

const MiB = 1024 * 1024;

/** Figures of a made-up tier, slower the further down. */
export function modelSpec(rank: number): TierSpec {
  const figure = (value: number) => ({ value, source: 'default' as const });
  return {
    readLatencyNs: figure(100 * 3 ** rank),
    writeLatencyNs: figure(100 * 3 ** rank),
    readBytesPerSecond: figure(100e9 / 2 ** rank),
    writeBytesPerSecond: figure(100e9 / 2 ** rank),
    costPerGiBMonth: figure(1 / 2 ** rank),
  };
}

/** Simulated tiers of the given budgets, fastest first. */
export function modelTiers(capacitiesMiB: readonly number[]): Tier[] {
  return capacitiesMiB.map((mebibytes, rank) => {
    const capacityBytes = mebibytes * MiB;
    return {
      name: tierNames[rank + 1] as TierName,
      kind: 'simulated',
      capacityBytes,
      spec: modelSpec(rank),
      backends: [{ kind: 'simulated', capacityBytes }],
      evidence: ['made up for a test'],
    };
  });
}

/** A store over simulated tiers, without native code. */
export function modelStore(capacitiesMiB: readonly number[]): ObjectStore {
  return new ObjectStore(new BackendSet(new PlainHeap(), modelTiers(capacitiesMiB)));
}
