import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Policy, TieredMemory } from '../../lib/index.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import { startCheckedWords, wanderer } from '../vm/support/checked-words.ts';

const transparent = requireNative().describeMachine('').userfaultfd.via !== null;
const root = new URL('../../', import.meta.url);
// On a drive: a file system in memory keeps no shadows.
let directory: string;
let memory: TieredMemory;

beforeEach(async () => {
  directory = mkdtempSync('/var/tmp/memory-tiers-live-');
  memory = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: '32MiB', kind: 'simulated' },
      { name: 'L4_NVME', backends: [{ kind: 'file', directory, capacityBytes: 32 * 1024 * 1024 }] },
    ],
    background: false,
    tracking: false,
    policy: wanderer(2) as unknown as Policy,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  });
});

afterEach(async () => {
  await memory.close();
  rmSync(directory, { recursive: true });
});

describe.runIf(transparent)('chunks that move between memory and a file', () => {
  it('lose no write of other threads, and no thread notices', { timeout: 60_000 }, async () => {
    const region = memory.allocate(Uint32Array, (4 * chunkBytes) / 4);
    region.touch();
    const words = await startCheckedWords(region.share(), 2, root);
    let moved = 0;
    while (moved < 200 || words.writes() < 2_000_000) {
      const report = await memory.engine.step();
      moved += report.outcomes.moved;
      expect(report.failures).toEqual({});
    }
    expect(await words.stop()).toBe(0);
    const { mode, pauses } = memory.stats().migration;
    expect(mode).toBe('transparent');
    expect(pauses.count).toBe(moved);
    expect(pauses.p50Ns).toBeGreaterThan(0);
  });

  it('receive what fs.read brings, without a pin', { timeout: 60_000 }, async () => {
    const source = join(directory, 'source');
    const pattern = Buffer.from(Uint32Array.from({ length: chunkBytes / 4 }, (_, i) => i).buffer);
    writeFileSync(source, pattern);
    const region = memory.allocate(Uint8Array, chunkBytes);
    region.touch();
    const file = await open(source);
    let reading = true;
    let moved = 0;
    const moves = (async () => {
      while (reading) moved += (await memory.engine.step()).outcomes.moved;
    })();
    for (let round = 0; round < 50 || moved < 50; round++) {
      region.view.fill(0);
      const { bytesRead } = await file.read(region.view, 0, chunkBytes, 0);
      expect(bytesRead).toBe(chunkBytes);
      expect(Buffer.compare(region.view, pattern)).toBe(0);
    }
    reading = false;
    await moves;
    await file.close();
  });

  it('stay while they are pinned, and go on when they are not', async () => {
    const region = memory.allocate(Uint8Array, chunkBytes);
    region.touch();
    {
      using _pin = region.pin();
      expect((await memory.engine.step()).outcomes.moved).toBe(0);
      const moving = memory.engine.step();
      expect(region.shares()).toMatchObject([{ chunks: 1 }]);
      await moving;
    }
    expect((await memory.engine.step()).outcomes.moved).toBe(1);
  });

  it('end their way when a pin comes, or the caller’s signal', async () => {
    const region = memory.allocate(Uint8Array, 4 * chunkBytes);
    region.touch();
    region.view.fill(7);
    const moving = memory.engine.step();
    const pin = region.pin();
    const { outcomes } = await moving;
    pin[Symbol.dispose]();
    // The one under way may have arrived; those after it were not begun.
    expect(outcomes.moved).toBeLessThanOrEqual(1);
    expect(outcomes.leased).toBeGreaterThanOrEqual(3);
    const controller = new AbortController();
    const optimizing = memory.optimizePlacement({ signal: controller.signal });
    controller.abort();
    const report = await optimizing;
    expect(report.aborted).toBe(true);
    expect(report.outcomes.moved).toBeLessThanOrEqual(1);
    expect(region.view.every((byte) => byte === 7)).toBe(true);
  });
});
