import { describe, expect, it } from 'vitest';
import {
  classIndex,
  maxSlabObjectBytes,
  sizeClasses,
  slotAlignment,
  unitBytes,
  unitsPerChunk,
} from '../../../lib/memory/size-classes.ts';

describe('size classes', () => {
  it('give every size the smallest class that holds it', () => {
    for (let bytes = 0; bytes <= maxSlabObjectBytes; bytes += bytes < 70_000 ? 1 : 997) {
      const chosen = sizeClasses[classIndex(bytes)];
      expect(chosen.slotBytes).toBeGreaterThanOrEqual(bytes);
      const smaller = sizeClasses[chosen.index - 1];
      if (smaller !== undefined) expect(smaller.slotBytes).toBeLessThan(bytes);
    }
  });

  it('hold the largest slab object exactly and end there', () => {
    expect(sizeClasses.at(-1)!.slotBytes).toBe(maxSlabObjectBytes);
  });

  it('waste at most a fifth of a slot above the linear classes', () => {
    for (const { slotBytes, index } of sizeClasses.slice(9)) {
      const smallest = sizeClasses[index - 1].slotBytes + 1;
      expect((slotBytes - smallest) / slotBytes).toBeLessThanOrEqual(0.2);
    }
  });

  it('fit slabs into a chunk, aligned, losing at most an eighth to the remainder', () => {
    for (const { slotBytes, slots, units } of sizeClasses) {
      expect(units).toBeLessThanOrEqual(unitsPerChunk);
      expect(slotBytes % slotAlignment).toBe(0);
      expect(slots * slotBytes).toBeGreaterThanOrEqual(units * unitBytes * 0.875);
    }
  });
});
