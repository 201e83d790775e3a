/** Values of 1 KiB by key: a pool beside a private memory, LMDB, and Redis on loopback. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { CxlMemoryPool, TieredMemory } from '../../dist/index.js';
import { sideBySide } from '../micro/harness.js';
import { makeKeys, makeValue, zipfRanks } from '../micro/workload.js';

const items = 10_000;
const bytes = 1024;
const MiB = 2 ** 20;

/** What all tables read and write. */
export async function openStores() {
  const directory = mkdtempSync('/dev/shm/memory-tiers-bench-');
  const pool = await CxlMemoryPool.open({
    devices: [join(directory, 'pool')],
    capacityBytes: 128 * MiB,
  });
  const memory = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: 64 * MiB, kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes: 16 * MiB, kind: 'simulated' },
    ],
  });
  const database = open({
    path: join(directory, 'lmdb'),
    encoding: 'binary',
    noSync: true,
    mapSize: 256 * MiB,
  });
  const keys = makeKeys(items);
  for (const [i, key] of keys.entries()) {
    const value = makeValue(i, bytes);
    pool.putSync(key, value);
    memory.storeSync(value, { key });
    database.putSync(key, Buffer.from(value));
  }
  return {
    pool,
    memory,
    database,
    keys,
    async close() {
      await pool.close();
      await memory.close();
      await database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Reads on one thread; Zipf 0.99. */
export async function benchGet({ pool, memory, database, keys }, { operations, rounds }) {
  const ranks = zipfRanks(items, operations);
  const { length } = ranks;
  const target = new Uint8Array(bytes);
  const baseline = 'memory.get(key).read()';
  let sink = 0;
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).read()[0];
    },
    'memory.get(key).read(into)': () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).read(target)[0];
    },
    'pool.get(key)': () => {
      for (let i = 0; i < length; i++) sink += pool.get(keys[ranks[i]])[0];
    },
    'pool.borrow(key), used and disposed': () => {
      for (let i = 0; i < length; i++) {
        const lease = pool.borrow(keys[ranks[i]]);
        sink += lease.view[0];
        lease.dispose();
      }
    },
    'lmdb getBinary': () => {
      for (let i = 0; i < length; i++) sink += database.getBinary(keys[ranks[i]])[0];
    },
    'lmdb getBinaryFast': () => {
      for (let i = 0; i < length; i++) sink += database.getBinaryFast(keys[ranks[i]])[0];
    },
  };
  const rows = await sideBySide(cases, { operations: length, baseline, rounds });
  if (!Number.isFinite(sink)) throw new Error('a value read back is not a number');
  return { title: `get: ${items} values of ${bytes} B, Zipf 0.99`, baseline, rows };
}

/** Writes on one thread, over keys that are there. */
export async function benchPut({ pool, memory, database, keys }, { operations, rounds }) {
  const ranks = zipfRanks(items, operations, 2);
  const { length } = ranks;
  const value = makeValue(7, bytes);
  const buffer = Buffer.from(value);
  const baseline = 'memory.storeSync(value, { key })';
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < length; i++) memory.storeSync(value, { key: keys[ranks[i]] });
    },
    'pool.putSync(key, value)': () => {
      for (let i = 0; i < length; i++) pool.putSync(keys[ranks[i]], value);
    },
    'lmdb put, all in one transaction': () =>
      database.transaction(() => {
        for (let i = 0; i < length; i++) database.put(keys[ranks[i]], buffer);
      }),
  };
  const rows = await sideBySide(cases, { operations: length, baseline, rounds });
  return { title: `put: ${items} values of ${bytes} B, Zipf 0.99`, baseline, rows };
}

/** The pool beside a Redis; the ratios are how many times faster the pool is. */
export async function benchRedis({ pool, keys }, redis, { operations, rounds }) {
  const ranks = zipfRanks(items, operations, 3);
  const value = makeValue(7, bytes);
  const buffer = Buffer.from(value);
  const { client } = redis;
  for (const key of keys) await client.set(key, buffer);
  const { length } = ranks;
  const atOnce = 50;
  let sink = 0;
  const one = async (act) => {
    for (let i = 0; i < length; i++) await act(keys[ranks[i]]);
  };
  const many = async (act) => {
    for (let i = 0; i < length; i += atOnce) {
      await Promise.all(Array.from(ranks.subarray(i, i + atOnce), (rank) => act(keys[rank])));
    }
  };
  // Enough for the clock: the pool does all of Redis' operations in a few milliseconds.
  const repeats = 20;
  const pooled = (act) => {
    const start = process.hrtime.bigint();
    for (let round = 0; round < repeats; round++) {
      for (let i = 0; i < length; i++) act(keys[ranks[i]]);
    }
    return Number(process.hrtime.bigint() - start) / repeats;
  };
  const get = async (key) => {
    sink += (await client.get(key))[0];
  };
  const put = (key) => client.set(key, buffer);
  const tables = [
    {
      'pool.get(key)': () =>
        pooled((key) => {
          sink += pool.get(key)[0];
        }),
      'redis GET, one at a time': () => one(get),
      [`redis GET, ${atOnce} at a time`]: () => many(get),
    },
    {
      'pool.putSync(key, value)': () => pooled((key) => pool.putSync(key, value)),
      'redis SET, one at a time': () => one(put),
      [`redis SET, ${atOnce} at a time`]: () => many(put),
    },
  ];
  const rows = [];
  for (const cases of tables) {
    const [baseline] = Object.keys(cases);
    rows.push(...(await sideBySide(cases, { operations: length, baseline, rounds })));
  }
  if (!Number.isFinite(sink)) throw new Error('a value read back is not a number');
  return {
    title: `Redis ${redis.version} on loopback, values of ${bytes} B`,
    baseline: 'the pool',
    rows,
  };
}
