import { expect, test } from 'vitest';
import type { AccessLog } from '../../../../lib/simulation/access-log.ts';
import { lowerBound } from '../../../../lib/simulation/oracle/lower-bound.ts';
import { staticOracle } from '../../../../lib/simulation/oracle/static-oracle.ts';
import { windowOracle } from '../../../../lib/simulation/oracle/window-oracle.ts';
import {
  cheapestByTrial,
  makeLog,
  makeTier,
  plainCosts,
  randomNumbers,
  randomRows,
} from './logs.ts';

const fast = makeTier('L1_DDR', 1, 100);
const middle = makeTier('L2_CXL', 1, 250, 300);
const slow = makeTier('L4_NVME', 0, 2000, 3000);

/** Four units; `largest` above 1 gives them random sizes up to that. */
function randomLog(seed: number, weight: number, largest = 1): AccessLog {
  const random = randomNumbers(seed * 7919);
  const rows = randomRows(random, 4, 10 + Math.floor(random() * 12));
  const sizes = Array.from({ length: 4 }, () => 1 + Math.floor(random() * largest));
  const writes = rows.map((_, row) => row).filter(() => random() < 0.3);
  return makeLog(rows, sizes, { weight, writes });
}

for (const [name, weight, tiers] of [
  ['one access a row', 1, [fast, middle]],
  ['four accesses a row', 4, [fast, middle]],
  ['room for two units', 4, [{ ...fast, capacityBytes: 2 }, middle]],
  ['three tiers', 4, [fast, middle, slow]],
  ['three tiers and sixteen accesses a row', 16, [fast, middle, slow]],
] as const) {
  test(`the bound is what the best policy reaches with units of equal size: ${name}`, () => {
    for (let seed = 1; seed <= 8; seed++) {
      const log = randomLog(seed, weight);
      const { totalNs } = lowerBound(log, tiers, plainCosts, { steps: 400 });
      expect(totalNs).toBeLessThanOrEqual(cheapestByTrial(log, tiers, plainCosts) + 1e-6);
      expect(totalNs).toBeGreaterThan(cheapestByTrial(log, tiers, plainCosts) - 0.01);
    }
  });
}

test('units of different sizes, whose parts the bound may place apart, do not lift it above the best', () => {
  const roomy = [{ ...fast, capacityBytes: 3 }, { ...middle, capacityBytes: 3 }, slow];
  for (let seed = 1; seed <= 10; seed++) {
    const log = randomLog(seed, 4, 4);
    const best = cheapestByTrial(log, roomy, plainCosts);
    const { totalNs } = lowerBound(log, roomy, plainCosts, { steps: 400 });
    expect(totalNs).toBeLessThanOrEqual(best + 1e-6);
    expect(totalNs).toBeGreaterThan(0.6 * best);
  }
});

test('a unit larger than a tier is never in it', () => {
  const log = makeLog([0, 0, 0, 0], [2]);
  expect(lowerBound(log, [fast, middle], plainCosts).totalNs).toBe(250);
});

test('blocks of several rows and few steps lower the bound and never lift it', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const log = randomLog(seed, 4);
    const best = cheapestByTrial(log, [fast, middle], plainCosts);
    for (const options of [{ blocks: 3 }, { blocks: 1 }, { steps: 1 }, { steps: 5, blocks: 7 }]) {
      const { totalNs } = lowerBound(log, [fast, middle], plainCosts, options);
      expect(totalNs).toBeLessThanOrEqual(best + 1e-6);
      expect(totalNs).toBeGreaterThan(0);
    }
  }
});

test('a longer log with hot sets that change is bounded closely', () => {
  const random = randomNumbers(3);
  const units = 60;
  const rows = Array.from({ length: units }, (_, unit) => unit);
  for (let row = 0; row < 6000; row++) {
    const hot = row < 3000 ? 0 : 30;
    rows.push(random() < 0.9 ? hot + Math.floor(random() * 6) : Math.floor(random() * units));
  }
  const log = makeLog(rows, Array(units).fill(1), { weight: 8 });
  const tiers = [{ ...fast, capacityBytes: 6 }, middle];
  const { totalNs } = lowerBound(log, tiers, plainCosts);
  const moving = windowOracle(log, tiers, plainCosts, { windows: 2 }).totalNs;
  expect(staticOracle(log, tiers, plainCosts).accessNs).toBeGreaterThan(1.3 * totalNs);
  expect(totalNs).toBeLessThanOrEqual(moving);
  expect(totalNs).toBeGreaterThan(0.9 * moving);
});

test('with room for everything in the fastest tier the bound is its access time, at once', () => {
  const bound = lowerBound(randomLog(1, 1), [{ ...fast, capacityBytes: 4 }, middle], plainCosts);
  expect(bound).toEqual({ totalNs: 100, steps: 1, blocks: expect.any(Number) });
});

test('one tier is a bound without an ascent', () => {
  expect(lowerBound(makeLog([0, 1], [1, 1]), [fast], plainCosts).totalNs).toBe(100);
});

test('there are at most as many blocks as rows, and none in an empty log', () => {
  expect(lowerBound(makeLog([0, 1, 0], [1, 1]), [fast, middle], plainCosts).blocks).toBe(3);
  const empty = lowerBound(makeLog([], []), [fast, middle], plainCosts);
  expect(empty).toEqual({ totalNs: 0, steps: 0, blocks: 0 });
});
