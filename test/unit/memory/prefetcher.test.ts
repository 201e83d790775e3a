import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BackendSet } from '../../../lib/memory/backend-set.ts';
import { viewOf } from '../../../lib/memory/data.ts';
import { Handle } from '../../../lib/memory/handle.ts';
import type { LargeObject } from '../../../lib/memory/large-object.ts';
import { ObjectStore } from '../../../lib/memory/object-store.ts';
import { noPrefetch, type PrefetchSettings } from '../../../lib/memory/prefetcher.ts';
import { Region } from '../../../lib/memory/region.ts';
import { chunkBytes } from '../../../lib/native.ts';
import type { Tier } from '../../../lib/tiers/tier.ts';
import { DamageableHeap, fileTiers, ownerOf } from '../../support/damageable-heap.ts';
import { modelTiers } from '../../support/stores.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

interface Read {
  readonly run: number;
  readonly from: number;
  readonly to: number;
}

/** Writes down what is read ahead, and ends it when told to. */
class ReadingHeap extends DamageableHeap {
  readonly reads: Read[] = [];
  /** `refuse`: throws at once, as for a run that is not there. */
  mode: 'wait' | 'end' | 'fail' | 'refuse' = 'end';
  #waiting: (() => void)[] = [];

  override prefault(run = -1, byteOffset = 0, byteLength = 0): Promise<void> {
    if (this.mode === 'refuse') throw new Error('no such run');
    this.reads.push({ run, from: byteOffset, to: byteOffset + byteLength });
    if (this.mode === 'fail') return Promise.reject(new Error('the drive is gone'));
    if (this.mode === 'end') return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends what is waiting and lets what follows from it happen. */
  async finish(): Promise<void> {
    for (const resolve of this.#waiting.splice(0)) resolve();
    await nextTurn();
  }
}

/** A store over a tier of memory and one of files. */
function makeStore({
  tiers = [...modelTiers([64]), ...fileTiers([64, 256]).slice(1)],
  prefetch = { detect: true, maxBytes: 16 * MiB },
}: {
  tiers?: Tier[];
  prefetch?: PrefetchSettings;
} = {}) {
  const heap = new ReadingHeap();
  const store = new ObjectStore(new BackendSet(heap, tiers), prefetch);
  const owner = ownerOf(store);
  const order = (tier: number) => ({ tiers: [tier], node: -1, pinned: false });
  return {
    heap,
    store,
    stats: () => store.prefetcher?.stats() ?? noPrefetch,
    put: (key: number, byteLength: number, tier = 1) =>
      store.put(key, 0, new Uint8Array(byteLength), () => order(tier)),
    read: (key: number) => new Handle(owner, store.find(key), false).borrow(),
    region: (byteLength: number, tier = 1) => {
      const id = store.allocate(0, byteLength, order(tier), true);
      const object = store.space.largeOf(id) as LargeObject;
      const view = viewOf(0, heap.buffer(object.firstChunk, byteLength), 0, byteLength);
      return { region: new Region(owner, object, view as Uint8Array), object };
    },
  };
}

/** Touches `count` times `length` bytes, `stride` apart. */
function walk(region: Region, length: number, count: number, stride = length, start = 0): void {
  for (let i = 0; i < count; i++) region.touch({ start: start + i * stride, length });
}

/** Bytes of reads, which must not overlap. */
function covered(reads: readonly Read[]): number {
  const sorted = reads.toSorted((a, b) => a.run - b.run || a.from - b.from);
  sorted.forEach((read, i) => {
    const before = sorted[i - 1];
    if (before?.run === read.run) expect(read.from).toBeGreaterThanOrEqual(before.to);
  });
  return sorted.reduce((sum, { from, to }) => sum + to - from, 0);
}

describe('the prefetcher', () => {
  it('reads ahead of a region that is walked in order, up to its end and not beyond', () => {
    const { heap, region, put } = makeStore();
    const length = 6 * MiB + 100 * KiB;
    const { region: walked, object } = region(length);
    put(1, 4 * MiB);
    walk(walked, 64 * KiB, Math.floor(length / (64 * KiB)));
    expect(new Set(heap.reads.map(({ run }) => run))).toEqual(new Set([object.firstChunk]));
    // All but what was accessed before the third step showed what it is.
    expect(covered(heap.reads)).toBe(length - 3 * 64 * KiB);
    for (const { from, to } of heap.reads) {
      expect(Math.floor((to - 1) / chunkBytes)).toBe(Math.floor(from / chunkBytes));
    }
  });

  it('reads further ahead at once when a region was walked in order before, or is declared so', () => {
    /** Bytes read ahead when the third step of 4 KiB of a walk shows what it is. */
    const ahead = (prepare: (walked: Region, object: LargeObject) => void): number => {
      const { heap, region } = makeStore();
      const { region: walked, object } = region(32 * MiB);
      prepare(walked, object);
      const before = heap.reads.length;
      walk(walked, 4 * KiB, 3, 4 * KiB, 20 * MiB);
      return covered(heap.reads.slice(before));
    };
    expect(ahead(() => {})).toBe(128 * KiB);
    expect(ahead((walked) => walk(walked, 4 * KiB, 100))).toBe(MiB);
    expect(
      ahead((_, object) => {
        object.declared = 'sequential';
      }),
    ).toBe(MiB);
    // Used at random, in a fixed order without neighbours: nothing that would make one more sure of a walk.
    expect(
      ahead((walked) => {
        for (let i = 0; i < 100; i++) {
          walked.touch({ start: ((i * 1237) % 4096) * 4 * KiB, length: 4 * KiB });
        }
      }),
    ).toBeLessThanOrEqual(256 * KiB);
  });

  it('reads nothing ahead of a region that is declared to be used at random, but what is hinted at', () => {
    const { heap, region } = makeStore();
    const { region: walked, object } = region(32 * MiB);
    object.declared = 'random';
    walk(walked, 4 * KiB, 100);
    walk(walked, MiB, 10);
    expect(heap.reads).toEqual([]);
    walked.prefetch(0, MiB);
    expect(covered(heap.reads)).toBe(MiB);
  });

  it('reads only the pages of a strided walk', () => {
    const { heap, region } = makeStore();
    const { region: walked } = region(64 * MiB);
    walk(walked, 4 * KiB, 20, MiB, 100);
    expect(heap.reads.length).toBeGreaterThan(15);
    for (const { from, to } of heap.reads) expect([from % MiB, to % MiB]).toEqual([0, 8 * KiB]);
  });

  it('reads nothing ahead in memory, nor on files mapped with DAX', () => {
    const { heap, region, read, put, store } = makeStore();
    const { region: walked } = region(8 * MiB, 0);
    walk(walked, 64 * KiB, 100);
    for (let key = 0; key < 500; key++) put(key, 4096, 0);
    for (let key = 0; key < 500; key++) read(key);
    store.prefetcher?.hintObjects([store.find(1)]);
    walked.prefetch();
    expect(heap.reads).toEqual([]);

    const [tier] = fileTiers([64]);
    const backends = [
      { kind: 'file', directory: '/x', capacityBytes: 64 * MiB, dax: true },
    ] as const;
    const dax = makeStore({ tiers: [{ ...tier, backends }] });
    expect(dax.store.prefetcher).toBeUndefined();
    expect(dax.stats()).toEqual(noPrefetch);
  });

  it('reads ahead of small values that are read in the order they were stored', () => {
    const { heap, read, put, store, stats } = makeStore();
    for (let key = 0; key < 2000; key++) put(key, 2000);
    store.units.snapshot({ halfLifeAccesses: 1e6, maxUnits: 1 });
    for (let key = 0; key < 2000; key++) read(key);
    expect(covered(heap.reads)).toBeGreaterThan(0.9 * 2000 * 2000);
    expect(stats().streams).toBe(1);
    expect(stats().usefulBytes).toBeGreaterThan(0.9 * 2000 * 2000);
  });

  it('begins no read for each of small values that are read a wide stride apart', () => {
    const { heap, read, put, store } = makeStore();
    for (let key = 0; key < 5000; key++) put(key, 4096);
    store.units.snapshot({ halfLifeAccesses: 1e6, maxUnits: 1 });
    for (let key = 0; key < 5000; key += 50) read(key);
    expect(heap.reads).toEqual([]);
  });

  it('reads next to nothing for small values that are read at random', () => {
    const { read, put, store, stats } = makeStore();
    const count = 20_000;
    for (let key = 0; key < count; key++) put(key, 4096);
    store.units.snapshot({ halfLifeAccesses: 1e6, maxUnits: 1 });
    for (let i = 0, at = 1; i < 5000; i++) {
      at = (at * 48_271) % 2_147_483_647;
      read(at % count);
    }
    expect(stats().issuedBytes).toBeLessThan(0.05 * 5000 * 4096);
  });

  it('follows large values that are read one after the other', () => {
    const { heap, read, put } = makeStore();
    for (let key = 0; key < 12; key++) put(key, 2 * MiB);
    // Writing was an access, so that nothing is read for being long.
    for (let key = 0; key < 4; key++) read(key);
    expect(new Set(heap.reads.map(({ run }) => run)).size).toBeGreaterThan(2);
  });

  it('reads the rest of a large value while its beginning is used, once between two plans', () => {
    const { heap, read, put, store } = makeStore();
    put(1, 5 * MiB);
    read(1);
    // It was just written, which is an access: it is in memory.
    expect(heap.reads).toEqual([]);
    store.units.snapshot({ halfLifeAccesses: 1e6, maxUnits: 1 });
    read(1);
    expect(covered(heap.reads)).toBe(5 * MiB);
    read(1);
    expect(heap.reads).toHaveLength(3);
  });

  it('has no more on its way than allowed, and counts what the program has reached as landed', async () => {
    const { heap, region, stats } = makeStore({ prefetch: { detect: true, maxBytes: MiB } });
    heap.mode = 'wait';
    const { region: walked } = region(64 * MiB);
    for (let i = 0; i < 512; i++) {
      walked.touch({ start: i * 64 * KiB, length: 64 * KiB });
      expect(stats().inFlightBytes).toBeLessThanOrEqual(MiB);
    }
    // The thread never yielded, and was read ahead of to the end all the same.
    expect(stats().usefulBytes).toBeGreaterThan(0.9 * 512 * 64 * KiB);
    await heap.finish();
    expect(stats().inFlightBytes).toBe(0);
  });

  it('follows hints as there is room, and merges neighbours', async () => {
    const { heap, region, put, store, stats } = makeStore({
      prefetch: { detect: false, maxBytes: 4 * MiB },
    });
    heap.mode = 'wait';
    const { region: hinted } = region(16 * MiB);
    hinted.prefetch();
    expect(stats()).toMatchObject({ inFlightBytes: 2 * MiB, queuedBytes: 14 * MiB });
    for (let i = 0; i < 8; i++) await heap.finish();
    expect(covered(heap.reads)).toBe(16 * MiB);
    expect(stats()).toMatchObject({ inFlightBytes: 0, queuedBytes: 0, issuedBytes: 16 * MiB });

    heap.reads.length = 0;
    for (let key = 0; key < 100; key++) put(key, 1000);
    store.prefetcher?.hintObjects(Array.from({ length: 100 }, (_, i) => store.find(99 - i)));
    expect(heap.reads.length).toBeLessThanOrEqual(3);
    expect(covered(heap.reads)).toBeGreaterThanOrEqual(100 * 1000);
  });

  it('watches nothing when told not to, but follows hints', () => {
    const { heap, region, stats } = makeStore({ prefetch: { detect: false, maxBytes: MiB } });
    const { region: walked } = region(8 * MiB);
    walk(walked, 64 * KiB, 100);
    expect(heap.reads).toEqual([]);
    walked.prefetch(MiB, 64 * KiB);
    expect(heap.reads).toEqual([expect.objectContaining({ from: MiB, to: MiB + 64 * KiB })]);
    walk(walked, 64 * KiB, 1, 0, MiB);
    expect(stats().usefulBytes).toBe(64 * KiB);
  });

  it('reads nothing of what was freed or is being moved', async () => {
    const { heap, region, put, store, stats } = makeStore({
      prefetch: { detect: true, maxBytes: MiB },
    });
    heap.mode = 'wait';
    const { region: gone } = region(16 * MiB);
    gone.prefetch();
    put(1, 4 * MiB);
    store.prefetcher?.hintObjects([store.find(1)]);
    const begun = heap.reads.length;
    gone.dispose();
    store.remove(store.find(1));
    for (let i = 0; i < 40; i++) await heap.finish();
    expect(heap.reads).toHaveLength(begun);
    expect(stats()).toMatchObject({ inFlightBytes: 0, queuedBytes: 0, errors: 0 });

    const { region: moving, object } = region(16 * MiB);
    object.moving = true;
    walk(moving, 64 * KiB, 50);
    expect(heap.reads).toHaveLength(begun);
  });

  it('does not read what was given to somebody else for the region that was hinted at', async () => {
    const { heap, region } = makeStore({ prefetch: { detect: false, maxBytes: MiB } });
    heap.mode = 'wait';
    const { region: gone, object } = region(4 * MiB);
    gone.prefetch();
    const begun = heap.reads.length;
    gone.dispose();
    const { object: next } = region(4 * MiB);
    expect(next.firstChunk).toBe(object.firstChunk);
    for (let i = 0; i < 20; i++) await heap.finish();
    expect(heap.reads).toHaveLength(begun);
  });

  it('counts what fails, and goes on', async () => {
    const { heap, region, stats } = makeStore();
    const { region: walked } = region(16 * MiB);
    heap.mode = 'fail';
    walk(walked, 64 * KiB, 10);
    await nextTurn();
    const failed = stats().errors;
    expect(failed).toBeGreaterThan(0);
    heap.mode = 'refuse';
    walked.prefetch(8 * MiB, MiB);
    expect(stats()).toMatchObject({ errors: failed + 1, inFlightBytes: 0 });
  });

  it('begins nothing once the store is closed', async () => {
    const { heap, region, store } = makeStore({ prefetch: { detect: true, maxBytes: MiB } });
    heap.mode = 'wait';
    const { region: hinted } = region(16 * MiB);
    hinted.prefetch();
    const begun = heap.reads.length;
    store.close();
    await heap.finish();
    expect(heap.reads).toHaveLength(begun);
  });
});
