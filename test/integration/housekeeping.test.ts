import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TieredMemory } from '../../lib/index.ts';

const tiers = [
  { name: 'L1_DDR', capacityBytes: '64MiB', kind: 'simulated' },
  { name: 'L4_NVME', capacityBytes: '64MiB', kind: 'simulated' },
] as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-tiers-housekeeping-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stores 3000 values of 4 KiB and deletes three of four. */
function makeHoles(memory: TieredMemory): void {
  for (let key = 0; key < 3000; key++) {
    memory.storeSync(new Uint8Array(4096).fill(key), { key, verify: key % 8 === 0 });
  }
  for (let key = 0; key < 3000; key++) if (key % 4 !== 0) memory.delete(key);
}

function expectWhole(memory: TieredMemory): void {
  for (let key = 0; key < 3000; key += 4) {
    expect(Buffer.compare(memory.get<Uint8Array>(key)!.read(), Buffer.alloc(4096, key))).toBe(0);
  }
}

describe('fragmentation', () => {
  it('is 1 in an empty tier, and what is charged for a live byte in others', async () => {
    await using memory = await TieredMemory.open({ tiers, background: false });
    expect(memory.stats().tiers.map(({ fragmentation }) => fragmentation)).toEqual([1, 1]);
    makeHoles(memory);
    const [{ fragmentation, usedBytes, liveBytes }] = memory.stats().tiers;
    expect(liveBytes).toBe(750 * 4096);
    expect(fragmentation).toBe(usedBytes / liveBytes);
    expect(fragmentation).toBeGreaterThan(3.9);
  });

  it('is brought down by an optimisation, which gives memory back', async () => {
    await using memory = await TieredMemory.open({ tiers, background: false, policy: 'static' });
    makeHoles(memory);
    const before = memory.stats().tiers[0].backends[0].mappedBytes;
    await memory.optimizePlacement({ dryRun: true });
    expect(memory.stats().tiers[0].fragmentation).toBeGreaterThan(3.9);
    await memory.optimizePlacement();
    const { migration, tiers: after } = memory.stats();
    expect(after[0].fragmentation).toBeLessThan(1.25);
    expect(after[0].backends[0].mappedBytes).toBeLessThan(before / 2);
    expect(migration.evacuatedBytes).toBeGreaterThan(0);
    expectWhole(memory);
  });

  it('is brought down by the background, and what is leased meanwhile stays as it is', async () => {
    await using memory = await TieredMemory.open({ tiers, background: { intervalMs: 2 } });
    makeHoles(memory);
    const lease = memory.get<Uint8Array>(1600)!.lease();
    const { byteOffset } = lease.view;
    for (let i = 0; i < 500 && memory.stats().tiers[0].fragmentation > 1.25; i++) await sleep(10);
    expect(memory.stats().tiers[0].fragmentation).toBeLessThan(1.25);
    expect(lease.view.byteOffset).toBe(byteOffset);
    expect(Buffer.compare(lease.view, Buffer.alloc(4096, 1600))).toBe(0);
    lease.dispose();
    expectWhole(memory);
  });
});

describe('the main thread', () => {
  it('is accounted for since the memory was opened', async () => {
    await using memory = await TieredMemory.open({ tiers, background: false });
    for (const until = performance.now() + 30; performance.now() < until; );
    await sleep(30);
    const { eventLoop } = memory.stats().mainThread;
    // The clocks of the loop and of `performance.now` are not the same.
    expect(eventLoop.activeMs).toBeGreaterThan(25);
    expect(eventLoop.idleMs).toBeGreaterThan(5);
    expect(eventLoop.utilization).toBeCloseTo(
      eventLoop.activeMs / (eventLoop.activeMs + eventLoop.idleMs),
      6,
    );
  });

  it('has its stalls counted, whatever work they are of', async () => {
    await using memory = await TieredMemory.open({ tiers, background: false });
    const stalls = () => memory.stats().mainThread.stalls;
    expect(stalls().count).toBe(0);
    makeHoles(memory);
    // What the program does itself is its own.
    expect(stalls().count).toBe(0);
    const path = join(folder, 'checkpoint');
    const works: Record<string, () => Promise<unknown>> = {
      step: () => memory.engine.step(),
      optimizePlacement: () => memory.optimizePlacement(),
      verify: () => memory.verify(),
      flush: () => memory.flush(),
      checkpoint: () => memory.checkpoint(path),
      restore: () => memory.restore(path),
    };
    for (const [name, work] of Object.entries(works)) {
      const before = stalls().count;
      await work();
      expect([name, stalls().count > before]).toEqual([name, true]);
    }
    const { buckets, count, overBudget, budgetNs, maxNs, p99Ns } = stalls();
    expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(count);
    expect(budgetNs).toBe(200_000);
    expect(overBudget).toBeGreaterThanOrEqual(
      buckets.filter(({ overUs }) => overUs >= 200).reduce((sum, bucket) => sum + bucket.count, 0),
    );
    expect(maxNs).toBeGreaterThanOrEqual(p99Ns);
    expect(memory.stats().migration.slices).toEqual(stalls());
    expect(JSON.parse(JSON.stringify(memory.stats().mainThread.stalls))).toEqual(stalls());
  });

  it('gets it back in slices of the budget while a checkpoint is restored', async () => {
    await using memory = await TieredMemory.open({
      tiers,
      background: false,
      mainThreadBudgetUs: 50,
    });
    for (let key = 0; key < 20_000; key++) memory.storeSync(new Uint8Array(16), { key });
    const path = join(folder, 'checkpoint');
    await memory.checkpoint(path);
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    await memory.restore(path);
    clearInterval(turning);
    // All of it comes with one read of the file: without turns in between no timer would fire.
    expect(turns).toBeGreaterThan(3);
    expect(memory.stats().mainThread.stalls.budgetNs).toBe(50_000);
  });
});
