import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../../lib/memory/data.ts';
import { chunkUnitBase, type LargeObject } from '../../../lib/memory/large-object.ts';
import { Region } from '../../../lib/memory/region.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { damageableStore, fileTiers, ownerOf } from '../../support/damageable-heap.ts';
import { codeOf } from '../../support/outcomes.ts';

const float64 = 8;
const perChunk = chunkBytes / float64;

/** A region of two and a half chunks of numbers, on files. */
function makeRegion() {
  const all = damageableStore(fileTiers([16, 16]));
  const { store, heap } = all;
  const byteLength = 2.5 * chunkBytes;
  const id = store.allocate(8, byteLength, { tiers: [0], node: -1, pinned: false }, true);
  const object = store.space.largeOf(id) as LargeObject;
  const view = viewOf(8, heap.buffer(object.firstChunk, byteLength), 0, byteLength) as Float64Array;
  const region = new Region<Float64Array>(ownerOf(store), object, view);
  return { ...all, object, region, first: object.firstChunk };
}

describe('a region', () => {
  it('names the elements that were lost, as far as it reaches', () => {
    const { heap, region, first } = makeRegion();
    region.view.fill(1);
    expect(region.damaged).toEqual([]);
    heap.lose(first + 1, 4096, 4096, 'poison');
    heap.lose(first + 2, chunkBytes / 2 - 4096, 8192, 'lost');
    expect(region.damaged).toEqual([
      { start: perChunk + 512, length: 512, cause: 'poison' },
      { start: 2.5 * perChunk - 512, length: 512, cause: 'lost' },
    ]);
    expect(region.view[perChunk + 512]).toBe(0);
    expect(region.view[perChunk + 511]).toBe(1);
  });

  it('counts as damaged until that is acknowledged, and again when more is lost', () => {
    const { store, heap, region, first } = makeRegion();
    const damage = () => {
      store.integrity.settle();
      return store.integrity.book.list();
    };
    heap.lose(first, 0, 4096, 'poison');
    const unit = { key: undefined, kind: 'region', tier: 'L1_DDR' };
    expect(damage()).toEqual([{ ...unit, cause: 'poison', byteLength: 4096 }]);
    heap.lose(first, 8192, 4096, 'lost');
    expect(damage()).toEqual([{ ...unit, cause: 'poison', byteLength: 8192 }]);
    region.acknowledge();
    expect(damage()).toEqual([]);
    expect(region.damaged).toEqual([]);
    heap.lose(first, 4096, 8192, 'lost');
    // Of the new range the half that was acknowledged is not counted again.
    expect(region.damaged).toEqual([{ start: 512, length: 512, cause: 'lost' }]);
    expect(damage()).toEqual([{ ...unit, cause: 'lost', byteLength: 4096 }]);
    region.dispose();
    expect(damage()).toEqual([]);
  });

  it('is told of whenever more of it is lost, once for all that was lost together', async () => {
    const { store, heap, region, first } = makeRegion();
    const heard: number[] = [];
    store.integrity.book.listener = ({ byteLength }) => heard.push(byteLength);
    const settled = async () => {
      store.integrity.settle();
      await sleep(1);
      return heard;
    };
    heap.lose(first, 0, 8192);
    heap.lose(first + 1, 0, 4096);
    expect(await settled()).toEqual([12_288]);
    region.acknowledge();
    expect(await settled()).toEqual([12_288]);
    heap.lose(first + 1, 8192, 4096);
    expect(await settled()).toEqual([12_288, 4096]);
  });

  it('is not moved where it is damaged, acknowledged or not, and is moved elsewhere', async () => {
    const { store, heap, region, first } = makeRegion();
    heap.lose(first, 0, 4096);
    region.acknowledge();
    region.touch();
    const { units } = store.units.snapshot({ halfLifeAccesses: 100, maxUnits: Infinity });
    expect([...units.id.subarray(0, units.length)]).toEqual([
      chunkUnitBase + first + 1,
      chunkUnitBase + first + 2,
    ]);
    expect(await store.units.move(chunkUnitBase + first, 0, 1)).toBe('damaged');
    // This heap copies nothing into its file.
    const moved = { outcome: 'moved', copiedBytes: 0 };
    expect(await store.units.move(chunkUnitBase + first + 1, 0, 1)).toEqual(moved);
  });

  it('flushes the elements asked for and says whether they are kept', async () => {
    const { heap, region, first } = makeRegion();
    expect(await region.flush()).toBe(false);
    heap.durable.add(0);
    expect(await region.flush(10, 20)).toBe(true);
    expect(heap.flushed.at(-1)).toEqual([first, 80, 160]);
    await expect(region.flush(-1)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(region.flush(0, 1e9)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('does not flush what it has lost; what was acknowledged is just not kept', async () => {
    const { heap, region, first } = makeRegion();
    heap.durable.add(0);
    heap.lose(first, 4096, 4096);
    await expect(region.flush()).rejects.toMatchObject({ code: 'ERR_TIER_LOST', tier: 'L1_DDR' });
    expect(await region.flush(0, 512)).toBe(true);
    region.acknowledge();
    expect(await region.flush()).toBe(false);
    expect(heap.flushed.at(-1)).toEqual([first, 8192, 2.5 * chunkBytes - 8192]);
  });

  it('tells of its damage only while it exists', () => {
    const { region } = makeRegion();
    region.dispose();
    expect(codeOf(() => region.damaged)).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => region.acknowledge())).toBe('ERR_TIER_CLOSED');
  });
});
