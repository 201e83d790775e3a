import { expect, test } from 'vitest';
import { ageBins, ageLengths } from '../../../../lib/policy/use-class.ts';
import { keepingValues } from '../../../../lib/simulation/cache/keeping-values.ts';
import { randomNumbers } from '../oracle/logs.ts';

/** The most hits for the time of any horizon, by trying all. */
function bestHorizon(shares: Float64Array, from: number): number {
  let best = 0;
  let waiting = 1;
  let hits = 0;
  let time = 0;
  for (let bin = from; bin < ageBins; bin++) {
    hits += waiting * shares[bin];
    time += waiting * (1 - shares[bin] / 2) * ageLengths[bin];
    waiting *= 1 - shares[bin];
    best = Math.max(best, hits / time);
  }
  return best;
}

test('the value is that of the best horizon, for every class and age', () => {
  const random = randomNumbers(11);
  const shares = Float64Array.from({ length: 3 * ageBins }, () => random() ** 3);
  const values = keepingValues(shares);
  for (let first = 0; first < shares.length; first += ageBins) {
    const own = shares.subarray(first, first + ageBins);
    for (let bin = 0; bin < ageBins; bin++) {
      expect(values[first + bin] / bestHorizon(own, bin)).toBeCloseTo(1, 9);
    }
  }
});

test('just before a use that is certain a unit is worth more than long before it', () => {
  const shares = new Float64Array(ageBins);
  shares[20] = 1;
  const values = keepingValues(shares);
  for (let bin = 1; bin <= 20; bin++) expect(values[bin]).toBeGreaterThan(values[bin - 1]);
  expect(values[21]).toBe(0);
});

test('what is never used again is worth nothing', () => {
  expect([...keepingValues(new Float64Array(ageBins))]).toEqual(new Array(ageBins).fill(0));
});
