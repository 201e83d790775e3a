import { describe, expect, it } from 'vitest';
import { type ScrubProgress, scrub } from '../../../lib/memory/scrub.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { damageableStore } from '../../support/damageable-heap.ts';
import { modelTiers } from '../../support/stores.ts';

const largeBytes = chunkBytes + 500_000;

/** Values 1 (small) and 2 (large) verified, 3 and 4 not. */
function filled() {
  const all = damageableStore(modelTiers([64]));
  const progress: ScrubProgress = { checked: 0, bytes: 0 };
  for (const key of [1, 2, 3, 4]) {
    all.put(key, new Uint8Array(key % 2 === 1 ? 5000 : largeBytes).fill(key), 0, key <= 2);
  }
  const work = scrub(all.store, progress);
  const finish = () => {
    let steps = 0;
    while (work.next().done !== true) steps++;
    return steps;
  };
  return { ...all, progress, work, finish, damaged: () => all.store.integrity.book.list() };
}

describe('a scrub', () => {
  it('looks at every byte of what is verified, and at nothing else, in steps', () => {
    const { corrupt, progress, finish, damaged } = filled();
    corrupt(3);
    corrupt(4);
    expect(finish()).toBeGreaterThan(10);
    expect(progress).toEqual({ checked: 2, bytes: 5000 + largeBytes });
    expect(damaged()).toEqual([]);
  });

  it.each([
    [1, 4999],
    [2, 0],
    [2, largeBytes - 1],
  ])('finds what changed silently: value %i at byte %i', (key, at) => {
    const { corrupt, finish, damaged } = filled();
    corrupt(key, at);
    finish();
    expect(damaged()).toMatchObject([{ key, cause: 'corrupt' }]);
  });

  it('finds what is lost, and does not call it corrupt', () => {
    const { store, lose, finish, damaged } = filled();
    // Its neighbour would be lost with it.
    store.remove(store.find(3));
    lose(1);
    lose(2, 'poison');
    finish();
    expect(damaged()).toMatchObject([
      { key: 1, cause: 'lost' },
      { key: 2, cause: 'poison' },
    ]);
  });

  it('takes no rewriting between two steps for damage', () => {
    const { put, handle, work, finish, damaged, progress } = filled();
    for (let round = 0; round < 100; round++) {
      handle(1).write(new Uint8Array(5000).fill(round));
      handle(2).write(new Uint8Array(largeBytes).fill(round));
      if (work.next().done === true) break;
    }
    expect(damaged()).toEqual([]);
    put(5, new Uint8Array(10), 0, true);
    finish();
    expect(progress.checked).toBeGreaterThanOrEqual(2);
  });

  it('goes on when what it looks at is deleted, and ends when the store is closed', () => {
    const first = filled();
    for (let i = 0; i < 4; i++) first.work.next();
    first.store.remove(first.store.find(2));
    first.finish();
    expect(first.progress).toEqual({ checked: 1, bytes: 5000 });
    const second = filled();
    for (let i = 0; i < 4; i++) second.work.next();
    second.store.close();
    expect(second.finish()).toBe(0);
    expect(second.damaged()).toEqual([]);
  });

  it('leaves out what a writing lease is open on', () => {
    const { handle, finish, damaged, progress } = filled();
    using small = handle(1).lease({ write: true });
    using large = handle(2).lease({ write: true });
    small.view.fill(0);
    large.view.fill(0);
    finish();
    expect(damaged()).toEqual([]);
    expect(progress.checked).toBe(0);
  });
});
