import { describe, expect, it } from 'vitest';
import { interleaveOrder, interleaveShares } from '../../../lib/numa/interleave.ts';

describe('shares by weight', () => {
  it('are exact where the weights divide the whole', () => {
    expect(interleaveShares(512, [1, 1])).toEqual([256, 256]);
    expect(interleaveShares(512, [3, 1])).toEqual([384, 128]);
    expect(interleaveShares(12, [0.5, 0.25, 0.25])).toEqual([6, 3, 3]);
  });

  it('give what is left over to the largest remainders, and to the first of equal ones', () => {
    expect(interleaveShares(10, [1, 1, 1])).toEqual([4, 3, 3]);
    expect(interleaveShares(7, [5, 3, 2])).toEqual([4, 2, 1]);
    expect(interleaveShares(1, [1, 2])).toEqual([0, 1]);
  });

  it('leave out who has no weight', () => {
    expect(interleaveShares(5, [0, 1])).toEqual([0, 5]);
  });

  it('give what one has no room for to the others, by their weights', () => {
    expect(interleaveShares(12, [1, 1, 1], [2, 99, 99])).toEqual([2, 5, 5]);
    expect(interleaveShares(12, [2, 3, 1], [99, 1, 99])).toEqual([7, 1, 4]);
    // The second is full only because of what the first could not take.
    expect(interleaveShares(12, [6, 3, 3], [2, 4, 99])).toEqual([2, 4, 6]);
  });

  it('are none when there is not room for all', () => {
    expect(interleaveShares(12, [1, 1], [5, 6])).toBeUndefined();
    expect(interleaveShares(11, [1, 1], [5, 6])).toEqual([5, 6]);
    expect(interleaveShares(1, [1, 0], [0, 9])).toBeUndefined();
  });
});

describe('the order of the parts', () => {
  const orderOf = (shares: readonly number[], run?: number) =>
    [...interleaveOrder(shares, run)].join('');

  it('mixes the shares evenly', () => {
    expect(orderOf([4, 4])).toBe('01010101');
    expect(orderOf([6, 2])).toBe('00100010');
    expect(orderOf([2, 1, 1])).toBe('0120');
  });

  it('deals out several parts a turn when it is told to, and the last ones as they come', () => {
    expect(orderOf([6, 6], 2)).toBe('001100110011');
    expect(orderOf([5, 2], 4)).toBe('0000110');
  });

  it('is empty for nothing', () => {
    expect(orderOf([0, 0])).toBe('');
  });
});
