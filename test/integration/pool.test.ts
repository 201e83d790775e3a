import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CxlMemoryPool, PoolLease, type StoredData } from '../../lib/index.ts';
import { codeOf } from '../support/outcomes.ts';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();
const gc = (globalThis as { gc?: () => void }).gc as () => void;

describe('a pool', () => {
  it('gives back what was put, of the type that it was', async () => {
    const pool = await directory.open();
    const values: StoredData[] = [
      new Uint8Array([1, 2]),
      new Uint8ClampedArray([3]),
      new Int8Array([-1]),
      new Uint16Array([500]),
      new Int16Array([-500]),
      new Uint32Array([2 ** 31]),
      new Int32Array([-5]),
      new Float32Array([0.5]),
      new Float64Array([Math.PI, Number.NaN]),
      new BigInt64Array([-5n]),
      new BigUint64Array([2n ** 63n]),
      new DataView(new Uint8Array([9, 8, 7]).buffer, 1),
      new Uint8Array([4, 5]).buffer,
      Buffer.from('bytes'),
      'Zeichen — 字 \u{1f600}',
      '',
      new Uint8Array(0),
      new Float64Array(0),
      new ArrayBuffer(0),
      Buffer.alloc(100_000, 'long '),
      'x'.repeat(2_000_000),
      new Float32Array(600_000).fill(1.5),
      new Uint8Array(new SharedArrayBuffer(4)).fill(6),
    ];
    for (const [i, value] of values.entries()) {
      const version = await pool.put(`v${i}`, value);
      expect(version).toBeGreaterThan(0);
      const name = value.constructor.name;
      for (const read of [pool.get(`v${i}`), await pool.fetch(`v${i}`)]) {
        expect(read?.constructor.name).toBe(name);
        expect(same(read as StoredData, value)).toBe(true);
      }
      using lease = pool.borrow(`v${i}`);
      expect(same(lease?.view as StoredData, value)).toBe(true);
      expect(lease?.version).toBe(version);
    }
    expect([...pool.keys()].sort()).toEqual(values.map((_, i) => `v${i}`).sort());
    expect((await pool.check()).clean).toBe(true);
  });

  it('changes a key only as the caller says', async () => {
    const pool = await directory.open();
    const first = pool.putSync('k', 'one', { ifAbsent: true }) as number;
    expect(pool.putSync('k', 'two', { ifAbsent: true })).toBeUndefined();
    expect(pool.compareAndSet('k', first + 1, 'two')).toBeUndefined();
    expect(pool.delete('k', { ifVersion: first + 1 })).toBe(false);
    const second = pool.compareAndSet('k', first, 'two') as number;
    expect(second).toBeGreaterThan(first);
    expect(pool.getEntry('k')).toEqual({ value: 'two', version: second, kind: 'value' });
    expect(await pool.put('k', Buffer.alloc(2_000_000), { ifVersion: first })).toBeUndefined();
    expect(pool.delete('k', { ifVersion: second })).toBe(true);
    expect([pool.get('k'), pool.has('k'), pool.versionOf('k'), pool.borrow('k')]).toEqual([
      undefined,
      false,
      undefined,
      undefined,
    ]);
    expect(await pool.fetch('k')).toBeUndefined();
  });

  it('updates by what is there, however many do it at once', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    let calls = 0;
    for (let i = 0; i < 50; i++) {
      a.update<string>('log', (log = '', version) => {
        calls++;
        // Somebody else is faster now and then.
        if (i % 5 === 0 && !log.endsWith('b')) b.putSync('log', `${log}b`);
        expect(version).toBeGreaterThanOrEqual(0);
        return `${log}a`;
      });
    }
    const log = a.get<string>('log') as string;
    expect(log.replaceAll('b', '')).toBe('a'.repeat(50));
    expect(log.replaceAll('a', '')).toBe('b'.repeat(10));
    expect(calls).toBe(60);
    expect(a.update('log', () => undefined)).toBe(a.versionOf('log'));
    expect(a.get('log')).toBe(log);
    expect(a.update('none', () => undefined)).toBeUndefined();
  });

  it('counts, and says so to all', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    expect(a.add('hits')).toBe(1);
    expect(b.add('hits', 41)).toBe(42);
    expect(a.add('hits', -50n)).toBe(-8n);
    expect(a.get<bigint>('hits')).toBe(-8n);
    expect(await b.fetch<bigint>('hits')).toBe(-8n);
    expect(a.add('huge', 2n ** 62n)).toBe(2n ** 62n);
    a.putSync('text', 'x');
    expect(codeOf(() => a.add('text'))).toBe('ERR_INVALID_ARG_VALUE');
    expect(codeOf(() => a.borrow('hits'))).toBe('ERR_INVALID_ARG_VALUE');
    expect(codeOf(() => a.update('hits', () => 'x'))).toBe('ERR_INVALID_ARG_VALUE');
    expect(a.add('hits', 0)).toBe(-8);
  });

  it('leases values that stay as they were, and takes them back', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    a.putSync('k', new Float64Array([1, 2, 3]));
    const lease = b.borrow<Float64Array>('k') as PoolLease<Float64Array>;
    a.putSync('k', new Float64Array([4]));
    a.delete('k');
    // Everything that is free is written to.
    for (let i = 0; i < 500; i++) a.putSync('k', new Float64Array(3).fill(i));
    expect([...lease.view]).toEqual([1, 2, 3]);
    const { view } = lease;
    lease.dispose();
    expect(view.length).toBe(0);
    expect(codeOf(() => lease.view)).toBe('ERR_TIER_CLOSED');
    lease.dispose();
    const open = b.borrow('k') as PoolLease;
    expect(b.stats().own).toMatchObject({ leases: 1, held: 1 });
    await b.close();
    expect(codeOf(() => open.view)).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => b.get('k'))).toBe('ERR_TIER_CLOSED');
    open.dispose();
    expect(a.members()).toMatchObject([{ self: true, held: 0 }]);
  });

  it('takes back leases that were forgotten', async () => {
    const pool = await directory.open();
    pool.putSync('k', new Uint8Array(100_000));
    for (let i = 0; i < 50; i++) pool.borrow('k');
    expect(pool.stats().own.leases).toBe(50);
    for (let i = 0; i < 50 && pool.stats().own.leases > 0; i++) {
      gc();
      await sleep(5);
    }
    expect(pool.stats().own).toMatchObject({ leases: 0, held: 0 });
  });

  it('keeps what a program has moved to another buffer until that is unreachable', async () => {
    const pool = await directory.open();
    pool.putSync('k', new Uint8Array([1, 2, 3]));
    const lease = pool.borrow<Uint8Array>('k') as PoolLease<Uint8Array>;
    const buffer = lease.view.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
    if (buffer.transfer === undefined) return; // Node 20
    const moved = new Uint8Array(buffer.transfer());
    lease.dispose();
    await pool.close();
    expect([...moved]).toEqual([1, 2, 3]);
  });

  it('has regions that all members see at once', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    const mine = await a.allocate('counts', Int32Array, 1000);
    const theirs = await b.allocate('counts', Int32Array, 1000);
    expect([mine.created, theirs.created]).toEqual([true, false]);
    expect(mine.view.every((n) => n === 0)).toBe(true);
    Atomics.add(mine.view, 999, 5);
    expect(Atomics.add(theirs.view, 999, 1)).toBe(5);
    expect(mine.view[999]).toBe(6);
    expect(new Int32Array((a.get<Uint8Array>('counts') as Uint8Array).buffer)[999]).toBe(6);
    await expect(a.allocate('counts', Int32Array, 999)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
    a.putSync('text', 'x');
    await expect(a.allocate('text', Int32Array, 1)).rejects.toThrow(/no region/);
    a.delete('counts');
    theirs.view[0] = 7;
    expect(mine.view[0]).toBe(7);
    const { view } = mine;
    mine.dispose();
    expect([view.length, mine.disposed, codeOf(() => mine.view)]).toEqual([
      0,
      true,
      'ERR_TIER_CLOSED',
    ]);
    const again = await a.allocate('counts', Float64Array, 10);
    expect(again.created && again.view[0] === 0).toBe(true);
    await a.close();
    expect(again.disposed).toBe(true);
    again.dispose();
  });

  it('tells changes of a key to those who watch it', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    const abort = new AbortController();
    const seen: (number | null)[] = [];
    const watching = (async () => {
      for await (const { version } of b.watch('k', { signal: abort.signal })) seen.push(version);
    })();
    const until = async (done: () => boolean): Promise<void> => {
      for (let i = 0; i < 2000 && !done(); i++) await sleep(1);
      expect(done()).toBe(true);
    };
    const first = a.putSync('k', 'one');
    await until(() => seen.length === 1);
    a.putSync('other', 'x');
    a.delete('k');
    await until(() => seen.length === 2);
    expect(seen).toEqual([first, null]);
    abort.abort();
    await expect(watching).rejects.toThrow();
    const waiting = b.watch('k').next();
    await b.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });

  it('goes on with what is under way when it is closed', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    const put = a.put('big', Buffer.alloc(4_000_000, 1));
    const check = a.check();
    await a.close();
    expect(await put).toBeGreaterThan(0);
    expect((await check).damages).toBe(0);
    expect((b.get<Buffer>('big') as Buffer).every((byte) => byte === 1)).toBe(true);
    expect(b.members()).toHaveLength(1);
    await a.close();
  });

  it('is full at the end, and says so with nothing lost', async () => {
    const pool = await directory.open({ capacityBytes: '8MiB' });
    pool.putSync('keep', 'me');
    const room = pool.stats().freeBytes;
    let stored = 0;
    let error: unknown;
    for (; error === undefined && stored < 1000; stored++) {
      try {
        pool.putSync(`k${stored}`, new Uint8Array(60_000).fill(stored));
      } catch (full) {
        error = full;
        stored--;
      }
    }
    expect(error).toMatchObject({
      code: 'ERR_TIER_FULL',
      hint: expect.stringMatching(/addDevice/),
    });
    expect(stored * 60_000).toBeGreaterThan(room * 0.7);
    for (let i = 0; i < stored; i++) {
      expect((pool.get(`k${i}`) as Uint8Array)[59_999]).toBe(i & 0xff);
    }
    await expect(pool.put('large', Buffer.alloc(9_000_000))).rejects.toMatchObject({
      code: 'ERR_TIER_FULL',
    });
    expect(pool.get('keep')).toBe('me');
    for (let i = 0; i < stored; i++) pool.delete(`k${i}`);
    expect(pool.putSync('large', Buffer.alloc(1_500_000))).toBeGreaterThan(0);
    expect((await pool.check()).clean).toBe(true);
  });

  it('refuses more leases than it was made for, and goes on when some end', async () => {
    const pool = await directory.open({ maxHeld: 8 });
    for (let i = 0; i < 9; i++) pool.putSync(`k${i}`, new Uint8Array([i]));
    const leases = Array.from({ length: 8 }, (_, i) => pool.borrow(`k${i}`) as PoolLease);
    expect(() => pool.borrow('k8')).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_FULL', hint: expect.stringMatching(/maxHeld/) }),
    );
    expect(pool.borrow('k0')).toBeInstanceOf(PoolLease); // the same object needs no further hold
    leases[3].dispose();
    expect(pool.get('k8')).toEqual(new Uint8Array([8]));
  });

  it('has a quota for each member and room for so many', async () => {
    const pool = await directory.open({ maxMembers: 2, quotaBytes: '2MiB' });
    const other = await directory.open();
    const put = (into: CxlMemoryPool): unknown =>
      codeOf(() => {
        for (let i = 0; i < 4; i++) into.putSync(`q${i}`, Buffer.alloc(1_000_000));
      });
    expect(put(pool)).toBe('ERR_TIER_FULL');
    expect(put(other)).toBeUndefined();
    await expect(directory.open()).rejects.toMatchObject({
      code: 'ERR_TIER_FULL',
      hint: expect.stringMatching(/maxMembers/),
    });
    await other.close();
    expect((await directory.open()).members()).toHaveLength(2);
  });

  it('can only be read by who opens it so', async () => {
    const pool = await directory.open();
    pool.putSync('k', new Uint8Array([1, 2]));
    const reader = await directory.open({ readOnly: true });
    expect(reader.get('k')).toEqual(new Uint8Array([1, 2]));
    using lease = reader.borrow<Uint8Array>('k');
    expect([...(lease?.view ?? [])]).toEqual([1, 2]);
    expect([...reader.keys()]).toEqual(['k']);
    expect(reader.members()).toHaveLength(1);
    expect(reader.stats().readOnly).toBe(true);
    const codes = [
      codeOf(() => reader.putSync('k', 'x')),
      codeOf(() => reader.delete('k')),
      codeOf(() => reader.add('n')),
    ];
    expect(codes).toEqual(Array(3).fill('ERR_TIER_NO_PERMISSION'));
  });

  it('is repaired by one who has it alone', async () => {
    const [a, b] = [await directory.open(), await directory.open()];
    a.putSync('k', 'kept');
    await expect(a.repair()).rejects.toMatchObject({ code: 'ERR_TIER_BUSY' });
    await b.close();
    const lease = a.borrow('k');
    await expect(a.repair()).rejects.toMatchObject({ code: 'ERR_TIER_BUSY' });
    lease?.dispose();
    const repairing = a.repair();
    expect(codeOf(() => a.get('k'))).toBe('ERR_TIER_BUSY');
    expect(await repairing).toMatchObject({ lost: 0, check: { clean: true } });
    expect(a.get('k')).toBe('kept');
  });

  it('tells what it is made of, and that memory of this host is no CXL device', async () => {
    const pool = await directory.open({ name: 'scores' });
    expect(pool.stats()).toMatchObject({
      name: 'scores',
      kind: 'simulated',
      replicas: 1,
      coherence: 'hardware',
      devices: [{ path: directory.path(), medium: 'memory', state: 'good' }],
      limits: [{ what: `pool on ${directory.path()}`, reason: expect.stringMatching(/tmpfs/) }],
    });
    await expect(directory.open({ name: 'others' })).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      message: expect.stringMatching(/has the name "scores"/),
    });
    await expect(directory.open({ replicas: 2 })).rejects.toThrow(/has 1 replicas/);
  });

  it('keeps values on two devices, and serves them when one is lost', async () => {
    const devices = [directory.path('left'), directory.path('right')];
    const pool = await directory.open({ devices, replicas: 2 });
    for (let i = 0; i < 100; i++) pool.putSync(`k${i}`, `value ${i}`);
    await pool.declareLost(0);
    await pool.maintain();
    for (let i = 0; i < 100; i++) expect(pool.get(`k${i}`)).toBe(`value ${i}`);
    expect(pool.stats().devices[0].state).toBe('lost');
    await pool.addDevice(directory.path('third'));
    const scrub = await pool.scrub();
    expect(scrub).toMatchObject({ objects: 100, copied: 100, lost: 0, missingCopies: 0 });
    await pool.declareLost(1);
    for (let i = 0; i < 100; i++) expect(pool.get(`k${i}`)).toBe(`value ${i}`);
  });

  it('leaves no mapping and no descriptor behind', async () => {
    const count = (): number =>
      readFileSync('/proc/self/maps', 'latin1')
        .split('\n')
        .filter((line) => line.includes(directory.path())).length;
    for (let i = 0; i < 5; i++) {
      const pool = await directory.open();
      pool.putSync('k', 'x');
      await pool.check();
      await pool.close();
    }
    expect(count()).toBe(0);
  });
});

describe('taking a pool away', () => {
  it('is refused while it has members, unless its files may go', async () => {
    const pool = await directory.open();
    pool.putSync('k', 'still here');
    await expect(CxlMemoryPool.destroy([directory.path()])).rejects.toMatchObject({
      code: 'ERR_TIER_BUSY',
    });
    await CxlMemoryPool.destroy([directory.path()], { force: true });
    expect(pool.get('k')).toBe('still here');
    expect((await directory.open()).get('k')).toBeUndefined();
  });

  it('removes files, and refuses what is no pool', async () => {
    await (await directory.open()).close();
    await CxlMemoryPool.destroy([directory.path()]);
    await expect(CxlMemoryPool.destroy([directory.path()])).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
    });
    await expect(directory.open({ create: false })).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
    });
  });
});

function bytesOf(value: StoredData): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function same(a: StoredData, b: StoredData): boolean {
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}
