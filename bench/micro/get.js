/** Reading a value through a handle and through a key, against what a Node.js program would use instead. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { LRUCache } from 'lru-cache';
import { TieredMemory } from '../../dist/index.js';
import { sideBySide } from './harness.js';
import { makeKeys, makeValue, zipfRanks } from './workload.js';

const baseline = 'Map<string, Buffer>';

/** Memory enough for `items` values of `bytes`, with the tracking and background migration users get. */
export function openMemory(items, bytes) {
  const capacityBytes = Math.ceil(items * Math.max(bytes, 128) * 1.3) + 64 * 2 ** 20;
  return TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes, kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes: '16MiB', kind: 'simulated' },
    ],
  });
}

function openLmdb(directory, items, bytes) {
  return open({
    path: directory,
    encoding: 'binary',
    noSync: true,
    mapSize: items * bytes * 4 + 2 ** 28,
  });
}

/** One table: `items` values of `bytes`, `operations` Zipf reads of one byte each. */
export async function benchGet({ items, bytes, operations, rounds }) {
  const keys = makeKeys(items);
  const ranks = zipfRanks(items, operations);
  const memory = await openMemory(items, bytes);
  const directory = mkdtempSync(join(tmpdir(), 'memory-tiers-bench-'));
  const database = openLmdb(directory, items, bytes);
  const map = new Map();
  const lru = new LRUCache({ max: items });
  const handles = [];
  const views = [];
  const buffer = new ArrayBuffer(items * bytes);
  for (let i = 0; i < items; i++) {
    const value = makeValue(i, bytes);
    handles.push(memory.storeSync(value, { key: keys[i] }));
    map.set(keys[i], Buffer.from(value));
    lru.set(keys[i], Buffer.from(value));
    const view = new Uint8Array(buffer, i * bytes, bytes);
    view.set(value);
    views.push(view);
    database.put(keys[i], Buffer.from(value));
  }
  await database.flushed;
  await memory.optimizePlacement();

  const target = new Uint8Array(bytes);
  const { length } = ranks;
  let sink = 0;
  // A loop a case, written out: a shared loop would be compiled once for all and inline none of them.
  const cases = {
    'typed-array view, held': () => {
      for (let i = 0; i < length; i++) sink += views[ranks[i]][0];
    },
    'handle.borrow()': () => {
      for (let i = 0; i < length; i++) sink += handles[ranks[i]].borrow()[0];
    },
    'Map<string, Buffer>': () => {
      for (let i = 0; i < length; i++) sink += map.get(keys[ranks[i]])[0];
    },
    'memory.get(key).borrow()': () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).borrow()[0];
    },
    'memory.get(key).read(into)': () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).read(target)[0];
    },
    'memory.get(key).read()': () => {
      for (let i = 0; i < length; i++) sink += memory.get(keys[ranks[i]]).read()[0];
    },
    'lru-cache get': () => {
      for (let i = 0; i < length; i++) sink += lru.get(keys[ranks[i]])[0];
    },
    'lmdb getBinaryFast': () => {
      for (let i = 0; i < length; i++) sink += database.getBinaryFast(keys[ranks[i]])[0];
    },
    'lmdb getBinary': () => {
      for (let i = 0; i < length; i++) sink += database.getBinary(keys[ranks[i]])[0];
    },
  };
  const rows = await sideBySide(cases, { operations: length, baseline, rounds });
  await memory.close();
  await database.close();
  rmSync(directory, { recursive: true, force: true });
  // Used, so that no read is optimised away.
  if (!Number.isFinite(sink)) throw new Error('a value read back is not a number');
  return { title: `get and read one byte: ${items} x ${bytes} B, Zipf 0.99`, baseline, rows };
}
