import { describe, expect, it } from 'vitest';
import { memory, page, placed } from './placed-units.ts';

const tiers = [memory(100 * page, 100, 100), memory(1e9, 250, 30)];

describe('first-touch', () => {
  it('fills the fastest tier to the last byte, where static keeps the head-room', () => {
    expect(placed('first-touch', tiers, 150)).toEqual([100, 50]);
    expect(placed('static', tiers, 150)).toEqual([97, 53]);
  });

  it('leaves no room for a late hint, where static does', () => {
    const late = (unit: number): number => (unit === 149 ? 0 : -1);
    expect(placed('first-touch', tiers, 150, late)).toEqual([100, 50]);
    expect(placed('static', tiers, 150, late)).toEqual([98, 52]);
  });

  it('takes a hint as a lower bound', () => {
    expect(placed('first-touch', tiers, 10, () => 1)).toEqual([0, 10]);
  });
});
