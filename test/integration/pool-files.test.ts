import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TierError } from '../../lib/index.ts';
import { codeOf } from '../support/outcomes.ts';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();
const superblockBytes = 4096;

/** A pool with a few values, closed. */
async function make(): Promise<string> {
  const pool = await directory.open();
  for (let i = 0; i < 50; i++) pool.putSync(`k${i}`, Buffer.alloc(5000, i));
  await pool.close();
  return directory.path();
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

async function refused(options: Parameters<typeof directory.open>[0] = {}): Promise<TierError> {
  try {
    await directory.open({ create: false, ...options });
  } catch (error) {
    return error as TierError;
  }
  throw new Error('it was opened');
}

describe('opening a pool', () => {
  it('refuses what is none, and leaves it as it is', async () => {
    const path = directory.path();
    const letter = Buffer.alloc(100_000, 'dear reader, ');
    writeFileSync(path, letter);
    expect(await refused()).toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      hint: expect.any(String),
    });
    await expect(directory.open({ create: true })).rejects.toMatchObject({ code: 'ERR_TIER_BUSY' });
    expect(readFileSync(path).equals(letter)).toBe(true);
    const pool = await directory.open({ create: true, overwrite: true });
    pool.putSync('k', 'v');
    await expect(directory.open({ create: true, overwrite: true })).rejects.toMatchObject({
      code: 'ERR_TIER_BUSY',
    });
    expect(pool.get('k')).toBe('v');
    await pool.close();
    await expect(directory.open({ create: true })).rejects.toMatchObject({
      code: 'ERR_TIER_BUSY',
      hint: expect.stringMatching(/create: false/),
    });
    expect((await directory.open()).get('k')).toBe('v');
  });

  it('refuses what is missing, a folder, a device, an empty file and one too small', async () => {
    expect((await refused()).code).toBe('ERR_TIER_UNAVAILABLE');
    expect((await refused({ devices: ['/dev/shm'] })).code).toBe('ERR_TIER_UNAVAILABLE');
    expect((await refused({ devices: ['/dev/null'] })).code).toBe('ERR_TIER_UNAVAILABLE');
    expect((await refused({ devices: ['/nowhere/pool'] })).code).toBe('ERR_TIER_UNAVAILABLE');
    writeFileSync(directory.path(), '');
    expect((await refused()).code).toBe('ERR_TIER_UNAVAILABLE');
    await expect(directory.open({ capacityBytes: '1MiB' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    await expect(directory.open({ capacityBytes: '1TiB' })).rejects.toMatchObject({
      code: 'ERR_TIER_FULL',
    });
    expect((await directory.open()).has('k')).toBe(false);
  });

  it('refuses one whose creation was interrupted, until it is created again', async () => {
    const path = await make();
    // The magic words are stored last.
    for (const copy of [0, superblockBytes]) overwrite(path, copy, Buffer.alloc(8));
    const error = await refused();
    expect(error).toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      hint: expect.stringMatching(/overwrite/),
    });
    expect((await directory.open({ create: true, overwrite: true })).has('k1')).toBe(false);
  });

  it('refuses one of another version, by name', async () => {
    const path = await make();
    for (const copy of [0, superblockBytes]) overwrite(path, copy + 8, Buffer.from([99, 0, 0, 0]));
    const error = await refused();
    expect(['ERR_TIER_UNAVAILABLE', 'ERR_TIER_LOST']).toContain(error.code);
    expect(error.hint).toBeTypeOf('string');
  });

  it('refuses one that was cut off', async () => {
    const path = await make();
    truncateSync(path, 3 * 1024 * 1024);
    expect(await refused()).toMatchObject({ code: 'ERR_TIER_LOST', hint: expect.any(String) });
    truncateSync(path, 5000);
    expect(await refused()).toBeInstanceOf(Error);
  });

  it('uses the copy of a superblock that is damaged, and repairs it', async () => {
    const path = await make();
    overwrite(path, 100, Buffer.alloc(50, 0xff));
    const pool = await directory.open({ create: false });
    expect((pool.get('k7') as Buffer)[4999]).toBe(7);
    expect((await pool.check()).clean).toBe(false);
    expect(await pool.repair()).toMatchObject({ lost: 0, check: { clean: true } });
    expect((pool.get('k7') as Buffer)[4999]).toBe(7);
  });
});

describe('a damaged pool', () => {
  it('never returns a damaged value, names it, and is sound once it is put again', async () => {
    const path = await make();
    const at = readFileSync(path).indexOf(Buffer.alloc(5000, 23));
    overwrite(path, at + 1234, Buffer.from('rubbish'));
    const pool = await directory.open();
    for (const read of [() => pool.get('k23'), () => pool.borrow('k23')]) {
      expect(read).toThrow(
        expect.objectContaining({ code: 'ERR_TIER_LOST', hint: expect.any(String) }),
      );
    }
    await expect(pool.fetch('k23')).rejects.toMatchObject({ code: 'ERR_TIER_LOST' });
    const check = await pool.check();
    expect(check).toMatchObject({ clean: false, damages: 1 });
    expect(check.findings[0]).toEqual(expect.any(String));
    expect((pool.get('k22') as Buffer)[0]).toBe(22);
    pool.putSync('k23', 'anew');
    expect(pool.get('k23')).toBe('anew');
    await pool.maintain();
    expect((await pool.check()).clean).toBe(true);
  });

  it('serves the other copy, and makes the first one again', async () => {
    const devices = [directory.path('left'), directory.path('right')];
    const pool = await directory.open({ devices, replicas: 2 });
    for (let i = 0; i < 20; i++) pool.putSync(`k${i}`, Buffer.alloc(5000, i + 100));
    await pool.close();
    for (let i = 0; i < 20; i++) {
      const path = devices[i % 2];
      const at = readFileSync(path).indexOf(Buffer.alloc(5000, i + 100));
      expect(at).toBeGreaterThan(0);
      overwrite(path, at + 99, Buffer.from('rubbish'));
    }
    const again = await directory.open({ devices });
    expect((await again.check()).damages).toBe(20);
    for (let i = 0; i < 20; i++) {
      expect((again.get(`k${i}`) as Buffer).equals(Buffer.alloc(5000, i + 100))).toBe(true);
    }
    expect(await again.scrub()).toMatchObject({ lost: 0 });
    expect((await again.check()).damages).toBe(0);
    expect(again.stats().own.failedOver).toBeGreaterThan(0);
  });

  it('goes on without a device that is gone, once somebody says so', async () => {
    const devices = [directory.path('left'), directory.path('right')];
    const pool = await directory.open({ devices });
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    for (const key of keys) pool.putSync(key, key);
    truncateSync(devices[1], 0);
    const lost = keys.filter((key) => codeOf(() => pool.get(key)) === 'ERR_TIER_LOST');
    expect(lost.length).toBeGreaterThan(0);
    await pool.declareLost(1);
    expect(pool.stats().devices[1].state).toBe('lost');
    for (const key of keys) expect(pool.get(key)).toBe(lost.includes(key) ? undefined : key);
    for (const key of lost) pool.putSync(key, 'anew');
    expect((await pool.check()).clean).toBe(true);
  });

  it('is mended, with what could not be saved named', async () => {
    const path = await make();
    const image = readFileSync(path);
    // Headers of two objects: their keys cannot be read any more.
    for (const seed of [3, 4]) {
      const at = image.indexOf(Buffer.alloc(5000, seed));
      overwrite(path, at - 128, Buffer.alloc(64, 0xee));
    }
    const pool = await directory.open();
    expect((await pool.check()).clean).toBe(false);
    const repair = await pool.repair();
    expect(repair.lost).toBe(2);
    expect(repair.check.clean).toBe(true);
    expect([...pool.keys()]).toHaveLength(48);
    expect(pool.has('k3')).toBe(false);
    expect(pool.putSync('k3', 'anew')).toBeGreaterThan(0);
  });
});
