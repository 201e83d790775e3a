import { describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { chunkUnitBase } from '../../../lib/memory/large-object.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { SliceClock } from '../../../lib/slices.ts';
import { type DamageableHeap, damageableStore, fileTiers } from '../../support/damageable-heap.ts';
import { modelTiers } from '../../support/stores.ts';

const size = 2 * chunkBytes + 1000;
const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7) & 255);

/** A store with one large value, and the unit of its second chunk. */
function withLarge(tiers = modelTiers([16, 16])) {
  const all = damageableStore(tiers);
  const id = all.put(1, bytes, 0, true);
  const object = all.store.space.largeOf(id)!;
  const chunk = object.firstChunk + 1;
  const move = () => all.store.units.move(chunkUnitBase + chunk, 0, 1);
  return { ...all, id, chunk, move, tier: () => all.store.space.set.tierOf(chunk) };
}

/** Into a file, of a heap that copies nothing. */
const movedOnPaper = { outcome: 'moved', copiedBytes: 0 };

describe('moving a small verified value', () => {
  it('does not give up the source for a copy that is not the same, and gives the bad place to nobody', async () => {
    const { store, put, handle } = damageableStore(modelTiers([4, 4]));
    const value = Uint8Array.from({ length: 4096 }, (_, i) => i & 255);
    const id = put(1, value, 0, true);
    put(2, value, 1);
    const target = store.space.set.bytes[store.space.chunkOf(store.find(2))];
    // The next slot of the target tier has a bit that is stuck at one.
    const stuck = store.space.byteOffsetOf(store.find(2)) + 4096;
    target.set = function set(this: Uint8Array, source: ArrayLike<number>, at = 0) {
      Uint8Array.prototype.set.call(this, source, at);
      if (at === stuck) this[at] |= 0x80;
    };
    expect(await store.units.move(id, 0, 1)).toEqual({
      outcome: 'refused',
      code: 'ERR_TIER_CORRUPT',
    });
    expect(store.space.tierOf(id)).toBe(0);
    expect(handle(1).read()).toEqual(value);
    expect(store.integrity.book.list()).toEqual([]);
    expect(await store.units.move(id, 0, 1)).toBe('moved');
    expect(store.space.byteOffsetOf(id)).not.toBe(stuck);
    expect(handle(1).read()).toEqual(value);
    expect(store.space.set.usedBytes(0)).toBe(0);
  });

  it('leaves a source that is not what was written where it is, marked', async () => {
    const { store, put, corrupt } = damageableStore(modelTiers([4, 4]));
    const id = put(1, new Uint8Array(4096), 0, true);
    corrupt(1, 4000);
    expect(await store.units.move(id, 0, 1)).toBe('damaged');
    expect(store.space.tierOf(id)).toBe(0);
    expect(store.integrity.book.list()).toMatchObject([{ key: 1, cause: 'corrupt' }]);
    expect(store.space.set.usedBytes(1)).toBe(0);
  });
});

describe('moving a small value whose bytes are lost', () => {
  it('before the move leaves it where it is', async () => {
    const { store, put, lose } = damageableStore(modelTiers([4, 4]));
    const id = put(1, new Uint8Array(4096));
    lose(1);
    expect(await store.units.move(id, 0, 1)).toBe('damaged');
    expect(store.space.tierOf(id)).toBe(0);
  });

  it.each(['source', 'target'] as const)(
    'of the %s while it is copied does not turn zeros into data',
    async (lost) => {
      const { heap, store, put, handle } = damageableStore(modelTiers([4, 4]));
      const id = put(1, new Uint8Array(4096).fill(7));
      const other = put(2, new Uint8Array(4096).fill(8), 1);
      const { space } = store;
      const from = { chunk: space.chunkOf(id), byteOffset: space.byteOffsetOf(id) };
      const to = { chunk: space.chunkOf(other), byteOffset: space.byteOffsetOf(other) + 4096 };
      space.set.bytes[to.chunk].set = function set(
        this: Uint8Array,
        source: ArrayLike<number>,
        at = 0,
      ) {
        expect(at).toBe(to.byteOffset);
        const { chunk, byteOffset } = lost === 'source' ? from : to;
        heap.lose(chunk, byteOffset, 4096);
        Uint8Array.prototype.set.call(this, source, at);
      };
      const outcome = lost === 'source' ? 'damaged' : 'refused';
      expect(await store.units.move(id, 0, 1)).toEqual({ outcome, code: 'ERR_TIER_LOST' });
      expect(space.tierOf(id)).toBe(0);
      expect(space.allocators[1].objects).toBe(1);
      if (lost === 'source') expect(() => handle(1).read()).toThrow(/was lost/);
      else expect(handle(1).read()).toEqual(new Uint8Array(4096).fill(7));
      expect(handle(2).read()).toEqual(new Uint8Array(4096).fill(8));
    },
  );
});

describe.each([
  ['moved by the kernel', () => modelTiers([16, 16])],
  ['copied to another backing', () => fileTiers([16, 16])],
])('a chunk that is %s', (_, tiers) => {
  it('keeps every byte', async () => {
    const { move, handle, tier } = withLarge(tiers());
    expect(['moved', movedOnPaper]).toContainEqual(await move());
    expect(tier()).toBe(1);
    expect(Buffer.compare(handle(1).read(), bytes)).toBe(0);
  });

  it('and arrives changed is taken back and has its bytes again', async () => {
    const { heap, store, move, handle, tier, corrupt } = withLarge(tiers());
    heap.onCarried = (_chunk, backend) => {
      if (backend === 1) corrupt(1, chunkBytes + 17);
    };
    expect(await move()).toEqual({ outcome: 'refused', code: 'ERR_TIER_CORRUPT' });
    expect(tier()).toBe(0);
    expect(store.space.set.usedBytes(1)).toBe(0);
    expect(Buffer.compare(handle(1).read(), bytes)).toBe(0);
    expect(store.integrity.book.list()).toEqual([]);
  });

  it('and arrives changed where there is no way back stays there, with its bytes', async () => {
    const { heap, store, move, handle, tier, corrupt } = withLarge(tiers());
    heap.onCarried = (_chunk, backend) => {
      if (backend === 0) throw new TierError('ERR_TIER_FULL', 'no way back');
      corrupt(1, chunkBytes + 17);
    };
    expect(await move()).toBe('moved');
    expect(tier()).toBe(1);
    expect(store.space.set.usedBytes(1)).toBe(chunkBytes);
    expect(Buffer.compare(handle(1).read(), bytes)).toBe(0);
  });

  it('is not moved when it is corrupt, and is marked', async () => {
    const { store, move, tier, corrupt } = withLarge(tiers());
    corrupt(1, chunkBytes + 17);
    expect(await move()).toBe('damaged');
    expect(tier()).toBe(0);
    expect(store.integrity.book.list()).toMatchObject([{ key: 1, cause: 'corrupt' }]);
  });

  it('is not moved when it is lost', async () => {
    const { heap, move, chunk, tier } = withLarge(tiers());
    heap.lose(chunk, 0, 4096);
    expect(await move()).toBe('damaged');
    expect(tier()).toBe(0);
  });

  it('and is lost on the way stays where it is, and its value is lost', async () => {
    const { heap, store, move, handle, chunk, tier } = withLarge(tiers());
    const lost = new TierError('ERR_TIER_LOST', 'lost on the way');
    heap.rebackChunk = () => {
      heap.lose(chunk, 0, 4096, 'poison');
      throw lost;
    };
    expect(await move()).toEqual({ outcome: 'damaged', code: 'ERR_TIER_LOST' });
    expect(tier()).toBe(0);
    expect(() => handle(1).read()).toThrow(/poisoned/);
    expect(store.space.set.usedBytes(1)).toBe(0);
  });

  it('and is refused says by what', async () => {
    const { heap, move } = withLarge(tiers());
    heap.rebackChunk = () => {
      throw new TierError('ERR_TIER_NO_PERMISSION', 'no');
    };
    expect(await move()).toEqual({ outcome: 'refused', code: 'ERR_TIER_NO_PERMISSION' });
    const nothing = { tried: 1, applied: 0, failed: 1, copiedBytes: 0, durationNs: 0, pauseNs: 0 };
    heap.rebackChunk = () => ({ ...nothing, reasons: { EBUSY: 3 } });
    heap.movePages = async () => ({ ...nothing, reasons: { EBUSY: 3 } });
    expect(await move()).toEqual({ outcome: 'refused', code: 'EBUSY' });
  });
});

/** Resolves when the heap is moving pages. */
function carrying(heap: DamageableHeap): Promise<void> {
  return new Promise((resolve) => {
    const movePages = heap.movePages.bind(heap);
    heap.movePages = (...order) => {
      const moving = movePages(...order);
      resolve();
      return moving;
    };
  });
}

describe('a verified chunk that is being copied before the kernel moves it', () => {
  it.each<[string, (of: ReturnType<typeof withLarge>) => unknown]>([
    ['written', ({ handle }) => handle(1).write(bytes.map((byte) => byte ^ 0xff))],
    // Held: a lease that nobody holds ends when it is collected.
    ['leased', ({ handle }) => handle(1).lease()],
    [
      'written through a lease that ends',
      ({ handle }) => {
        using lease = handle(1).lease({ write: true });
        lease.view[chunkBytes + 5] ^= 0xff;
      },
    ],
  ])('and %s meanwhile is not moved now, and not taken for damaged', async (_, meanwhile) => {
    const all = withLarge();
    const pending = all.move();
    const held = meanwhile(all);
    const value = all.handle(1).read();
    expect(await pending).toBe('leased');
    expect(all.tier()).toBe(0);
    expect(all.store.integrity.book.list()).toEqual([]);
    expect(Buffer.compare(all.handle(1).read(), value)).toBe(0);
    (held as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
  });

  it('may be deleted, or its memory closed, meanwhile', async () => {
    const deleted = withLarge();
    const gone = deleted.move();
    deleted.store.remove(deleted.id);
    expect(await gone).toBe('gone');
    expect(deleted.store.space.set.usedBytes(0)).toBe(0);
    const closed = withLarge();
    const pending = closed.move();
    closed.store.close();
    expect(await pending).toBe('gone');
    expect(closed.store.integrity.book.list()).toEqual([]);
  });

  it('is not moved any more when the signal ends it', async () => {
    const { store, chunk, tier } = withLarge();
    const abort = new AbortController();
    const pending = store.units.move(chunkUnitBase + chunk, 0, 1, abort.signal);
    abort.abort();
    expect(await pending).toBe('cancelled');
    expect(tier()).toBe(0);
  });

  it('is copied and summed in slices, each of them timed', async () => {
    const clock = new SliceClock(1);
    const tiers = modelTiers([16, 16]);
    const { store, put } = damageableStore(tiers, clock);
    const { firstChunk } = store.space.largeOf(put(1, bytes, 0, true))!;
    expect(await store.units.move(chunkUnitBase + firstChunk, 0, 1)).toBe('moved');
    expect(clock.times().count).toBeGreaterThan(2 * 16);
  });
});

describe('a verified chunk that the kernel moves', () => {
  it('may be written meanwhile, and what was written stays', async () => {
    const { heap, store, move, handle, tier } = withLarge();
    const next = bytes.map((byte) => byte ^ 0xff);
    const started = carrying(heap);
    const pending = move();
    await started;
    handle(1).write(next);
    expect(await pending).toBe('moved');
    expect(tier()).toBe(1);
    expect(Buffer.compare(handle(1).read(), next)).toBe(0);
    expect(store.integrity.book.list()).toEqual([]);
  });

  it('and arrives changed after it was written meanwhile is damaged, not what it was before', async () => {
    const { heap, store, move, handle, corrupt } = withLarge();
    heap.onCarried = () => {
      heap.onCarried = undefined;
      queueMicrotask(() => {
        handle(1).write(bytes.map((byte) => byte ^ 0xff));
        corrupt(1, chunkBytes + 17);
      });
    };
    await move();
    expect(() => handle(1).read()).toThrow(/checksum/);
    expect(store.integrity.book.list()).toMatchObject([{ key: 1, cause: 'corrupt' }]);
  });

  it('may be written through a lease meanwhile, and what was written stays', async () => {
    const { heap, move, handle } = withLarge();
    const started = carrying(heap);
    const pending = move();
    await started;
    const lease = handle(1).lease({ write: true });
    lease.view[chunkBytes + 5] ^= 0xff;
    const written = lease.view[chunkBytes + 5];
    expect(await pending).toBe('moved');
    expect(lease.view[chunkBytes + 5]).toBe(written);
    lease.dispose();
    expect(handle(1).read()[chunkBytes + 5]).toBe(written);
  });

  it('may be deleted, or its memory closed, meanwhile', async () => {
    const first = withLarge();
    let started = carrying(first.heap);
    const moving = first.move();
    await started;
    first.store.remove(first.id);
    expect(await moving).toBe('moved');
    expect(first.store.space.set.usedBytes(0) + first.store.space.set.usedBytes(1)).toBe(0);
    const second = withLarge();
    started = carrying(second.heap);
    const pending = second.move();
    await started;
    second.store.close();
    await pending;
    expect(second.store.integrity.book.list()).toEqual([]);
  });

  it('may be deleted and then its memory closed meanwhile', async () => {
    const moved = withLarge();
    const started = carrying(moved.heap);
    const moving = moved.move();
    await started;
    moved.store.remove(moved.id);
    moved.store.close();
    await moving;
    const homed = withLarge();
    const homing = homed.store.mover.bringHome(homed.chunk);
    homed.store.remove(homed.id);
    homed.store.close();
    await homing;
  });

  it('may be rewritten under a writing lease meanwhile: the lease keeps what it writes, and the new value is good', async () => {
    const { heap, store, move, handle, id } = withLarge();
    const started = carrying(heap);
    const pending = move();
    await started;
    const lease = handle(1).lease({ write: true });
    const fresh = bytes.map((byte) => byte ^ 0xff);
    handle(1).write(fresh);
    lease.view[chunkBytes + 5] = 77;
    await pending;
    expect(lease.view[chunkBytes + 5]).toBe(77);
    expect(store.integrity.book.list()).toEqual([]);
    expect(Buffer.compare(handle(1).read(), fresh)).toBe(0);
    lease.dispose();
    store.remove(id);
    expect(store.space.set.usedBytes(0) + store.space.set.usedBytes(1)).toBe(0);
  });
});

describe('making room by moving values within a tier', () => {
  /** A tier of one chunk, its slabs of 4 KiB slots nearly empty; room for a 64 KiB value needs packing. */
  function crowded(verify: boolean) {
    const all = damageableStore(modelTiers([2]));
    const perSlab = 16;
    for (let key = 0; key < 32 * perSlab; key++) {
      all.put(key, new Uint8Array(4096).fill(key), 0, verify);
    }
    for (let key = 0; key < 32 * perSlab; key++) {
      if (key % perSlab !== 0) all.store.remove(all.store.find(key));
    }
    const keys = Array.from({ length: 32 }, (_, slab) => slab * perSlab);
    return { ...all, keys };
  }

  it('keeps every byte of verified values', () => {
    const { put, handle, keys } = crowded(true);
    put(10_000, new Uint8Array(60_000));
    for (const key of keys)
      expect(
        handle(key)
          .read()
          .every((b) => b === (key & 255)),
      ).toBe(true);
  });

  it('does not move what is corrupt, and marks it', () => {
    const { store, put, handle, corrupt, keys } = crowded(true);
    for (const key of keys) corrupt(key, 9);
    const places = keys.map((key) => store.space.byteOffsetOf(store.find(key)));
    expect(() => put(10_000, new Uint8Array(60_000))).toThrow(/No tier has room/);
    expect(keys.map((key) => store.space.byteOffsetOf(store.find(key)))).toEqual(places);
    expect(store.integrity.book.totals().corruptUnits).toBeGreaterThan(0);
    for (const key of keys) expect(() => handle(key).read()).toThrow(/checksum/);
  });

  it('never makes zeros into data when a page is lost while it is copied', () => {
    const { store, put, handle, lose, keys } = crowded(false);
    const all = store.space.set.bytes[store.space.chunkOf(store.find(0))];
    let copies = 0;
    all.set = function set(this: Uint8Array, source: ArrayLike<number>, at = 0) {
      if (++copies === 3) for (const key of keys) lose(key);
      Uint8Array.prototype.set.call(this, source, at);
    };
    for (let tries = 0; tries < 4; tries++) {
      try {
        put(10_000 + tries, new Uint8Array(60_000));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_TIER_FULL' });
      }
    }
    expect(copies).toBeGreaterThanOrEqual(3);
    let lost = 0;
    for (const key of keys) {
      try {
        expect(
          handle(key)
            .read()
            .every((byte) => byte === (key & 255)),
        ).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_TIER_LOST' });
        lost++;
      }
    }
    expect(lost).toBeGreaterThan(20);
  });
});

describe('a region’s chunk between memory and files', () => {
  const exposed = (options: { live: boolean; ownerThreadOnly?: boolean }) => {
    const { store, heap } = damageableStore(fileTiers([16, 16]));
    Object.assign(heap, { migrationMode: options.live ? 'transparent' : 'stop-the-world' });
    const order = { tiers: [0], node: -1, pinned: false };
    const id = store.allocate(0, chunkBytes, order, options.ownerThreadOnly ?? false);
    const { firstChunk } = store.space.largeOf(id)!;
    const move = (signal?: AbortSignal) =>
      store.units.move(chunkUnitBase + firstChunk, 0, 1, signal);
    return { store, heap, id, move };
  };

  it('moves under everybody’s hands where they can be held back', async () => {
    expect(await exposed({ live: true }).move()).toEqual(movedOnPaper);
  });

  it('stays where they cannot, unless only this thread uses it', async () => {
    expect(await exposed({ live: false }).move()).toBe('unsupported');
    const ours = exposed({ live: false, ownerThreadOnly: true });
    ours.heap.attachedThreads = () => 1;
    expect(await ours.move()).toBe('unsupported');
    ours.heap.attachedThreads = () => 0;
    expect(await ours.move()).toBe('moved');
  });

  it('can be called back by a signal, and by a pin that comes meanwhile', async () => {
    const { heap, move } = exposed({ live: true });
    const cancelled: number[] = [];
    const reasons = { CANCELLED: 1 };
    let end = () => {};
    heap.moveChunk = () =>
      new Promise((resolve) => {
        end = () =>
          resolve({
            tried: 1,
            applied: 0,
            failed: 1,
            copiedBytes: 0,
            durationNs: 0,
            pauseNs: 0,
            reasons,
          });
      });
    heap.cancelMove = (...chunk: number[]) => {
      cancelled.push(...chunk);
      end();
    };
    const controller = new AbortController();
    const aborted = move(controller.signal);
    controller.abort();
    expect(await aborted).toBe('cancelled');
    expect(cancelled).toHaveLength(1);
    const pinned = move();
    end();
    expect(await pinned).toBe('leased');
  });
});
