import { describe, expect, it } from 'vitest';
import { DamagedRanges } from '../../../lib/memory/damaged-ranges.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { DamageableHeap } from '../../support/damageable-heap.ts';

function makeHeap() {
  const heap = new DamageableHeap();
  heap.addBackend({ kind: 'simulated', capacityBytes: 16 * chunkBytes });
  const run = heap.allocate(0, 3);
  heap.buffer(run, 3 * chunkBytes);
  return { heap, run, damage: new DamagedRanges(heap) };
}

describe('the damaged ranges of a heap', () => {
  it('are asked for only when its counter moved, and then name the chunks that lost more', () => {
    const { heap, run, damage } = makeHeap();
    expect(damage.moved).toBe(false);
    heap.lose(run, 0, 4096);
    expect(damage.moved).toBe(true);
    expect(damage.has(run)).toBe(false);
    expect(damage.refresh()).toEqual([run]);
    expect(damage.moved).toBe(false);
    expect(damage.has(run)).toBe(true);
    heap.lose(run + 1, 8192, 4096);
    expect(damage.refresh()).toEqual([run + 1]);
    heap.lose(run, 4096, 4096);
    expect(damage.refresh()).toEqual([run]);
  });

  it('are given in bytes of a run, cut to the part asked about', () => {
    const { heap, run, damage } = makeHeap();
    heap.lose(run, chunkBytes - 4096, 4096, 'poison');
    heap.lose(run + 1, 0, 8192, 'lost');
    damage.refresh();
    expect(damage.within(run, 0, 3 * chunkBytes)).toEqual([
      { from: chunkBytes - 4096, to: chunkBytes, cause: 'poison' },
      { from: chunkBytes, to: chunkBytes + 8192, cause: 'lost' },
    ]);
    expect(damage.within(run, chunkBytes + 100, chunkBytes + 200)).toEqual([
      { from: chunkBytes + 100, to: chunkBytes + 200, cause: 'lost' },
    ]);
    expect(damage.within(run, chunkBytes + 8192, 3 * chunkBytes)).toEqual([]);
  });

  it('can be looked up in the heap itself without being taken note of', () => {
    const { heap, run, damage } = makeHeap();
    heap.lose(run + 1, 4096, 4096);
    expect(damage.hitsNow(run, chunkBytes + 8000, chunkBytes + 9000)).toBe(true);
    expect(damage.hitsNow(run, chunkBytes + 8192, chunkBytes + 9000)).toBe(false);
    expect(damage.hitsNow(run, 0, chunkBytes + 4096)).toBe(false);
    expect(damage.moved).toBe(true);
  });

  it('are forgotten with the chunks, whose place somebody else gets', () => {
    const { heap, run, damage } = makeHeap();
    heap.lose(run + 2, 0, 4096);
    damage.refresh();
    damage.forget(run, 3);
    expect(damage.within(run, 0, 3 * chunkBytes)).toEqual([]);
  });
});
