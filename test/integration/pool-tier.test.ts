/** A pool as a tier: memory of its own for one process on a device that others share. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CxlMemoryPool, TieredMemory } from '../../lib/index.ts';

const MiB = 2 ** 20;
const poolBytes = 64 * MiB;

let folder: string;
let path: string;
let pool: CxlMemoryPool;

beforeEach(async () => {
  folder = mkdtempSync('/dev/shm/memory-tiers-test-');
  path = join(folder, 'pool');
  pool = await CxlMemoryPool.open({ devices: [path], capacityBytes: poolBytes });
});

afterEach(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

const tierOn = (capacityBytes: number) =>
  ({ name: 'L2_CXL', backends: [{ kind: 'pool', path, capacityBytes }] }) as const;

const openMemory = (capacityBytes: number): Promise<TieredMemory> =>
  TieredMemory.open({
    tiers: [{ name: 'L1_DDR', capacityBytes: 4 * MiB, kind: 'simulated' }, tierOn(capacityBytes)],
    background: false,
  });

const payloadOf = (i: number, bytes = 50_000): Uint8Array => new Uint8Array(bytes).fill(i + 1);

const isSame = (value: Uint8Array | undefined, other: Uint8Array): boolean =>
  value !== undefined && Buffer.compare(value, other) === 0;

/** A process whose memory fills `capacityBytes` of the pool; it stays until it is killed. */
async function processWithTier(capacityBytes: number): Promise<ChildProcess> {
  const source = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    const { TieredMemory } = await import(${JSON.stringify(source)});
    const memory = await TieredMemory.open({ tiers: [${JSON.stringify(tierOn(capacityBytes))}], background: false });
    const region = memory.allocate(Uint8Array, ${capacityBytes});
    region.view.fill(0xff);
    globalThis.kept = { memory, region }; // else the collector gives it back
    console.log(memory.stats().tiers[0].usedBytes);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(child.stdout, 'data');
  expect(Number(said)).toBe(capacityBytes);
  return child;
}

describe('a tier on a pool', () => {
  it('holds values and regions beside those of the pool, and gives all back when it closes', async () => {
    await pool.put('shared', payloadOf(99));
    const free = pool.stats().freeBytes;
    const memory = await openMemory(32 * MiB);
    expect(memory.tiers[1]).toMatchObject({ name: 'L2_CXL', kind: 'simulated' });
    expect(memory.limits.map(({ reason }) => reason)).toContain(
      `Its pool lies on ${path}, no devdax device`,
    );
    for (let i = 0; i < 200; i++) memory.storeSync(payloadOf(i), { key: i, tierHint: 'L2_CXL' });
    const region = memory.allocate(Float64Array, MiB, { tierHint: 'L2_CXL' });
    expect(region.view.every((x) => x === 0)).toBe(true);
    region.view.fill(2.5);
    expect(pool.stats().freeBytes).toBeLessThan(free - 16 * MiB);
    expect(pool.members().length).toBe(2);
    for (let i = 0; i < 200; i++) {
      expect(isSame(memory.get<Uint8Array>(i)?.read(), payloadOf(i))).toBe(true);
    }
    expect(memory.get(0)?.tier).toBe('L2_CXL');
    expect((await pool.check()).findings).toEqual([]);
    expect(region.view.every((x) => x === 2.5)).toBe(true);
    await memory.close();
    expect(pool.stats().freeBytes).toBe(free);
    expect(pool.members().length).toBe(1);
    expect(isSame(pool.get<Uint8Array>('shared'), payloadOf(99))).toBe(true);
  });

  it('takes part in migration, both ways', async () => {
    const memory = await openMemory(32 * MiB);
    for (let i = 0; i < 300; i++) memory.storeSync(payloadOf(i), { key: i, tierHint: 'L2_CXL' });
    const region = memory.allocate(Uint32Array, (2 * MiB) / 4, { tierHint: 'L1_DDR' });
    region.view.forEach((_, i) => {
      region.view[i] = i;
    });
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 400; n++) for (let i = 0; i < 20; i++) memory.get(i)?.borrow();
      await memory.optimizePlacement();
    }
    expect(memory.get(3)?.tier).toBe('L1_DDR');
    for (let n = 0; n < 4000; n++) for (let i = 100; i < 130; i++) memory.get(i)?.borrow();
    for (let round = 0; round < 5; round++) await memory.optimizePlacement();
    expect(memory.stats().migration.bytesMoved).toBeGreaterThan(MiB);
    for (let i = 0; i < 300; i++) {
      expect(isSame(memory.get<Uint8Array>(i)?.read(), payloadOf(i))).toBe(true);
    }
    expect(region.view.every((word, i) => word === i)).toBe(true);
    await memory.close();
  });

  it('of a process that is killed is free for whoever needs the room', async () => {
    const free = pool.stats().freeBytes;
    const child = await processWithTier(48 * MiB);
    const large = new Uint8Array(30 * MiB).fill(7);
    await expect(pool.put('large', large)).rejects.toMatchObject({ code: 'ERR_TIER_FULL' });
    await expect(openMemory(48 * MiB).then((memory) => memory.close())).resolves.toBe(undefined);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await pool.put('large', large);
    expect(isSame(pool.get<Uint8Array>('large'), large)).toBe(true);
    expect(pool.members().length).toBe(1);
    pool.delete('large');
    await pool.maintain();
    expect(pool.stats().freeBytes).toBe(free);
  });

  it('that is full is an error, and values are not lost to it', async () => {
    await pool.put('shared', new Uint8Array(40 * MiB));
    const memory = await TieredMemory.open({ tiers: [tierOn(48 * MiB)], background: false });
    expect(() => memory.allocate(Uint8Array, 32 * MiB)).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_FULL' }),
    );
    const region = memory.allocate(Uint8Array, 16 * MiB);
    region.view.fill(3);
    expect(isSame(pool.get<Uint8Array>('shared'), new Uint8Array(40 * MiB))).toBe(true);
    await memory.close();
  });

  it('needs a pool that is there', async () => {
    const backends = [{ kind: 'pool', path: join(folder, 'none'), capacityBytes: MiB }] as const;
    await expect(
      TieredMemory.open({ tiers: [{ name: 'L2_CXL', backends }] }),
    ).rejects.toMatchObject({ code: 'ERR_TIER_UNAVAILABLE', tier: 'L2_CXL' });
  });
});

describe('data of a private memory', () => {
  it('is published with its type, whatever its size and tier', async () => {
    const memory = await openMemory(32 * MiB);
    const data = [
      'some text, ünïcode',
      new Float64Array([1.5, -2]),
      new Uint8Array(0),
      new Uint8Array([1, 2, 3]).buffer,
      new Int16Array(2 * MiB).fill(513),
    ];
    for (const [i, value] of data.entries()) {
      await memory.store(value, { key: i, tierHint: i % 2 === 0 ? 'L2_CXL' : 'L1_DDR' });
      expect(await memory.publish(i, pool, { as: `value ${i}` })).toBeGreaterThan(0);
    }
    await memory.close();
    for (const [i, value] of data.entries()) {
      const got = pool.get(`value ${i}`);
      expect(got?.constructor).toBe(value.constructor);
      if (i < 4) expect(got).toEqual(value);
      else expect((got as Int16Array).every((word) => word === 513)).toBe(true);
    }
  });

  it('is published under its own key, and only to what is expected there', async () => {
    const memory = await openMemory(8 * MiB);
    memory.storeSync('first', { key: 'k' });
    const version = await memory.publish('k', pool, { ifAbsent: true });
    memory.storeSync('second', { key: 'k' });
    expect(pool.get('k')).toBe('first');
    expect(await memory.publish('k', pool, { ifAbsent: true })).toBeUndefined();
    expect(pool.get('k')).toBe('first');
    expect(await memory.publish('k', pool, { ifVersion: version as number })).toBeGreaterThan(0);
    expect(pool.get('k')).toBe('second');
    await expect(memory.publish('none', pool)).rejects.toThrow(RangeError);
    await memory.close();
  });
});
