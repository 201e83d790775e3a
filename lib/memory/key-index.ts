/**
 * From key to object id: open addressing with linear probing over typed arrays.
 *
 * JavaScript's Map ends at 2^24 entries and costs about 100 bytes each; this one costs 8 bytes a slot at a
 * load of at most 3/4. 256 shards grow one by one, so no insertion rehashes more than a 256th of all keys.
 */

import { randomBytes } from 'node:crypto';
import type { Key, KeyArena } from './key-arena.ts';
import { RecentKeys } from './recent-keys.ts';

const shardCount = 256;
const shardShift = 24;
const initialSlots = 16;

/** A shard: pairs of (hash, id + 1); 0 in the second word is an empty slot. */
interface Shard {
  slots: Uint32Array;
  mask: number;
  count: number;
}

/** What the index needs to compare a candidate: the reference of an object's key. */
export type KeyOfObject = (id: number) => number;

/** The index. Deletion shifts later entries back, so there are no tombstones. */
export class KeyIndex {
  readonly #shards: Shard[];
  readonly #keys: KeyArena;
  readonly #keyOf: KeyOfObject;
  /** Differs per index, so that keys from outside cannot be chosen to collide. */
  readonly #seed: number = randomBytes(4).readUInt32LE();
  readonly #recent: RecentKeys = new RecentKeys();
  #count = 0;

  constructor(keys: KeyArena, keyOf: KeyOfObject) {
    this.#keys = keys;
    this.#keyOf = keyOf;
    this.#shards = Array.from({ length: shardCount }, () => ({
      slots: new Uint32Array(initialSlots * 2),
      mask: initialSlots - 1,
      count: 0,
    }));
  }

  /** Keys held. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of all shards. */
  get bytes(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.slots.byteLength, 0);
  }

  /** The object with this key, or -1. */
  find(key: Key): number {
    if (typeof key !== 'string') return this.#lookUp(key);
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const id = this.#lookUp(key);
    if (id >= 0) this.#recent.offer(key, id);
    return id;
  }

  #lookUp(key: Key): number {
    const hash = this.#hash(key);
    const shard = this.#shards[hash >>> shardShift];
    const { slots, mask } = shard;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const entry = slots[2 * i + 1];
      if (entry === 0) return -1;
      if (slots[2 * i] === hash && this.#keys.equals(this.#keyOf(entry - 1), key)) return entry - 1;
    }
  }

  /** Adds a key. REQUIRES: find(key) < 0. */
  add(key: Key, id: number): void {
    const hash = this.#hash(key);
    const shard = this.#shards[hash >>> shardShift];
    if ((shard.count + 1) * 4 > (shard.mask + 1) * 3) grow(shard);
    insert(shard, hash, id + 1);
    shard.count++;
    this.#count++;
  }

  /** Removes a key; `id` is the object it names. */
  remove(key: Key, id: number): void {
    if (typeof key === 'string') this.#recent.delete(key);
    const hash = this.#hash(key);
    const shard = this.#shards[hash >>> shardShift];
    const { slots, mask } = shard;
    let hole = hash & mask;
    while (slots[2 * hole + 1] !== id + 1) {
      if (slots[2 * hole + 1] === 0) return;
      hole = (hole + 1) & mask;
    }
    // Shift back whatever the hole would make unreachable (Knuth, TAOCP 3, 6.4, algorithm R).
    for (let i = (hole + 1) & mask; slots[2 * i + 1] !== 0; i = (i + 1) & mask) {
      const home = slots[2 * i] & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots[2 * hole] = slots[2 * i];
        slots[2 * hole + 1] = slots[2 * i + 1];
        hole = i;
      }
    }
    slots[2 * hole + 1] = 0;
    shard.count--;
    this.#count--;
  }

  #hash(key: Key): number {
    let hash = this.#seed;
    if (typeof key === 'string') {
      const even = key.length & ~1;
      // Two characters a round: the multiplication's latency is what bounds this loop.
      for (let i = 0; i < even; i += 2) {
        hash = Math.imul(hash ^ (key.charCodeAt(i) | (key.charCodeAt(i + 1) << 16)), 0x9e3779b1);
        hash ^= hash >>> 15;
      }
      if (even !== key.length) hash = Math.imul(hash ^ key.charCodeAt(even), 0x9e3779b1);
      hash ^= key.length;
    } else {
      const high = Math.floor(key / 0x100000000);
      hash = Math.imul(hash ^ (key >>> 0), 0x9e3779b1);
      hash = Math.imul(hash ^ (hash >>> 15) ^ high, 0x85ebca6b);
    }
    // Finaliser of MurmurHash3 (public domain): spreads every input bit over the word.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

function insert(shard: Shard, hash: number, entry: number): void {
  const { slots, mask } = shard;
  let i = hash & mask;
  while (slots[2 * i + 1] !== 0) i = (i + 1) & mask;
  slots[2 * i] = hash;
  slots[2 * i + 1] = entry;
}

function grow(shard: Shard): void {
  const old = shard.slots;
  shard.mask = shard.mask * 2 + 1;
  shard.slots = new Uint32Array((shard.mask + 1) * 2);
  for (let i = 0; i < old.length; i += 2) {
    if (old[i + 1] !== 0) insert(shard, old[i], old[i + 1]);
  }
}
