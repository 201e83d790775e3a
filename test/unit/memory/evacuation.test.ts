import { describe, expect, it } from 'vitest';
import { unitBytes } from '../../../lib/memory/size-classes.ts';
import { chunkBytes } from '../../../lib/native.ts';
import { type DamageableStore, damageableStore, isSame } from '../../support/damageable-heap.ts';
import { modelTiers } from '../../support/stores.ts';

const slot = 4096;
const perSlab = unitBytes / slot;

function contentOf(key: number): Uint8Array {
  return new Uint8Array(slot - (key % 16)).fill(key * 7 + 1);
}

/** A tier with `slabs` full slabs of 4 KiB objects under the keys from 0. */
function filled(slabs: number, verify = false): DamageableStore {
  const all = damageableStore(modelTiers([64, 64]));
  for (let key = 0; key < slabs * perSlab; key++) all.put(key, contentOf(key), 0, verify);
  return all;
}

function remove({ store }: DamageableStore, gone: (key: number) => boolean): void {
  for (const key of [...store.allKeys()]) if (gone(key as number)) store.remove(store.find(key));
}

function expectWhole({ store, handle }: DamageableStore): void {
  for (const key of store.allKeys()) {
    expect(isSame(handle(key as number).read(), contentOf(key as number))).toBe(true);
  }
}

/** Runs the turn to its end; how many bytes were copied, or undefined when nothing was due. */
function tidy({ store }: DamageableStore, thorough = false): number | undefined {
  const work = store.units.tidy(thorough);
  if (work === undefined) return undefined;
  let copied = 0;
  for (const bytes of work) copied += bytes;
  return copied;
}

const used = ({ store }: DamageableStore) => store.space.set.usedBytes(0);
const mapped = ({ heap }: DamageableStore) => heap.backendStats(0).mappedBytes;

describe('evacuation', () => {
  it('is not due in a tier whose slabs are full, or empty', () => {
    const all = filled(100);
    expect(tidy(all)).toBeUndefined();
    remove(all, () => true);
    expect(tidy(all)).toBeUndefined();
    expect(used(all)).toBe(0);
  });

  it('packs what is left in sparse slabs, and gives slabs and chunks back', () => {
    const all = filled(320);
    remove(all, (key) => key % 4 !== 0);
    expect(used(all)).toBe(320 * unitBytes);
    const copied = tidy(all) as number;
    // Four slabs become one: the objects of three are copied, and slabs for the sake of their chunks.
    expect(copied).toBeGreaterThan(50 * unitBytes);
    expect(copied).toBeLessThan((60 + 80) * unitBytes);
    expect(used(all)).toBeLessThanOrEqual(1.1 * 80 * unitBytes);
    expect(mapped(all)).toBeLessThanOrEqual(1.1 * used(all) + chunkBytes);
    expectWhole(all);
  });

  it('is due from a fifth of holes on, and then goes down to a tenth', () => {
    const all = filled(100);
    remove(all, (key) => key % 7 === 0);
    // 86 % full: less than a fifth more than what is used.
    expect(tidy(all)).toBeUndefined();
    remove(all, (key) => key % 7 < 2);
    expect(tidy(all)).toBeGreaterThan(0);
    const live = 16 * 100 * (5 / 7) * slot;
    expect(used(all)).toBeLessThanOrEqual(1.11 * live);
    expect(tidy(all)).toBeUndefined();
    // More than a tenth of holes again, but not a fifth.
    remove(all, (key) => key % 70 === 2 || key % 70 === 66);
    expect(used(all)).toBeGreaterThan(1.1 * all.store.count * slot);
    expect(tidy(all)).toBeUndefined();
  });

  it('does what can wait when it is asked to be thorough', () => {
    const all = filled(100);
    remove(all, (key) => key % 7 === 0);
    expect(tidy(all, true)).toBeGreaterThan(0);
    expect(used(all)).toBeLessThanOrEqual(95 * unitBytes);
  });

  it('lets a tier alone that is too small to gain from it', () => {
    const all = damageableStore(modelTiers([8]));
    // One object each of many classes: a slab each, almost empty.
    for (let key = 0; key < 12; key++) all.put(key, new Uint8Array((40 << key) >> 1).fill(key));
    expect(used(all)).toBeGreaterThan(5 * 16 * 1024);
    expect(tidy(all, true)).toBeUndefined();
  });

  it('gives back chunks whose slabs fit into others though every slab is full', () => {
    const all = filled(32 * 8);
    // Of every chunk but the first three the slabs in the even units go.
    remove(all, (key) => key >= 96 * perSlab && Math.floor(key / perSlab) % 2 === 0);
    const before = mapped(all);
    expect(tidy(all)).toBeGreaterThan(0);
    expect(mapped(all)).toBeLessThan(before);
    expect(mapped(all)).toBeLessThanOrEqual(1.1 * used(all) + chunkBytes);
    expectWhole(all);
  });

  it('gives the spare chunk back once nobody needed it for a turn', () => {
    const all = filled(10);
    remove(all, () => true);
    tidy(all);
    expect(mapped(all)).toBe(chunkBytes);
    tidy(all);
    expect(mapped(all)).toBe(0);
  });

  it('leaves leased objects where they are, and what leases alone still see', () => {
    const all = filled(64);
    remove(all, (key) => key % perSlab > 3);
    const leases = [0, 16, 17, 33].map((key) => ({ key, lease: all.handle(key).lease() }));
    const places = leases.map(({ lease }) => lease.view.byteOffset);
    all.store.remove(all.store.find(33));
    tidy(all, true);
    leases.forEach(({ key, lease }, at) => {
      expect(lease.view.byteOffset).toBe(places[at]);
      expect(isSame(lease.view, contentOf(key))).toBe(true);
    });
    // 16 slabs would do for what is left; three are held beside.
    expect(used(all)).toBeLessThanOrEqual((1.1 * 16 + 3) * unitBytes);
    expectWhole(all);
    for (const { lease } of leases) lease.dispose();
    remove(all, () => true);
    expect(used(all)).toBe(0);
  });

  it('tries again ever more seldom while leases keep everything, and at once when asked', () => {
    const all = filled(32);
    remove(all, (key) => key % perSlab > 1);
    const leases = [...all.store.allKeys()].map((key) => all.handle(key as number).lease());
    const tried: number[] = [];
    for (let turn = 0; turn < 20; turn++) if (tidy(all) !== undefined) tried.push(turn);
    expect(tried).toEqual([0, 2, 5, 10, 19]);
    for (const lease of leases) lease.dispose();
    expect(tidy(all, true)).toBeGreaterThan(0);
    expect(used(all)).toBeLessThanOrEqual(6 * unitBytes);
  });

  it('does not stop at those that leases keep, however many', () => {
    const all = filled(300);
    remove(all, (key) => key % perSlab !== 3);
    // Leases in two slabs of three: more than one turn looks at.
    const kept = [...all.store.allKeys()].filter((_, at) => at % 3 !== 0) as number[];
    const leases = kept.map((key) => all.handle(key).lease());
    for (let turn = 0; turn < 64; turn++) tidy(all);
    // Of a hundred slabs without a lease most went; their objects are beside those that are leased.
    expect(used(all)).toBeLessThan(215 * unitBytes);
    for (const lease of leases) lease.dispose();
    expectWhole(all);
  });

  it('survives changes between its steps, and gives every hole to whoever needs one', () => {
    const all = damageableStore(modelTiers([8, 64]));
    const slabs = (8 * 2 ** 20) / unitBytes;
    for (let key = 0; key < slabs * perSlab; key++) all.put(key, contentOf(key));
    remove(all, (key) => key % 4 !== 0);
    let next = 1_000_000;
    let steps = 0;
    for (const _ of all.store.units.tidy(false) ?? []) {
      steps++;
      const id = all.store.find((steps * 40) % (slabs * perSlab));
      if (id >= 0) all.store.remove(id);
      // The tier is full of slabs: only a hole will do. A second tier would take it silently.
      for (let i = 0; i < 3; i++, next++) {
        all.put(next, contentOf(next), 0);
        expect(all.store.space.tierOf(all.store.find(next))).toBe(0);
      }
    }
    expect(steps).toBeGreaterThan(10);
    expectWhole(all);
    remove(all, () => true);
    expect(used(all)).toBe(0);
    expect(all.store.space.allocators[0].slabs).toEqual([]);
  });

  it('leaves the free slots of a slab that is half empty to others between its steps', () => {
    const all = damageableStore(modelTiers([2]));
    for (let key = 0; key < 32 * perSlab; key++) all.put(key, contentOf(key));
    // Ten objects in every slab: a step ends in the midst of one.
    remove(all, (key) => key % perSlab >= 10);
    const work = all.store.units.tidy(false);
    expect(work?.next().value).toBe(8 * slot);
    const free = 32 * (perSlab - 10);
    for (let i = 0; i < free; i++) all.put(1_000_000 + i, contentOf(i));
    expect(all.store.count).toBe(32 * perSlab);
  });

  it('makes no new slab when others have taken the holes', () => {
    const all = filled(32);
    remove(all, (key) => key % perSlab >= 10);
    const work = all.store.units.tidy(false);
    work?.next();
    for (let i = 0; i < 32 * (perSlab - 10); i++) all.put(1_000_000 + i, contentOf(i));
    expect(used(all)).toBe(32 * unitBytes);
    expect(work?.next()).toMatchObject({ value: 0 });
    expect(work?.next().done).toBe(true);
    expect(used(all)).toBe(32 * unitBytes);
  });

  it('can be ended between any two steps', () => {
    for (let steps = 1; steps < 60; steps += 7) {
      const all = filled(64);
      remove(all, (key) => key % 3 !== 0);
      const work = all.store.units.tidy(true);
      for (let i = 0; i < steps; i++) work?.next();
      work?.return();
      expectWhole(all);
      // What was begun is finished by the next one.
      tidy(all, true);
      expect(used(all)).toBeLessThanOrEqual(1.12 * (64 / 3) * unitBytes);
      remove(all, () => true);
      expect(used(all)).toBe(0);
    }
  });

  it('ends when the memory is closed between two steps', () => {
    const all = filled(64);
    remove(all, (key) => key % 3 !== 0);
    const work = all.store.units.tidy(true);
    work?.next();
    all.store.close();
    expect(work?.next().done).toBe(true);
    expect(all.store.units.tidy(true)).toBeUndefined();
  });

  it('does not carry damage on: what is lost or changed stays, and is known', () => {
    const all = filled(64, true);
    remove(all, (key) => key % perSlab > 3);
    all.corrupt(0);
    all.lose(64);
    tidy(all, true);
    expect(() => all.handle(0).read()).toThrow(/changed|match|corrupt/i);
    expect(() => all.handle(64).read()).toThrow(/lost/i);
    for (const key of all.store.allKeys()) {
      if (key === 0 || (key as number) - ((key as number) % perSlab) === 64) continue;
      expect(isSame(all.handle(key as number).read(), contentOf(key as number))).toBe(true);
    }
  });

  it('keeps going when a device loses memory between two steps', () => {
    const all = filled(96);
    remove(all, (key) => key % perSlab > 3);
    let steps = 0;
    for (const _ of all.store.units.tidy(true) ?? []) {
      const key = [...all.store.allKeys()][(steps++ * 13) % all.store.count] as number;
      if (steps < 6 && !all.store.integrity.book.has(all.store.find(key))) all.lose(key);
    }
    expect(steps).toBeGreaterThan(5);
    const bad = new Set(all.store.integrity.book.list().map(({ key }) => key));
    expect(bad.size).toBeGreaterThan(0);
    for (const key of all.store.allKeys()) {
      if (bad.has(key)) expect(() => all.handle(key as number).read()).toThrow(/lost/i);
      else expect(isSame(all.handle(key as number).read(), contentOf(key as number))).toBe(true);
    }
    remove(all, () => true);
    expect(used(all)).toBe(0);
  });
});
