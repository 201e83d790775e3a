import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TieredMemory } from '../../lib/index.ts';

const tiers = [
  { name: 'L1_DDR', capacityBytes: '32MiB' },
  { name: 'L4_NVME', capacityBytes: '32MiB' },
] as const;

let folder: string;
let path: string;
let memory: TieredMemory;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'memory-tiers-checkpoint-'));
  path = join(folder, 'agent.checkpoint');
  memory = await TieredMemory.open({ tiers, background: false });
});
afterEach(async () => {
  await memory.close();
  rmSync(folder, { recursive: true });
});

/** What a fresh memory has after restoring. */
async function restored(): Promise<TieredMemory> {
  await memory.close();
  memory = await TieredMemory.open({ tiers, background: false });
  await memory.restore(path);
  return memory;
}

describe('a checkpoint of a memory', () => {
  it('brings back keys, types, tiers, verification and every byte', async () => {
    const large = Float32Array.from({ length: 700_000 }, (_, i) => i);
    memory.storeSync('the sky is blue', { key: 'fact', tierHint: 'L4_NVME' });
    memory.storeSync(new Uint16Array([1, 2, 3]), { key: 42, tierHint: 'L1_DDR', verify: true });
    memory.storeSync(new ArrayBuffer(10), { key: 'empty' });
    memory.storeSync('', { key: 'nothing' });
    await memory.store(large, { key: 'large', tierHint: 'L4_NVME', verify: true });
    await memory.store(large, { tierHint: 'L1_DDR' });
    memory.allocate(Uint8Array, 100);
    const report = await memory.checkpoint(path);
    expect(report).toEqual({ objects: 5, bytes: expect.any(Number), damaged: [] });

    await restored();
    expect([...memory.keys()].toSorted()).toEqual([42, 'empty', 'fact', 'large', 'nothing']);
    expect(memory.get('fact')).toMatchObject({ type: 'string', tier: 'L4_NVME' });
    expect(memory.get('fact')?.read()).toBe('the sky is blue');
    expect(memory.get(42)?.read()).toEqual(new Uint16Array([1, 2, 3]));
    expect(memory.get('empty')?.read()).toEqual(new ArrayBuffer(10));
    expect(memory.get('nothing')?.read()).toBe('');
    expect(memory.get('large')?.tier).toBe('L4_NVME');
    const back = memory.get<Float32Array>('large')!.read();
    expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(large.buffer))).toBe(0);
    expect((await memory.verify()).checked).toBe(2);
  });

  it('counts as no access: what was cold stays cold', async () => {
    for (let i = 0; i < 100; i++) memory.storeSync(`value ${i}`, { key: i });
    const { accesses } = memory.stats();
    await memory.checkpoint(path);
    expect(memory.stats().accesses).toBe(accesses);
    expect(memory.stats().leases).toBe(0);
  });

  it('goes on while values are stored, changed and deleted, and each value in it is whole', async () => {
    const bytes = (i: number, version: number) =>
      new Uint8Array(100 + ((i * 977) % 5000)).fill((i + version) & 0xff);
    for (let i = 0; i < 2000; i++) memory.storeSync(bytes(i, 0), { key: i });
    const done = memory.checkpoint(path);
    let version = 0;
    const changing = setInterval(() => {
      version++;
      for (let i = 0; i < 2000; i += 7) memory.storeSync(bytes(i, version), { key: i });
      memory.delete(version);
    }, 0);
    const { objects } = await done;
    clearInterval(changing);
    expect(version).toBeGreaterThan(0);
    await restored();
    // A key that got a new object meanwhile can be there twice.
    expect(memory.size).toBeLessThanOrEqual(objects);
    expect(memory.size).toBeGreaterThan(1900);
    for (const key of memory.keys()) {
      const value = memory.get<Uint8Array>(key)?.read() as Uint8Array;
      expect(new Set(value).size).toBe(1);
      expect(value).toHaveLength(100 + (((key as number) * 977) % 5000));
    }
  });

  it('holds a large value in place while it is written, and lets it go', async () => {
    const value = new Uint8Array(8 * 2 ** 20).fill(1);
    await memory.store(value, { key: 'large', tierHint: 'L1_DDR' });
    const done = memory.checkpoint(path);
    await new Promise(setImmediate);
    memory.storeSync(new Uint8Array(8 * 2 ** 20).fill(2), { key: 'large' });
    await done;
    expect(memory.stats().leases).toBe(0);
    await restored();
    const kept = memory.get<Uint8Array>('large')?.read() as Uint8Array;
    expect(kept.every((byte) => byte === kept[0])).toBe(true);
  });

  it('misses no key whose value is replaced by one of another type meanwhile', async () => {
    for (let i = 0; i < 20_000; i++) memory.storeSync('a string', { key: i });
    const done = memory.checkpoint(path);
    await new Promise(setImmediate);
    memory.delete(0);
    for (let i = 19_000; i < 20_000; i++) memory.storeSync(new Uint8Array(3), { key: i });
    await done;
    await restored();
    const missing = Array.from({ length: 20_000 }, (_, i) => i).filter((i) => !memory.has(i));
    expect(missing.filter((key) => key !== 0)).toEqual([]);
  });

  it('can be restored though a value was written through a lease meanwhile', async () => {
    const value = new Uint8Array(8 * 2 ** 20);
    for (const key of ['a', 'b', 'c']) await memory.store(value, { key, tierHint: 'L4_NVME' });
    const lease = memory.get<Uint8Array>('b')!.lease({ write: true });
    const writing = setInterval(() => {
      for (let at = 0; at < value.length; at += 4096) lease.view[at]++;
    }, 0);
    await memory.checkpoint(path);
    clearInterval(writing);
    expect(lease.view[0]).toBeGreaterThan(0);
    lease[Symbol.dispose]();
    await restored();
    expect(memory.size).toBe(3);
  });

  it('leaves out what is damaged, and says so', async () => {
    for (let i = 0; i < 10; i++) {
      memory.storeSync(new Uint8Array(1000).fill(i), { key: i, verify: true });
    }
    memory.get<Uint8Array>(4)!.borrow()[500] = 99;
    const { objects, damaged } = await memory.checkpoint(path);
    expect(objects).toBe(9);
    expect(damaged).toEqual([expect.objectContaining({ key: 4, cause: 'corrupt' })]);
    await restored();
    expect(memory.has(4)).toBe(false);
  });

  it('leaves nothing behind when the memory is closed meanwhile', async () => {
    for (let i = 0; i < 5000; i++) memory.storeSync(new Uint8Array(2000), { key: i });
    const done = memory.checkpoint(path);
    await memory.close();
    await expect(done).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('replaces what is under its keys and leaves the rest', async () => {
    memory.storeSync('old', { key: 'a' });
    await memory.checkpoint(path);
    memory.storeSync('new', { key: 'a' });
    memory.storeSync('other', { key: 'b' });
    expect(await memory.restore(path)).toEqual({ objects: 1, bytes: 3 });
    expect([memory.get('a')?.read(), memory.get('b')?.read()]).toEqual(['old', 'other']);
  });

  it('says what is wrong with a path', async () => {
    await expect(memory.checkpoint('')).rejects.toThrow(TypeError);
    await expect(memory.restore(7 as never)).rejects.toThrow(TypeError);
    await expect(memory.restore(join(folder, 'none'))).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
    });
    await memory.close();
    await expect(memory.checkpoint(path)).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    await expect(memory.restore(path)).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });
});
