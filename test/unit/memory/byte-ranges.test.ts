import { describe, expect, it } from 'vitest';
import { outside, totalBytes } from '../../../lib/memory/byte-ranges.ts';

describe('what is outside of ranges', () => {
  const range = { from: 10, to: 20 };

  it('is everything when they lie elsewhere', () => {
    expect(outside(range, [])).toEqual([range]);
    expect(
      outside(range, [
        { from: 0, to: 10 },
        { from: 20, to: 30 },
      ]),
    ).toEqual([range]);
  });

  it('is nothing when they cover it together', () => {
    expect(
      outside(range, [
        { from: 15, to: 30 },
        { from: 0, to: 15 },
      ]),
    ).toEqual([]);
  });

  it('is what lies before, between and after them, in whatever order they come and however they overlap', () => {
    const holes = [
      { from: 16, to: 17 },
      { from: 11, to: 14 },
      { from: 12, to: 13 },
    ];
    const parts = outside(range, holes);
    expect(parts).toEqual([
      { from: 10, to: 11 },
      { from: 14, to: 16 },
      { from: 17, to: 20 },
    ]);
    expect(totalBytes(parts)).toBe(6);
  });
});
