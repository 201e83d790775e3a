import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Decision, TieredMemory } from '../../lib/index.ts';
import { BackendSet } from '../../lib/memory/backend-set.ts';
import { LatencyWatch } from '../../lib/memory/latency-watch.ts';
import { openHeap } from '../../lib/memory/open-heap.ts';
import { PlainHeap } from '../../lib/memory/plain-heap.ts';
import { TierProbes } from '../../lib/memory/tier-probes.ts';
import { chunkBytes } from '../../lib/native.ts';
import type { Tier } from '../../lib/tiers/tier.ts';
import { modelTiers } from '../support/stores.ts';

/** Two tiers that say they are real, of ordinary memory. */
function realTiers(): Tier[] {
  return modelTiers([8, 8]).map((tier) => ({ ...tier, kind: 'real' as const }));
}

describe('probes on the tiers of a store', () => {
  it('measure each tier of memory again and again, off its budget, and give the memory back', async () => {
    const tiers = realTiers();
    const set = new BackendSet(openHeap(tiers), tiers);
    const probes = new TierProbes(set);
    expect(probes.tiers).toEqual([0, 1]);
    expect([set.usedBytes(0), set.usedBytes(1)]).toEqual([0, 0]);
    for (let round = 0; round < 3; round++) {
      for (const tier of probes.tiers) {
        const { latencyNs, costNs } = await probes.measure(tier);
        expect(latencyNs).toBeGreaterThan(0);
        expect(costNs).toBeGreaterThan(0);
        // Reads that waited for each other are in the cost.
        expect(latencyNs).toBeLessThan(costNs);
      }
    }
    const [own] = tiers.map((_, tier) => set.ofTier[tier].length + tier + 1);
    expect(set.heap.backendStats(own).mappedBytes).toBe(chunkBytes);
    probes.close();
    expect(set.heap.backendStats(own).mappedBytes).toBe(0);
    set.heap.close();
  });

  it('are told when a run is measured already, is gone, or was never there', async () => {
    const tiers = realTiers();
    const heap = openHeap(tiers);
    const run = heap.allocate(heap.addBackend({ kind: 'simulated', capacityBytes: chunkBytes }), 1);
    const first = heap.measureLatency(run);
    expect(() => heap.measureLatency(run)).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_BUSY' }),
    );
    heap.free(run);
    // It ends all the same: the run's memory goes after it.
    await first;
    expect(() => heap.measureLatency(run)).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_INVALID' }),
    );
    heap.close();
  });

  it('say of tiers that are simulated, or not of memory, why they are not measured', () => {
    const [fast, slow] = realTiers();
    const directory = tmpdir();
    const tiers: Tier[] = [
      { ...fast, kind: 'simulated' },
      { ...slow, backends: [{ kind: 'file', directory, capacityBytes: chunkBytes }] },
    ];
    const set = new BackendSet(openHeap(tiers), tiers);
    const probes = new TierProbes(set);
    expect(probes.tiers).toEqual([]);
    expect(probes.unmeasured).toMatchObject([
      { name: 'L1_DDR', reason: 'it is simulated in ordinary memory' },
      { name: 'L2_CXL', reason: expect.stringContaining('page cache') },
    ]);
    probes.close();
    set.heap.close();
  });

  it('find out without native code that there is nothing to measure with', async () => {
    const tiers = realTiers();
    const set = new BackendSet(new PlainHeap(), tiers);
    const watch = new LatencyWatch(tiers, new TierProbes(set));
    for (let i = 0; i < 100 && watch.limits().length === 0; i++) await sleep(100);
    expect(watch.limits()).toMatchObject([{ reason: expect.stringContaining('native addon') }]);
    watch.close();
  });
});

describe('a memory with the policy latency-balanced', () => {
  it('measures its tiers in the background, within its share of a core, and plans by that', async () => {
    const decisions: Decision[] = [];
    const numa = { kind: 'numa', node: 0, capacityBytes: 8 * chunkBytes } as const;
    // One node for both: nothing to balance, but two tiers to measure.
    await using memory = await TieredMemory.open({
      tiers: [
        { name: 'L1_DDR', backends: [numa] },
        { name: 'L2_CXL', backends: [numa] },
      ],
      policy: 'latency-balanced',
      background: false,
      onDecision: (decision) => decisions.push(structuredClone(decision)),
    });
    expect(memory.limits.filter(({ what }) => what === 'Latency balancing')).toEqual([]);
    const latency = () => memory.stats().latency;
    for (let i = 0; i < 600 && (latency()?.measurements ?? 0) < 3; i++) await sleep(50);
    expect(latency()).toMatchObject({ errors: 0, lastError: undefined, unmeasured: [] });
    await memory.engine.step();
    const { latencyBalance } = decisions[0].snapshot;
    expect(latencyBalance?.loadedLatencyNs.every((ns) => ns > 0)).toBe(true);
    expect(latency()?.tiers.map(({ name }) => name)).toEqual(['L1_DDR', 'L2_CXL']);
    expect(latency()?.costShare).toBeGreaterThan(0);
  });

  it('places data as balanced does where there is nothing to balance, and says so', async () => {
    const tiers = [
      { name: 'L1_DDR', capacityBytes: '4MiB', kind: 'simulated' },
      { name: 'L2_CXL', capacityBytes: '64MiB', kind: 'simulated' },
    ] as const;
    const placed: (string | undefined)[][] = [];
    for (const policy of ['balanced', 'latency-balanced'] as const) {
      const memory = await TieredMemory.open({ tiers, policy, background: false });
      for (let key = 0; key < 100; key++) {
        memory.storeSync(new Uint8Array(10_000), { key, tierHint: 'L2_CXL' });
      }
      for (let i = 0; i < 100; i++) for (let key = 0; key < 20; key++) memory.get(key)?.read();
      await memory.optimizePlacement();
      placed.push(Array.from({ length: 100 }, (_, key) => memory.get(key)?.tier));
      const limits = memory.limits.filter(({ what }) => what === 'Latency balancing');
      expect(limits).toHaveLength(policy === 'balanced' ? 0 : 1);
      expect(memory.stats().latency?.measurements).toBe(policy === 'balanced' ? undefined : 0);
      await memory.close();
    }
    expect(placed[1]).toEqual(placed[0]);
    expect(placed[0]).toContain('L1_DDR');
  });
});
