import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { CxlMemoryPool } from '../../lib/index.ts';
import type { PoolConfig } from '../../lib/pool/pool-binding.ts';
import { checkPoolOpen } from '../../lib/pool/pool-options.ts';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();
const fixture = fileURLToPath(new URL('../fixtures/pool-member.js', import.meta.url));

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});

/** Makes the place of a member somebody else's, as who recovers it for another host does. */
function takeOver(index: number): void {
  // Superblock, set table, a copy of each, a line; entries of 128 bytes (native/pool/layout.h).
  const offset = 4 * 4096 + 64 + index * 128;
  const file = openSync(directory.path(), 'r+');
  const word = Buffer.alloc(8);
  readSync(file, word, 0, 8, offset);
  word.writeBigUInt64LE(word.readBigUInt64LE() + 65_536n);
  writeSync(file, word, 0, 8, offset);
  closeSync(file);
}

/** How members in processes and threads of their own open the pool. */
function config(): PoolConfig {
  return checkPoolOpen({ devices: [directory.path()], create: false, missingDevices: 'refuse' });
}

function start(deed: string): ChildProcess {
  const child = fork(fixture, [JSON.stringify({ config: config(), deed })]);
  children.push(child);
  return child;
}

/** What a child says next; an error if it ends before. */
async function message(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const end = (): void => ended.abort(new Error('the child ended by itself'));
  child.once('exit', end);
  try {
    const [said] = await once(child, 'message', { signal: ended.signal });
    return said;
  } finally {
    child.off('exit', end);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  expect((await ended)[1]).toBe('SIGKILL');
}

/** Writes to what is free, several times over: what is in use must not be among it. */
function useAllRoom(pool: CxlMemoryPool): void {
  for (let i = 0; i < 1200; i++) {
    try {
      pool.putSync(`fill${i % 60}`, Buffer.alloc(20_000, i));
    } catch (error) {
      // Others may have it all just now.
      expect(error).toMatchObject({ code: 'ERR_TIER_FULL' });
    }
  }
}

function soundValues(pool: CxlMemoryPool): number {
  let values = 0;
  for (const key of [...pool.keys()].filter((name) => /^c\d/.test(name))) {
    const bytes = pool.get<Uint8Array>(key);
    if (bytes === undefined) continue;
    expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
    values++;
  }
  return values;
}

describe('members of a pool', () => {
  it('that are killed leave what they held and owned to the others', async () => {
    const pool = await directory.open();
    pool.putSync('held', 'as it was');
    const region = await pool.allocate('region', Int32Array, 10);
    const child = start('hold');
    expect(await message(child)).toEqual({ seen: 'as it was' });
    expect(region.view[0]).toBe(42);
    expect(pool.members()).toHaveLength(2);
    expect(pool.members().find(({ self }) => !self)).toMatchObject({
      process: child.pid,
      alive: true,
      sameHost: true,
      held: 2,
    });
    pool.delete('held');
    useAllRoom(pool);
    await kill(child);
    expect(pool.members().find(({ self }) => !self)?.alive ?? false).toBe(false);
    expect(await pool.maintain()).toBe(1);
    expect(await pool.maintain()).toBe(0);
    expect(pool.members()).toMatchObject([{ self: true, held: 1 }]);
    expect(region.view[0]).toBe(42);
    expect((await pool.check()).damages).toBe(0);
  });

  it('that were declared dead are told so and lose what they leased, and can come back', async () => {
    const pool = await directory.open();
    pool.putSync('k', 'v');
    const lease = pool.borrow('k');
    expect(pool.members()).toMatchObject([{ self: true, suspect: false }]);
    const view = lease?.view;
    takeOver(0);
    expect(() => pool.get('k')).toThrow(expect.objectContaining({ code: 'ERR_TIER_CLOSED' }));
    expect(view).toHaveLength(0);
    expect(() => lease?.view).toThrow(expect.objectContaining({ code: 'ERR_TIER_CLOSED' }));
    expect(pool.closed).toBe(true);
    const again = await directory.open();
    expect(again.get('k')).toBe('v');
    expect(again.members()).toHaveLength(1);
    expect((await again.check()).damages).toBe(0);
  });

  it('that are killed in the middle of anything damage nothing and leak nothing', async () => {
    const pool = await directory.open({ capacityBytes: '32MiB' });
    const empty = pool.stats().freeBytes;
    let kills = 0;
    let counted = 0;
    for (let round = 0; round < 6; round++) {
      const working = [start('churn'), start('churn')];
      await Promise.all(working.map(message));
      await sleep(round * 7);
      // The survivors work on: each other, and this process.
      await kill(working[0]);
      kills++;
      useAllRoom(pool);
      await message(working[1]);
      await kill(working[1]);
      kills++;
      const count = pool.add('count', 0);
      expect(count).toBeGreaterThan(counted);
      counted = count;
      await pool.maintain();
      expect(soundValues(pool)).toBeGreaterThan(0);
      expect(await pool.check()).toMatchObject({ damages: 0, findings: [] });
    }
    expect(kills).toBe(12);
    for (const key of [...pool.keys()]) pool.delete(key);
    for (let i = 0; i < 5; i++) await pool.maintain();
    expect(pool.members()).toMatchObject([{ self: true, held: 0 }]);
    // Extents of the dead are taken over when room is needed: all of it can be had.
    const whole = Math.floor(empty / 2 ** 21) * 2 ** 21 - 1000;
    expect(pool.putSync('all', Buffer.alloc(whole))).toBeGreaterThan(0);
  });

  it('share one value between processes without copying it', async () => {
    const pool = await directory.open();
    const child = start('churn');
    await message(child);
    let seen = 0;
    for (let i = 0; i < 2000; i++) {
      using lease = pool.borrow<Uint8Array>(`c${i % 40}`);
      if (lease === undefined) continue;
      const before = lease.view[0];
      seen++;
      expect(lease.view.every((byte) => byte === before)).toBe(true);
    }
    expect(seen).toBeGreaterThan(100);
    await kill(child);
  });

  it('may be threads, and be terminated in the middle of anything', async () => {
    const pool = await directory.open({ capacityBytes: '32MiB' });
    const progress = new Int32Array(new SharedArrayBuffer(4));
    const mappingsBefore = mappings();
    for (let round = 0; round < 8; round++) {
      const before = Atomics.load(progress, 0);
      const workerData = { config: config(), deed: 'churn', progress };
      const workers = [0, 1].map(() => new Worker(fixture, { workerData }));
      const errors: Error[] = [];
      for (const worker of workers) worker.on('error', (error) => errors.push(error));
      while (Atomics.load(progress, 0) < before + 200 && errors.length === 0) await sleep(1);
      await sleep(round % 4);
      await Promise.all(workers.map((worker) => worker.terminate()));
      expect(errors).toEqual([]);
      expect(Atomics.load(progress, 0)).toBeGreaterThan(before);
      // They have left, and need nobody to recover them.
      expect(pool.members()).toHaveLength(1);
    }
    expect(soundValues(pool)).toBeGreaterThan(0);
    expect((await pool.check()).damages).toBe(0);
    expect(mappings()).toBeLessThan(mappingsBefore + 16);
  });

  it('find out by themselves that others have died', async () => {
    const pool = await directory.open({ maintainMs: 20 });
    pool.putSync('held', 'x');
    await pool.allocate('region', Int32Array, 10);
    const child = start('hold');
    await message(child);
    await kill(child);
    for (let i = 0; i < 500 && pool.members().length > 1; i++) await sleep(10);
    expect(pool.members()).toHaveLength(1);
  });

  it('hear of changes that other processes make', async () => {
    const pool = await directory.open();
    const watch = pool.watch('c7');
    const child = start('churn');
    const changes = [await watch.next(), await watch.next()].map(({ value }) => value.version);
    await watch.return?.();
    expect(changes[0]).not.toBe(changes[1]);
    await kill(child);
  });

  it('reclaim others where there is no place for one more', async () => {
    const pool = await directory.open({ maxMembers: 2 });
    await directory.open({ maxMembers: 2 });
    await expect(directory.open()).rejects.toMatchObject({ code: 'ERR_TIER_FULL' });
    expect(await pool.reclaim('0123456789abcdef')).toBe(0);
    await expect(pool.reclaim(pool.members()[0].boot)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
});

/** Of the pool's file. */
function mappings(): number {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes(directory.path())).length;
}
