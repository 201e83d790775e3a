import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TieredMemory as Memory, TierError, TieredMemory } from '../../lib/index.ts';
import { nativeBinding } from '../../lib/native.ts';

const MiB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;

let directory: string;

beforeEach(() => {
  expect(nativeBinding(), 'these tests need the addon').not.toBeInstanceOf(TierError);
  directory = mkdtempSync(join(tmpdir(), 'memory-tiers-test-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Memory of node 0 above a file in the test's directory: two real backends on any machine. */
function openReal(capacity = 8 * MiB, fileCapacity = 64 * MiB): Promise<Memory> {
  return TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', backends: [{ kind: 'numa', node: 0, capacityBytes: capacity }] },
      { name: 'L4_NVME', backends: [{ kind: 'file', directory, capacityBytes: fileCapacity }] },
    ],
    background: false,
  });
}

function pattern(seed: number, length: number): Uint32Array {
  const words = new Uint32Array(length);
  for (let i = 0; i < length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ seed;
  return words;
}

function sameWords(actual: Uint32Array, seed: number): boolean {
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== (Math.imul(i + 1, 0x9e3779b1) ^ seed) >>> 0) return false;
  }
  return true;
}

describe('memory and file tiers', () => {
  it('keep every byte of small and large values while heat moves them back and forth', async () => {
    await using memory = await openReal();
    const count = 400;
    const sizes = [10, 1000, 5000, 40_000];
    for (let i = 0; i < count; i++) {
      await memory.store(pattern(i, sizes[i % sizes.length]), { key: i });
    }
    for (let i = 0; i < 4; i++) {
      await memory.store(pattern(1000 + i, 700_000), { key: `large ${i}`, tierHint: 'L4_NVME' });
    }
    let moved = 0;
    let chunksMoved = 0;
    for (let phase = 0; phase < 4; phase++) {
      for (let round = 0; round < 300; round++) {
        for (let i = phase; i < count; i += 16) memory.get(i)!.borrow();
        memory.get(`large ${phase}`)!.borrow();
      }
      const { moves } = await memory.optimizePlacement();
      const applied = moves.filter(({ outcome }) => outcome === 'moved');
      moved += applied.length;
      chunksMoved += applied.filter(({ bytes }) => bytes === 2 * MiB).length;
      for (let i = 0; i < count; i++) {
        expect(sameWords(memory.get<Uint32Array>(i)!.borrow(), i)).toBe(true);
      }
      for (let i = 0; i < 4; i++) {
        const large = memory.get<Uint32Array>(`large ${i}`)!;
        expect(sameWords(large.borrow(), 1000 + i)).toBe(true);
      }
    }
    expect(moved).toBeGreaterThan(50);
    expect(chunksMoved).toBeGreaterThan(4);
    expect(memory.tiers.map((tier) => tier.kind)).toEqual(['real', 'real']);
  });

  it('move a region’s chunks into a file under its live view', async () => {
    await using memory = await openReal();
    const alone = memory.allocate(Uint32Array, MiB, { ownerThreadOnly: true });
    const shared = memory.allocate(Uint32Array, MiB / 2);
    alone.view.set(pattern(1, MiB));
    shared.view.set(pattern(2, MiB / 2));
    alone.touch();
    shared.touch();
    // Something hotter wants the memory they are in.
    const hot = await memory.store(pattern(3, (3 * MiB) / 2), { key: 'hot', tierHint: 'L4_NVME' });
    for (let i = 0; i < 5000; i++) hot.borrow();
    await memory.optimizePlacement();
    expect(hot.tier).toBe('L1_DDR');
    expect(alone.shares().map((share) => share.tier)).toContain('L4_NVME');
    // Others may hold this view: it moves only where they can be held back.
    if (memory.stats().migration.mode === 'stop-the-world') {
      expect(shared.shares()).toEqual([{ tier: 'L1_DDR', chunks: 1 }]);
    }
    expect(sameWords(alone.view, 1)).toBe(true);
    expect(sameWords(shared.view, 2)).toBe(true);
    alone.view.fill(7);
    expect(alone.view.every((word) => word === 7)).toBe(true);
  });

  it('leave nothing behind in the directory, and two instances can share it', async () => {
    const first = await openReal();
    const second = await openReal();
    for (let i = 0; i < 500; i++) {
      await first.store(new Uint8Array(4096).fill(1), { key: i, tierHint: 'L4_NVME' });
      await second.store(new Uint8Array(4096).fill(2), { key: i, tierHint: 'L4_NVME' });
    }
    for (let i = 0; i < 500; i++) {
      expect(
        first
          .get<Uint8Array>(i)!
          .borrow()
          .every((byte) => byte === 1),
      ).toBe(true);
      expect(
        second
          .get<Uint8Array>(i)!
          .borrow()
          .every((byte) => byte === 2),
      ).toBe(true);
    }
    expect(readdirSync(directory)).toEqual([]);
    await first.close();
    expect(second.get<Uint8Array>(7)!.borrow()[0]).toBe(2);
    await second.close();
  });
});

describe('a machine that refuses', () => {
  it('a directory that does not exist is an error at open, with what to do', async () => {
    const open = TieredMemory.open({
      tiers: [{ name: 'L4_NVME', capacityBytes: '64MiB', directory: join(directory, 'absent') }],
    });
    await expect(open).rejects.toMatchObject({ name: 'TierError', code: 'ERR_TIER_UNAVAILABLE' });
    await expect(open).rejects.toSatisfy((error: TierError) => (error.hint ?? '').length > 0);
  });

  it('an unwritable directory is an error at open', async () => {
    const open = TieredMemory.open({
      tiers: [{ name: 'L4_NVME', capacityBytes: '64MiB', directory: '/proc/self' }],
    });
    await expect(open).rejects.toBeInstanceOf(TierError);
  });

  it.skipIf(!isRoot)(
    'a full disk is ERR_TIER_FULL, and what was stored stays readable',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
      try {
        await using memory = await openReal(2 * MiB, 64 * MiB);
        // Somebody else takes what was free when the budget was made.
        writeFileSync(join(directory, 'other'), new Uint8Array(5 * MiB));
        const stored: number[] = [];
        let failure: unknown;
        for (let i = 0; i < 10_000 && failure === undefined; i++) {
          try {
            await memory.store(pattern(i, 1000), { key: i });
            stored.push(i);
          } catch (error) {
            failure = error;
          }
        }
        expect(failure).toMatchObject({ code: 'ERR_TIER_FULL' });
        // The reason is in the chain: the file system, not our budget.
        expect((failure as TierError).cause).toMatchObject({ syscall: 'fallocate' });
        expect(stored.length).toBeGreaterThan(900);
        for (const i of stored)
          expect(sameWords(memory.get<Uint32Array>(i)!.borrow(), i)).toBe(true);
        await memory.optimizePlacement();
        for (const i of stored)
          expect(sameWords(memory.get<Uint32Array>(i)!.borrow(), i)).toBe(true);
      } finally {
        execFileSync('umount', ['-l', directory]);
      }
    },
  );

  it('a worker terminated in the middle of its work takes nothing else with it', async () => {
    await using memory = await openReal();
    const kept = await memory.store(pattern(1, 100_000), { key: 'kept' });
    const source = new URL('../../dist/index.js', import.meta.url).href;
    for (let i = 0; i < 6; i++) {
      const worker = new Worker(
        `const { parentPort } = require('node:worker_threads');
         import(${JSON.stringify(source)}).then(async ({ TieredMemory }) => {
           const memory = await TieredMemory.open({
             tiers: [
               { name: 'L1_DDR', backends: [{ kind: 'numa', node: 0, capacityBytes: ${4 * MiB} }] },
               { name: 'L4_NVME', backends: [{ kind: 'file', directory: ${JSON.stringify(directory)}, capacityBytes: ${64 * MiB} }] },
             ],
             background: { intervalMs: 1 },
           });
           parentPort.postMessage('working');
           for (let n = 0; ; n++) {
             const key = n % 300;
             await memory.store(new Uint8Array(2_500_000 * (n % 7 === 0) + 3000), { key: key % 8 === 0 ? 'large' : key });
             for (let j = 0; j < 50; j++) memory.get(key)?.borrow();
             if (n % 20 === 0) await memory.optimizePlacement();
           }
         }).catch((error) => parentPort.postMessage(String(error.stack)));`,
        { eval: true },
      );
      const message = await new Promise((resolve) => worker.once('message', resolve));
      expect(message).toBe('working');
      await new Promise((resolve) => setTimeout(resolve, 20 * i));
      await worker.terminate();
    }
    expect(sameWords(kept.borrow(), 1)).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
  });
});
