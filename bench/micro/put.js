/** Overwriting a value under a key, against a Map of fresh Buffers. */

import { LRUCache } from 'lru-cache';
import { openMemory } from './get.js';
import { sideBySide } from './harness.js';
import { makeKeys, makeValue, zipfRanks } from './workload.js';

const baseline = 'Map.set(key, fresh Buffer)';

/** One table: `items` values of `bytes`, `operations` Zipf updates. */
export async function benchPut({ items, bytes, operations, rounds }) {
  const keys = makeKeys(items);
  const ranks = zipfRanks(items, operations);
  const memory = await openMemory(items, bytes);
  const value = makeValue(1, bytes);
  const map = new Map();
  const lru = new LRUCache({ max: items });
  for (let i = 0; i < items; i++) {
    memory.storeSync(value, { key: keys[i] });
    map.set(keys[i], Buffer.from(value));
    lru.set(keys[i], Buffer.from(value));
  }
  const { length } = ranks;
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < length; i++) map.set(keys[ranks[i]], Buffer.from(value));
    },
    'memory.storeSync': () => {
      for (let i = 0; i < length; i++) memory.storeSync(value, { key: keys[ranks[i]] });
    },
    'await memory.store': async () => {
      for (let i = 0; i < length; i++) await memory.store(value, { key: keys[ranks[i]] });
    },
    'memory.get(key).write': () => {
      for (let i = 0; i < length; i++) memory.get(keys[ranks[i]]).write(value);
    },
    'lru-cache set(key, fresh Buffer)': () => {
      for (let i = 0; i < length; i++) lru.set(keys[ranks[i]], Buffer.from(value));
    },
  };
  const rows = await sideBySide(cases, { operations: length, baseline, rounds });
  await memory.close();
  return { title: `put over an existing key: ${items} x ${bytes} B, Zipf 0.99`, baseline, rows };
}
