import { expect, test } from 'vitest';
import { CapacityPrices } from '../../../../lib/simulation/oracle/capacity-prices.ts';
import { makeTier } from './logs.ts';

const tiers = [
  makeTier('L1_DDR', 2, 100),
  makeTier('L2_CXL', 3, 250),
  makeTier('L4_NVME', 0, 2000),
];

/** Ten rows in four blocks, which begin at rows 0, 3, 5 and 8. */
function priced(): CapacityPrices {
  const prices = new CapacityPrices(tiers, 10, 4);
  prices.setPremiums(Float64Array.of(1, 0, 0, 5, 10, 20, 30, 40));
  return prices;
}

test('a tier costs its premium above the next, and the last nothing', () => {
  const prices = priced();
  expect([0, 2, 3, 9].map((row) => prices.at(0, row))).toEqual([11, 11, 20, 45]);
  expect([0, 2, 3, 9].map((row) => prices.at(1, row))).toEqual([10, 10, 20, 40]);
  expect(prices.at(2, 5)).toBe(0);
});

test('what a byte costs up to a row is the sum of the prices of the rows before', () => {
  const prices = priced();
  for (const tier of [0, 1, 2]) {
    let sum = 0;
    for (let row = 0; row <= 10; row++) {
      expect(prices.until(tier, row)).toBe(sum);
      if (row < 10) sum += prices.at(tier, row);
    }
  }
});

test('all capacity costs its bytes in all rows', () => {
  const prices = priced();
  expect(prices.capacityNs()).toBe(2 * prices.until(0, 10) + 3 * prices.until(1, 10));
});

test('excess is what is taken beyond the capacity of a tier and those above it', () => {
  const prices = priced();
  prices.take(0, 4, 1, 9);
  prices.take(1, 10, 3, 5);
  prices.take(2, 100, 0, 10);
  const excess = new Float64Array(8);
  prices.excess(excess);
  const own = [2 * 4 - 3 * 2, 2 * 4 - 2 * 2, 3 * 4 - 3 * 2, 1 * 4 - 2 * 2];
  expect([...excess.subarray(0, 4)]).toEqual(own);
  const next = [-3 * 3, 2 * 10 - 2 * 3, -3 * 3, -2 * 3];
  expect([...excess.subarray(4)]).toEqual(next.map((rows, block) => rows + own[block]));
});

test('new premiums forget what was taken', () => {
  const prices = priced();
  prices.take(0, 4, 0, 10);
  prices.setPremiums(new Float64Array(8));
  const excess = new Float64Array(8);
  prices.excess(excess);
  expect([...excess.subarray(0, 4)]).toEqual([-6, -4, -6, -4]);
});
