import { describe, expect, it } from 'vitest';
import { PartialSlabs } from '../../../lib/memory/partial-slabs.ts';
import { classIndex, sizeClasses } from '../../../lib/memory/size-classes.ts';
import { evacuating, Slab } from '../../../lib/memory/slab.ts';

const shape = sizeClasses[classIndex(4096)];

/** A slab with so many objects, in the lists. */
function slabWith(partial: PartialSlabs, used: number, of = shape): Slab {
  const slab = new Slab(0, of, 0);
  for (let id = 0; id < used; id++) slab.take(id);
  partial.update(slab);
  return slab;
}

describe('partial slabs', () => {
  it('give new objects to the fullest that has room', () => {
    const partial = new PartialSlabs();
    slabWith(partial, 3);
    const full = slabWith(partial, shape.slots - 1);
    slabWith(partial, shape.slots);
    slabWith(partial, 9);
    expect(partial.fullest(shape.index)).toBe(full);
    full.take(99);
    partial.update(full);
    expect(partial.fullest(shape.index)?.used).toBe(9);
  });

  it('of one class are of no use to another', () => {
    const partial = new PartialSlabs();
    slabWith(partial, 3);
    expect(partial.fullest(shape.index + 1)).toBeUndefined();
  });

  it('name the sparsest only when its objects fit into the others', () => {
    const partial = new PartialSlabs();
    const sparse = slabWith(partial, 2);
    const other = slabWith(partial, shape.slots - 1);
    expect(partial.sparsest()).toBeUndefined();
    other.give(0);
    partial.update(other);
    expect(partial.sparsest()).toBe(sparse);
  });

  it('name the one that costs the least, of whichever class', () => {
    const partial = new PartialSlabs();
    const small = sizeClasses[classIndex(64)];
    for (const of of [shape, small]) for (let i = 0; i < 3; i++) slabWith(partial, 5, of);
    // Five objects of 64 B are fewer bytes than five of 4 KiB.
    expect(partial.sparsest()?.shape).toBe(small);
  });

  it('pass over those that are to be skipped', () => {
    const partial = new PartialSlabs();
    const slabs = [1, 1, 5, 10].map((used) => slabWith(partial, used));
    const skip = new Set<Slab>();
    for (const used of [1, 1, 5]) {
      const slab = partial.sparsest(skip) as Slab;
      expect(slab.used).toBe(used);
      skip.add(slab);
    }
    skip.add(slabs[3]);
    expect(partial.sparsest(skip)).toBeUndefined();
  });

  it('do not count the holes of one that is out, or set aside', () => {
    const partial = new PartialSlabs();
    const [a, b] = [slabWith(partial, 8), slabWith(partial, 8)];
    expect(partial.sparsest()).toBeDefined();
    partial.remove(a);
    a.partialAt = evacuating;
    a.give(0);
    partial.update(a);
    expect(partial.fullest(shape.index)).toBe(b);
    expect(partial.sparsest()).toBeUndefined();
  });

  it('agree with a list of all slabs after any changes', () => {
    const partial = new PartialSlabs();
    const slabs = Array.from({ length: 40 }, () => slabWith(partial, 1));
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed % below;
    };
    for (let round = 0; round < 5000; round++) {
      const slab = slabs[random(slabs.length)];
      if (random(2) === 0 && slab.hasRoom) slab.take(round);
      else if (slab.used > 1) slab.give(slab.owners.findIndex((owner) => owner < 0x7fffffff));
      partial.update(slab);
      const withRoom = slabs.filter(({ hasRoom }) => hasRoom);
      const fullest = partial.fullest(shape.index);
      expect(fullest === undefined).toBe(withRoom.length === 0);
      // As full as any, to an eighth of a slab.
      const most = Math.max(0, ...withRoom.map(({ used }) => used));
      if (fullest !== undefined) expect(most - fullest.used).toBeLessThan(shape.slots / 8);
      const holes = withRoom.reduce((sum, { freeSlots }) => sum + freeSlots, 0);
      const sparsest = partial.sparsest();
      if (sparsest !== undefined) {
        expect(holes - sparsest.freeSlots).toBeGreaterThanOrEqual(sparsest.used);
      } else {
        for (const { freeSlots, used } of withRoom) expect(holes - freeSlots).toBeLessThan(used);
      }
    }
  });
});
