import { describe, expect, it } from 'vitest';
import { classIndex, sizeClasses } from '../../../lib/memory/size-classes.ts';
import { isObject, isVacant, Slab } from '../../../lib/memory/slab.ts';

const shape = sizeClasses[classIndex(16_384)];

function takeAll(slab: Slab): number[] {
  const slots: number[] = [];
  while (slab.hasRoom) slots.push(slab.take(slots.length));
  return slots;
}

describe('a slab', () => {
  it('gives every slot once, and again what was given back', () => {
    const slab = new Slab(0, shape, 0);
    const slots = takeAll(slab);
    expect(new Set(slots).size).toBe(shape.slots);
    expect(slab.used).toBe(shape.slots);
    slab.give(slots[2]);
    expect(slab.freeSlots).toBe(1);
    expect(slab.take(99)).toBe(slots[2]);
    expect(slab.owners[slots[2]]).toBe(99);
  });

  it.each([0, 1, 2, 3])('never gives lost slot %i, free when it was lost', (lost) => {
    const slab = new Slab(0, shape, 0);
    expect(shape.slots).toBe(4);
    expect(isVacant(slab.lose(lost))).toBe(true);
    expect(isVacant(slab.lose(lost))).toBe(true);
    expect(slab.freeSlots).toBe(3);
    expect(takeAll(slab)).toHaveLength(3);
    expect(isVacant(slab.owners[lost])).toBe(true);
    expect(slab.freeSlots).toBe(0);
  });

  it('keeps a lost slot in use until it is given back, and then gives it to nobody', () => {
    const slab = new Slab(0, shape, 0);
    const slots = takeAll(slab);
    expect(slab.lose(slots[1])).toBe(1);
    expect(isObject(slab.owners[slots[1]])).toBe(true);
    slab.give(slots[1]);
    expect(slab.hasRoom).toBe(false);
    slab.give(slots[0]);
    expect(takeAll(slab)).toEqual([slots[0]]);
    expect(slab.used).toBe(3);
  });

  it('asks about every object with its place, and refuses for what only leases see', () => {
    const slab = new Slab(0, shape, 0);
    slab.byteOffset = 65_536;
    const slots = takeAll(slab);
    const seen: [number, number][] = [];
    slab.give(slots[3]);
    const all = slab.every((id, byteOffset) => seen.push([id, byteOffset]) > 0);
    expect(all).toBe(true);
    expect(seen).toEqual(slots.slice(0, 3).map((slot, id) => [id, 65_536 + slot * 16_384]));
    slab.disown(slots[0]);
    expect(slab.every(() => true)).toBe(false);
  });
});
