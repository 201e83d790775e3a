import { describe, expect, it } from 'vitest';
import { ModelledStore } from '../../../lib/simulation/modelled-store.ts';
import { memory, page, placed, placeOne } from './placed-units.ts';

const wide = [memory(1e9, 100, 100), memory(1e9, 250, 30)];

describe('interleave', () => {
  it('deals new units out by bandwidth, evenly all along', () => {
    for (let count = 13; count <= 1300; count += 117) {
      const [fast, slow] = placed('interleave', wide, count);
      expect(Math.abs(fast - (count * 10) / 13)).toBeLessThanOrEqual(1);
      expect(fast + slow).toBe(count);
    }
  });

  it('goes on with the others when a tier is full, and gives a device only what memory cannot hold', () => {
    const small = [memory(10 * page, 100, 100), memory(30 * page, 250, 30), memory(1e9, 80_000, 7)];
    expect(placed('interleave', small, 13)).toEqual([10, 3, 0]);
    expect(placed('interleave', small, 40)).toEqual([10, 30, 0]);
    expect(placed('interleave', small, 45)).toEqual([10, 30, 5]);
  });

  it('makes up for what was deleted', () => {
    const store = new ModelledStore(wide);
    for (let i = 0; i < 130; i++) placeOne(store, 'interleave');
    const slow = Array.from({ length: 130 }, (_, unit) => unit).filter(
      (unit) => store.tierOf(unit) === 1,
    );
    for (const unit of slow.slice(0, 20)) store.delete(unit);
    const next = Array.from({ length: 15 }, () => placeOne(store, 'interleave'));
    expect(next).toEqual(new Array(15).fill(1));
  });

  it('follows a hint', () => {
    expect(placed('interleave', wide, 20, () => 1)).toEqual([0, 20]);
  });
});
