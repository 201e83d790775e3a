import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { DamagedUnit } from '../../../lib/memory/damage-book.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { damageableStore, isSame } from '../../support/damageable-heap.ts';
import { codeOf } from '../../support/outcomes.ts';
import { modelTiers } from '../../support/stores.ts';

const open = (mebibytes = 64) => damageableStore(modelTiers([mebibytes]));

function caught(action: () => unknown): Error & { hint?: string; tier?: string } {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe.each([4096, 3 * chunkBytes])('a lost value of %i bytes', (size) => {
  const bytes = new Uint8Array(size).fill(7);

  it.each(['read', 'read(into)', 'borrow', 'lease', 'write and read'] as const)(
    'is noticed by whoever comes first: %s',
    (how) => {
      const { put, handle, lose } = open();
      put(1, bytes);
      const held = handle(1);
      lose(1);
      const code = codeOf(
        {
          read: () => held.read(),
          'read(into)': () => held.read(new Uint8Array(size)),
          borrow: () => held.borrow(),
          lease: () => held.lease(),
          'write and read': () => {
            held.write(bytes);
            expect(isSame(held.read(), bytes)).toBe(true);
          },
        }[how],
      );
      expect(code).toBe(how === 'write and read' ? undefined : 'ERR_TIER_LOST');
    },
  );

  it('throws ERR_TIER_LOST with key, tier, cause and what helps; all others are read', () => {
    const { put, handle, lose } = open();
    for (const key of [1, 2, 3]) put(key, bytes);
    lose(2, 'poison');
    for (const action of [
      () => handle(2).read(),
      () => handle(2).read(new Uint8Array(size)),
      () => handle(2).borrow(),
      () => handle(2).lease(),
    ]) {
      expect(codeOf(action)).toBe('ERR_TIER_LOST');
    }
    const error = caught(() => handle(2).read());
    expect(error.message).toMatch(/under 2 .*L1_DDR.*poisoned/);
    expect(error.hint).toMatch(/again in full/);
    expect(error.tier).toBe('L1_DDR');
    for (const key of [1, 3]) expect(isSame(handle(key).read(), bytes)).toBe(true);
  });

  it('is whole in another place when written again, and its old place is nobody’s', () => {
    const { store, heap, put, handle, lose } = open();
    put(1, bytes);
    put(2, bytes);
    lose(1);
    const [lost] = heap.damagedRanges();
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_LOST');
    handle(1).write(bytes);
    expect(isSame(handle(1).read(), bytes)).toBe(true);
    expect(store.integrity.book.totals().lostUnits).toBe(0);
    for (let key = 3; key < 10; key++) put(key, bytes);
    for (const range of heap.damagedRanges()) {
      expect(range).toEqual(lost);
      for (let key = 1; key < 10; key++) {
        const id = store.find(key);
        expect([store.space.chunkOf(id), store.space.byteOffsetOf(id)]).not.toEqual([
          range.chunk,
          range.byteOffset,
        ]);
      }
    }
    expect(isSame(handle(2).read(), bytes)).toBe(true);
  });

  it('frees what it held when it is deleted', () => {
    const { store, heap, put, lose } = open();
    const id = put(1, bytes);
    lose(1);
    store.integrity.settle();
    expect(store.integrity.book.totals()).toEqual({
      lostUnits: 1,
      lostBytes: size,
      corruptUnits: 0,
      corruptBytes: 0,
    });
    store.remove(id);
    expect(store.integrity.book.list()).toEqual([]);
    expect(store.space.set.usedBytes(0)).toBe(0);
    expect(heap.backendStats(0).mappedBytes).toBe(0);
    expect(heap.damagedRanges()).toEqual([]);
  });

  it('stays lost for a verified value too, which is not called corrupt', () => {
    const { store, put, handle, lose } = open();
    put(1, bytes, 0, true);
    lose(1);
    expect(codeOf(() => handle(1).read())).toBe('ERR_TIER_LOST');
    expect(store.integrity.book.list()[0].cause).toBe('lost');
    handle(1).write(bytes);
    expect(isSame(handle(1).read(), bytes)).toBe(true);
    expect(store.integrity.isVerified(store.find(1))).toBe(true);
  });

  it('keeps its lease’s view from being taken for good, also after it was written elsewhere', () => {
    const { put, handle, lose } = open();
    put(1, bytes);
    using lease = handle(1).lease();
    expect(lease.view[0]).toBe(7);
    lose(1);
    expect(codeOf(() => lease.view)).toBe('ERR_TIER_LOST');
    handle(1).write(bytes);
    expect(codeOf(() => lease.view)).toBe('ERR_TIER_LOST');
    expect(isSame(handle(1).read(), bytes)).toBe(true);
  });
});

describe('a page that is lost', () => {
  it('takes every value on it, and no other', () => {
    const { store, put, handle, lose } = open();
    for (let key = 0; key < 1000; key++) put(key, new Uint8Array(100).fill(key + 1));
    lose(500);
    const lost = [];
    for (let key = 0; key < 1000; key++) {
      const code = codeOf(() => expect(handle(key).read()[99]).toBe((key + 1) & 255));
      if (code === 'ERR_TIER_LOST') lost.push(key);
      else expect(code).toBeUndefined();
    }
    expect(lost).toContain(500);
    expect(lost.length).toBeGreaterThan(30);
    expect(lost.length).toBeLessThan(45);
    expect(store.integrity.book.totals().lostUnits).toBe(lost.length);
  });

  it('while it is copied is never returned as data', () => {
    const { put, handle, lose } = open();
    put(1, new Uint8Array(4096).fill(7));
    const into = new (class extends Uint8Array {
      override set(source: ArrayLike<number>): void {
        lose(1);
        super.set(source);
      }
    })(4096);
    expect(codeOf(() => handle(1).read(into))).toBe('ERR_TIER_LOST');
  });

  it('while it is written is left for another place, and what was written is whole', () => {
    for (const size of [4096, 3 * chunkBytes]) {
      for (const verify of [false, true]) {
        const { store, heap, put, handle, lose } = open();
        put(1, new Uint8Array(size).fill(1), 0, verify);
        const before = store.space.chunkOf(store.find(1)) * chunkBytes;
        const offset = store.space.byteOffsetOf(store.find(1));
        // Behind the store's back: it learns of it only when it looks at the counter after writing.
        const seal = store.integrity.seal.bind(store.integrity);
        let losses = 0;
        store.integrity.seal = (id, bytes, wanted) => {
          seal(id, bytes, wanted);
          if (losses++ === 0) lose(1);
        };
        handle(1).write(new Uint8Array(size).fill(2));
        expect(losses).toBe(2);
        expect(isSame(handle(1).read(), new Uint8Array(size).fill(2))).toBe(true);
        const id = store.find(1);
        expect([store.space.chunkOf(id) * chunkBytes, store.space.byteOffsetOf(id)]).not.toEqual([
          before,
          offset,
        ]);
        expect(store.integrity.book.list()).toEqual([]);
        expect(heap.damageCount[0]).toBe(1);
      }
    }
  });

  it('again and again on one tier sends what is written to another', () => {
    const { store, heap, put, handle } = damageableStore(modelTiers([16, 16]));
    const seal = store.integrity.seal.bind(store.integrity);
    store.integrity.seal = (id, bytes, wanted) => {
      seal(id, bytes, wanted);
      const { space } = store;
      if (space.tierOf(id) === 0) heap.lose(space.chunkOf(id), space.byteOffsetOf(id), 4096);
    };
    const bytes = new Uint8Array(4096).fill(3);
    store.put(1, 0, bytes, () => ({ tiers: [0, 1], node: -1, pinned: false }));
    expect(handle(1).tier).toBe('L2_CXL');
    put(2, bytes, 1);
    for (const key of [1, 2]) expect(handle(key).read()).toEqual(bytes);
    expect(store.space.set.usedBytes(0)).toBe(0);
  });

  it('each time something is written is an error in the end, and nothing is stored', () => {
    const { store, heap, put } = open();
    const seal = store.integrity.seal.bind(store.integrity);
    store.integrity.seal = (id, bytes, wanted) => {
      seal(id, bytes, wanted);
      const { space } = store;
      heap.lose(space.chunkOf(id), Math.floor(space.byteOffsetOf(id) / 4096) * 4096, 4096);
    };
    expect(codeOf(() => put(1, new Uint8Array(4096)))).toBe('ERR_TIER_LOST');
    expect(store.find(1)).toBe(-1);
    expect(store.count).toBe(0);
    expect(store.space.set.usedBytes(0)).toBe(0);
  });

  it('while a large value is written in the background is an error, and nothing is stored', async () => {
    const { store, heap } = open();
    const write = heap.write.bind(heap);
    heap.write = async (first, offset, source) => {
      await write(first, offset, source);
      heap.lose(first + 1, 0, 4096);
    };
    const bytes = new Uint8Array(3 * chunkBytes);
    const order = { tiers: [0], node: -1, pinned: false };
    for (const verify of [false, true]) {
      await expect(store.putLarge(1, 0, bytes, order, verify)).rejects.toMatchObject({
        code: 'ERR_TIER_LOST',
      });
    }
    expect(store.count).toBe(0);
    expect(store.space.set.usedBytes(0)).toBe(0);
    expect(store.integrity.book.list()).toEqual([]);
    heap.write = write;
    const id = await store.putLarge(1, 0, bytes, order, true);
    expect(store.integrity.check(id)).toBe(true);
  });
});

describe('whoever listens for damage', () => {
  it('hears once of each unit, after the work at hand, and may fail', async () => {
    const { store, put, handle, lose, corrupt } = open();
    const heard: DamagedUnit[] = [];
    store.integrity.book.listener = (unit) => {
      heard.push(unit);
      throw new Error('listener');
    };
    put(1, new Uint8Array(4096));
    put(2, new Uint8Array(3_000_000));
    put(3, new Uint8Array(5000), 0, true);
    lose(1);
    lose(2, 'poison');
    corrupt(3);
    for (let i = 0; i < 2; i++) {
      for (const key of [1, 2, 3]) expect(codeOf(() => handle(key).read())).toBeDefined();
    }
    expect(heard).toEqual([]);
    await sleep(1);
    const place = { kind: 'value', tier: 'L1_DDR' } as const;
    expect(heard).toEqual([
      { ...place, key: 1, cause: 'lost', byteLength: 4096 },
      { ...place, key: 2, cause: 'poison', byteLength: 3_000_000 },
      { ...place, key: 3, cause: 'corrupt', byteLength: 5000 },
    ]);
    expect(store.integrity.book.listenerErrors).toBe(3);
  });

  it('does not hear of what was written again or deleted at once', async () => {
    const { store, put, handle, lose } = open();
    const heard: DamagedUnit[] = [];
    store.integrity.book.listener = (unit) => heard.push(unit);
    for (const key of [1, 2]) put(key, new Uint8Array(4096).fill(1));
    for (const key of [1, 2]) lose(key);
    handle(1).write(new Uint8Array(4096));
    store.remove(store.find(2));
    await sleep(1);
    expect(heard).toEqual([]);
  });
});
