import { describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { flushAll, flushRun } from '../../../lib/memory/flush.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { SliceClock, Slices } from '../../../lib/slices.ts';
import { damageableStore, fileTiers } from '../../support/damageable-heap.ts';

const slices = new Slices(new SliceClock(200_000));

/** A small and a large value on each of two tiers. */
function filled() {
  const all = damageableStore(fileTiers([16, 16]));
  for (const tier of [0, 1]) {
    all.put(tier, new Uint8Array(100), tier);
    all.put(10 + tier, new Uint8Array(chunkBytes + 5), tier);
  }
  const { store, heap } = all;
  return { ...all, flush: () => flushAll(store.space, () => store.closed, slices), heap };
}

describe('flushing everything', () => {
  it('is true only when all of it is kept', async () => {
    const { heap, flush } = filled();
    expect(await flush()).toBe(false);
    heap.durable.add(0);
    expect(await flush()).toBe(false);
    heap.durable.add(1);
    heap.flushed.length = 0;
    expect(await flush()).toBe(true);
    const lengths = heap.flushed.map(([, , length]) => length).sort((a, b) => a - b);
    expect(lengths).toEqual([chunkBytes, chunkBytes, chunkBytes + 5, chunkBytes + 5]);
  });

  it('flushes around what is lost, and is then not true', async () => {
    const { store, heap, flush } = filled();
    heap.durable.add(0).add(1);
    const chunk = store.space.chunkOf(store.find(0));
    heap.lose(chunk, 4096, 8192);
    store.integrity.settle();
    expect(await flush()).toBe(false);
    expect(heap.flushed).toContainEqual([chunk, 0, 4096]);
    expect(heap.flushed).toContainEqual([chunk, 12_288, chunkBytes - 12_288]);
    expect(heap.flushed).not.toContainEqual([chunk, 0, chunkBytes]);
  });

  it('leaves out what is freed meanwhile', async () => {
    const { store, heap, flush } = filled();
    heap.durable.add(0).add(1);
    const pending = flush();
    store.remove(store.find(10));
    store.remove(store.find(11));
    expect(await pending).toBe(true);
    expect(heap.flushed).toHaveLength(2);
  });

  it('leaves out a large value that is freed while another is flushed', async () => {
    const { store, heap, flush } = filled();
    const kept = heap.flush.bind(heap);
    heap.flush = async (first: number, from = 0, length = 0) => {
      if (length > chunkBytes && store.find(11) >= 0) store.remove(store.find(11));
      return kept(first, from, length);
    };
    heap.durable.add(0).add(1);
    expect(await flush()).toBe(true);
    expect(heap.flushed).toHaveLength(3);
  });

  it('throws what a device says, after all others were flushed', async () => {
    const { heap, flush } = filled();
    const kept = heap.flush.bind(heap);
    let calls = 0;
    heap.flush = async (first: number, from = 0, length = 0) => {
      if (++calls === 1) throw new TierError('ERR_TIER_IO', 'the disk failed');
      return kept(first, from, length);
    };
    await expect(flush()).rejects.toMatchObject({ code: 'ERR_TIER_IO' });
    expect(calls).toBe(4);
  });
});

describe('flushing a run', () => {
  it('that is lost before anybody knew is not an error, but not true', async () => {
    const { store, heap } = filled();
    heap.flush = async () => {
      throw new TierError('ERR_TIER_LOST', 'lost');
    };
    expect(await flushRun(store.space.set, 0, 0, 4096)).toBe(false);
  });
});
