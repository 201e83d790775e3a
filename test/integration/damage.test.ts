import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DamagedUnit, type OpenOptions, TierError, TieredMemory } from '../../lib/index.ts';
import { chunkBytes, nativeBinding } from '../../lib/native.ts';
import { cutBackingFile } from '../support/backing-file.ts';
import { isSame } from '../support/damageable-heap.ts';
import { codeOf } from '../support/outcomes.ts';

const MiB = 1024 * 1024;

let directory: string;

beforeEach(() => {
  expect(nativeBinding(), 'these tests need the addon').not.toBeInstanceOf(TierError);
  directory = mkdtempSync(join('/var/tmp', 'memory-tiers-damage-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Memory above a file in the test's directory. */
function openFile(options: Partial<OpenOptions> = {}): Promise<TieredMemory> {
  return TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: 16 * MiB, kind: 'simulated' },
      { name: 'L4_NVME', backends: [{ kind: 'file', directory, capacityBytes: 64 * MiB }] },
    ],
    background: false,
    ...options,
  });
}

const onFile = { tierHint: 'L4_NVME' } as const;

describe('a memory whose backing file is cut off', () => {
  it('loses what lay behind the end, says so by key, and goes on with everything else', async () => {
    const heard: DamagedUnit[] = [];
    await using memory = await openFile({ onDamage: (unit) => heard.push(unit) });
    const size = 100_000;
    const bytes = (key: number) => new Uint8Array(size).fill(key + 1);
    for (let key = 0; key < 100; key++) await memory.store(bytes(key), { key, ...onFile });
    await memory.store(bytes(200), { key: 200 });
    cutBackingFile(directory, chunkBytes);

    const lost = new Set<number>();
    for (let key = 0; key < 100; key++) {
      try {
        expect(isSame(memory.get<Uint8Array>(key)!.read(), bytes(key))).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_TIER_LOST', tier: 'L4_NVME' });
        lost.add(key);
      }
    }
    expect(lost.size).toBeGreaterThan(60);
    expect(lost.size).toBeLessThan(90);
    expect(memory.get<Uint8Array>(200)!.read()).toEqual(bytes(200));
    expect(new Set(memory.damage().map(({ key }) => key))).toEqual(lost);
    expect(memory.stats().damage).toEqual({
      lostUnits: lost.size,
      lostBytes: lost.size * size,
      corruptUnits: 0,
      corruptBytes: 0,
      listenerErrors: 0,
    });
    await sleep(1);
    expect(new Set(heard.map(({ key }) => key))).toEqual(lost);

    // Nothing of it moves, and nothing else is kept from moving.
    for (let i = 0; i < 1000; i++) {
      for (const key of [...lost].slice(0, 3)) codeOf(() => memory.get(key)!.borrow());
    }
    const { moves } = await memory.optimizePlacement();
    expect(moves.some(({ unit }) => lost.has(memory.keyOf(unit) as number))).toBe(false);

    // Written again it is whole.
    const [first, second] = lost;
    memory.get<Uint8Array>(first)!.write(bytes(first));
    expect(memory.get<Uint8Array>(first)!.read()).toEqual(bytes(first));
    memory.delete(second);
    expect(memory.stats().damage.lostUnits).toBe(lost.size - 2);
    for (const key of lost) memory.delete(key);
    expect(memory.damage()).toEqual([]);
    const [, file] = memory.stats().tiers;
    expect(file.backends[0].retiredChunks).toBeGreaterThan(0);
  });

  it('loses a part of a region, whose view reads zeros there', async () => {
    const heard: DamagedUnit[] = [];
    await using memory = await openFile({ onDamage: (unit) => heard.push(unit) });
    const region = memory.allocate(Uint32Array, (2 * chunkBytes) / 4, onFile);
    region.view.fill(7);
    expect(await region.flush()).toBe(true);
    cutBackingFile(directory, chunkBytes + 4096);
    let zeros = 0;
    for (const word of region.view) if (word === 0) zeros++;
    expect(zeros).toBe((chunkBytes - 4096) / 4);
    expect(region.damaged).toEqual([
      { start: (chunkBytes + 4096) / 4, length: zeros, cause: 'lost' },
    ]);
    const unit = { key: undefined, kind: 'region', tier: 'L4_NVME', cause: 'lost' };
    expect(memory.damage()).toEqual([{ ...unit, byteLength: zeros * 4 }]);
    await sleep(1);
    expect(heard[0]).toMatchObject(unit);
    await expect(region.flush()).rejects.toMatchObject({ code: 'ERR_TIER_LOST' });
    region.view.fill(9);
    region.acknowledge();
    expect(memory.damage()).toEqual([]);
    expect(region.view.every((word) => word === 9)).toBe(true);
    expect(await region.flush()).toBe(false);
    expect(await region.flush(0, chunkBytes / 4)).toBe(true);
  });

  it('loses no value that was moved away in time, and no chunk that is being moved turns to zeros', async () => {
    await using memory = await openFile();
    const bytes = new Uint8Array(3 * chunkBytes).fill(5);
    const handle = await memory.store(bytes, { key: 'large', verify: true, ...onFile });
    cutBackingFile(directory, 2 * chunkBytes);
    for (let i = 0; i < 1000; i++) codeOf(() => handle.borrow());
    const report = await memory.optimizePlacement();
    expect(codeOf(() => handle.read())).toBe('ERR_TIER_LOST');
    expect(report.outcomes.refused).toBe(0);
    await memory.store(bytes, { key: 'large', verify: true, tierHint: 'L1_DDR' });
    expect(isSame(handle.read(), bytes)).toBe(true);
    expect(handle.tier).toBe('L1_DDR');
  });

  it('counts moves that failed for it by their code', async () => {
    // Reading ahead would find the loss first.
    await using memory = await openFile({ prefetch: false });
    const region = memory.allocate(Uint8Array, chunkBytes, { ...onFile, ownerThreadOnly: true });
    region.view.fill(1);
    cutBackingFile(directory, 0);
    for (let i = 0; i < 1000; i++) region.touch();
    // Nobody has touched the loss yet: the copy is what finds it.
    const report = await memory.optimizePlacement();
    expect(report.outcomes.damaged).toBe(1);
    expect(report.failures).toEqual({ ERR_TIER_LOST: 1 });
    expect(report.moves[0]).toMatchObject({ outcome: 'damaged', code: 'ERR_TIER_LOST' });
    expect(memory.engine.stats().failures).toEqual({ ERR_TIER_LOST: 1 });
    expect(region.shares()).toEqual([{ tier: 'L4_NVME', chunks: 1 }]);
  });
});

describe('verification', () => {
  it('is asked for by one value, or by default for all but one', async () => {
    await using memory = await openFile();
    await using careful = await openFile({ verify: true });
    const cases: [TieredMemory, boolean | undefined, boolean][] = [
      [memory, undefined, false],
      [memory, true, true],
      [careful, undefined, true],
      [careful, false, false],
    ];
    for (const [which, verify, verified] of cases) {
      for (const size of [64, 1_500_000]) {
        const options = verify === undefined ? {} : { verify };
        for (const store of ['store', 'storeSync'] as const) {
          const handle = await which[store](new Uint8Array(size), options);
          // A view that was only borrowed for reading.
          handle.borrow()[size - 1] = 1;
          expect(codeOf(() => handle.read())).toBe(verified ? 'ERR_TIER_CORRUPT' : undefined);
        }
      }
    }
  });

  it('walks everything that is verified and reports what it finds', async () => {
    await using memory = await openFile({ verify: true, mainThreadBudgetUs: 50 });
    for (let key = 0; key < 500; key++) await memory.store(`value ${key}`, { key });
    await memory.store(new Uint8Array(5_000_000), { key: 'large', ...onFile });
    await memory.store('unverified', { key: 'u', verify: false });
    const whole = await memory.verify();
    expect(whole).toMatchObject({ checked: 501, damaged: [], aborted: false });
    expect(whole.bytes).toBeGreaterThan(5_000_000);
    memory.get<string>(77)!.borrow()[0] ^= 1;
    memory.get<Uint8Array>('large')!.borrow()[4_999_999] ^= 1;
    const { damaged } = await memory.verify();
    expect(damaged).toEqual([
      { key: 77, kind: 'value', tier: 'L1_DDR', cause: 'corrupt', byteLength: 8 },
      { key: 'large', kind: 'value', tier: 'L4_NVME', cause: 'corrupt', byteLength: 5_000_000 },
    ]);
    expect(memory.damage()).toEqual(damaged);
    expect(memory.stats().damage).toMatchObject({ corruptUnits: 2, corruptBytes: 5_000_008 });
    expect(memory.get<string>(78)!.read()).toBe('value 78');
    expect(codeOf(() => memory.get('large')!.lease())).toBe('ERR_TIER_CORRUPT');
  });

  it('ends when told to, and with the memory', async () => {
    const memory = await openFile({ verify: true, mainThreadBudgetUs: 1 });
    for (let key = 0; key < 500; key++) await memory.store(`value ${key}`, { key });
    const aborted = await memory.verify({ signal: AbortSignal.abort() });
    expect(aborted).toMatchObject({ checked: 0, aborted: true });
    const controller = new AbortController();
    const pending = memory.verify({ signal: controller.signal });
    controller.abort();
    expect((await pending).checked).toBeLessThan(500);
    const last = memory.verify();
    await memory.close();
    await expect(last).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    await expect(memory.verify()).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });

  it('keeps every byte while heat moves values between memory and file', async () => {
    await using memory = await openFile({ verify: true });
    const sizes = [10, 1000, 70_000, 1_200_000, 3_000_000];
    const value = (key: number) => new Uint8Array(sizes[key % sizes.length]).fill(key + 1);
    for (let key = 0; key < 40; key++) await memory.store(value(key), { key, ...onFile });
    let moved = 0;
    for (let round = 0; round < 8; round++) {
      for (let key = round * 5; key < round * 5 + 5; key++) {
        for (let i = 0; i < 300; i++) memory.get(key)!.borrow();
      }
      moved += (await memory.optimizePlacement()).outcomes.moved;
    }
    expect(moved).toBeGreaterThan(20);
    const { checked, damaged } = await memory.verify();
    expect([checked, damaged]).toEqual([40, []]);
    for (let key = 0; key < 40; key++) {
      expect(isSame(memory.get<Uint8Array>(key)!.read(), value(key))).toBe(true);
    }
  });
});

describe('flushing', () => {
  it('is true of what lies on files alone', async () => {
    await using memory = await openFile();
    expect(await memory.flush()).toBe(true);
    await memory.store('on the file', { key: 'f', ...onFile });
    await memory.store(new Uint8Array(3_000_000), { key: 'large', ...onFile });
    expect(await memory.flush()).toBe(true);
    await memory.store('in memory', { key: 'm', tierHint: 'L1_DDR' });
    expect(await memory.flush()).toBe(false);
  });

  it('is refused when the memory is closed', async () => {
    const memory = await openFile();
    await memory.close();
    await expect(memory.flush()).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    expect(codeOf(() => memory.damage())).toBe('ERR_TIER_CLOSED');
  });
});

describe('options', () => {
  it('of a wrong type are refused by name', async () => {
    for (const options of [{ verify: 1 }, { onDamage: 'yes' }]) {
      await expect(TieredMemory.open(options as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
    await using memory = await openFile();
    await expect(memory.store('x', { verify: 'yes' as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  });
});
