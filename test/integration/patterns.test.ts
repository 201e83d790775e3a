import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TieredMemory } from '../../lib/index.ts';
import { uniformNumbers } from '../../lib/simulation/labelled-streams.ts';

const MiB = 1024 * 1024;

let memory: TieredMemory;
beforeEach(async () => {
  memory = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: '8MiB', kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes: '64MiB', kind: 'simulated' },
    ],
    background: false,
    tracking: false,
  });
});
afterEach(async () => {
  await memory.close();
});

const record = (): Uint8Array => new Uint8Array(1000);

/** Records come and go without being read, a hundred at a time; the fast tier has room for some of them. */
async function passRecords(hundreds: number, readEach = false): Promise<void> {
  for (let i = 0; i < hundreds; i++) {
    for (let j = 0; j < 100; j++) {
      const key = `record:${i * 100 + j}`;
      memory.storeSync(record(), { key });
      if (readEach) memory.get(key)?.read();
      memory.delete(`record:${(i - 1) * 100 + j}`);
    }
    await memory.engine.step();
  }
}

describe('values that are stored and hardly ever used', () => {
  beforeEach(() => {
    // All but a twentieth of what it may hold.
    const block = new Uint8Array(MiB / 2);
    for (let i = 0; i < 15; i++) {
      memory.storeSync(block.subarray(0, i < 14 ? MiB / 2 : 150_000), {
        key: `block:${i}`,
        tierHint: 'L1_DDR',
        pinned: true,
      });
    }
  });

  it('stay out of the fast tier while room is scarce there, and only they', async () => {
    await passRecords(1);
    expect(memory.storeSync(record()).tier).toBe('L1_DDR');
    expect(memory.stats().patterns.keptOut).toBe(0);
    await passRecords(150);
    const { keptOut } = memory.stats().patterns;
    expect(memory.storeSync(record()).tier).toBe('L4_NVME');
    expect(memory.stats().patterns.keptOut).toBe(keptOut + 1);
    // Another type or size is another kind of value, and what the caller says counts.
    expect(memory.storeSync(new Float32Array(250)).tier).toBe('L1_DDR');
    expect(memory.storeSync(new Uint8Array(3000)).tier).toBe('L1_DDR');
    expect(memory.storeSync(record(), { accessPattern: 'random' }).tier).toBe('L1_DDR');
    expect(memory.storeSync(record(), { tierHint: 'L1_DDR' }).tier).toBe('L1_DDR');
    expect(memory.stats().patterns.keptOut).toBe(keptOut + 1);
  });

  it('are let in again when there is room, and when they are used after all', async () => {
    await passRecords(150);
    await passRecords(100, true);
    expect(memory.storeSync(record()).tier).toBe('L1_DDR');
    await passRecords(150);
    expect(memory.storeSync(record()).tier).toBe('L4_NVME');
    for (let i = 0; i < 8; i++) memory.delete(`block:${i}`);
    await memory.engine.step();
    expect(memory.storeSync(record()).tier).toBe('L1_DDR');
  });
});

describe('a scan of values that are not used again', () => {
  it('takes no room in the fast tier from those that are in use', async () => {
    // They fill most of what the fast tier may hold.
    const hot = 5600;
    const all = 20_000;
    for (let key = 0; key < all; key++) {
      memory.storeSync(record(), { key, tierHint: 'L4_NVME' });
    }
    const uniform = uniformNumbers(3);
    const use = (): void => {
      for (let i = 0; i < 2800; i++) memory.get(Math.floor(uniform() * hot))?.read();
    };
    for (let plan = 0; plan < 20; plan++) {
      use();
      use();
      await memory.engine.step();
    }
    await memory.optimizePlacement();
    const onFast = (from: number, to: number): number => {
      let count = 0;
      for (let key = from; key < to; key++) if (memory.get(key)?.tier === 'L1_DDR') count++;
      return count;
    };
    expect(onFast(0, hot)).toBeGreaterThan(0.9 * hot);
    for (let scanned = hot; scanned < all; scanned += 500) {
      use();
      for (let i = 0; i < 500; i++) memory.get(scanned + i)?.read();
      await memory.engine.step();
    }
    expect(onFast(0, hot)).toBeGreaterThan(0.98 * hot);
  });
});

describe('what accesses look like', () => {
  beforeEach(() => {
    for (let key = 0; key < 4000; key++) {
      memory.storeSync(record(), { key, tierHint: 'L4_NVME' });
    }
  });

  it('is told of values that were read in the order they were stored', async () => {
    await memory.engine.step();
    const before = memory.stats().patterns;
    for (let key = 1000; key < 2000; key++) memory.get(key)?.read();
    const found = await memory.explain(1500);
    expect(found).toMatchObject({ pattern: { pattern: 'sequential', source: 'seen' } });
    expect(found?.text).toMatch(/\npattern: sequential, seen$/);
    const after = memory.stats().patterns;
    expect(after.sequential - before.sequential).toBeGreaterThan(950);
    // Asking is not an access: the plan sees the same ones once.
    await memory.explain(1500);
    await memory.engine.step();
    expect(memory.stats().patterns.sequential).toBe(after.sequential);
    expect((await memory.explain(3000))?.pattern).toBeUndefined();
  });

  it('is told of values that are read a constant number of values apart, and of those written', async () => {
    await memory.engine.step();
    for (let key = 0; key < 4000; key += 7) memory.get(key)?.read();
    expect((await memory.explain(1400))?.pattern?.pattern).toBe('strided');
    await memory.engine.step();
    for (let i = 0; i < 50; i++) memory.get<Uint8Array>(1234)?.write(record());
    expect((await memory.explain(1234))?.text).toMatch(/\npattern: write-mostly, seen$/);
  });

  it('is told of regions as their accesses are reported, or as they were declared', async () => {
    const region = memory.allocate(Uint8Array, 4 * MiB);
    const declared = memory.allocate(Uint8Array, 2 * MiB, { accessPattern: 'random' });
    expect((await memory.explain(region))?.pattern).toBeUndefined();
    for (let start = 0; start < 4 * MiB; start += 65_536) region.touch({ start, length: 65_536 });
    for (let start = 0; start < 2 * MiB; start += 65_536) declared.touch({ start, length: 65_536 });
    expect((await memory.explain(region))?.pattern).toEqual({
      pattern: 'sequential',
      source: 'seen',
    });
    expect((await memory.explain(declared))?.text).toMatch(/\npattern: random, declared$/);
  });

  it('is told of a program that turns to other data', async () => {
    const use = async (from: number): Promise<void> => {
      for (let plan = 0; plan < 30; plan++) {
        for (let i = 0; i < 500; i++) memory.get(from + ((i * 37 + plan * 11) % 1500))?.read();
        await memory.engine.step();
      }
    };
    await memory.engine.step();
    await use(0);
    const before = memory.stats();
    await use(2000);
    const { phaseChanges, lastPhaseChange } = memory.stats().patterns;
    expect(phaseChanges).toBeGreaterThan(before.patterns.phaseChanges);
    expect(lastPhaseChange).toBeGreaterThan(before.accesses);
  });
});
