import { expect, test } from 'vitest';
import { staticOracle } from '../../../../lib/simulation/oracle/static-oracle.ts';
import { makeLog, makeTier, plainCosts } from './logs.ts';

const fast = makeTier('L1_DDR', 10, 100);
const slow = makeTier('L2_CXL', 0, 250);

test('the busiest units of equal size are in the fast tier, whenever they were created', () => {
  const log = makeLog([0, 1, 2, 2, 2, 1], [10, 10, 10]);
  const { tierOf, accessNs } = staticOracle(log, [fast, slow], plainCosts);
  expect([...tierOf]).toEqual([1, 1, 0]);
  expect(accessNs).toBe((3 * 100 + 3 * 250) / 6);
});

test('what counts is the time saved by a byte', () => {
  const log = makeLog([0, 1, 0, 0, 2, 1, 2], [10, 5, 5]);
  expect([...staticOracle(log, [fast, slow], plainCosts).tierOf]).toEqual([1, 0, 0]);
});

test('the first unit that does not fit closes a tier', () => {
  const log = makeLog([0, 1, 0, 0, 2, 1], [10, 5, 5]);
  expect([...staticOracle(log, [fast, slow], plainCosts).tierOf]).toEqual([1, 0, 1]);
});

test('the last tier takes what is left, whatever its capacity', () => {
  const log = makeLog([0, 1, 2], [10, 10, 10]);
  expect([...staticOracle(log, [fast, slow], plainCosts).tierOf]).toEqual([0, 1, 1]);
});

test('tiers fill top down', () => {
  const middle = makeTier('L2_CXL', 10, 250);
  const last = makeTier('L4_NVME', 0, 20_000);
  const log = makeLog([0, 1, 1, 2, 2, 2], [10, 10, 10]);
  expect([...staticOracle(log, [fast, middle, last], plainCosts).tierOf]).toEqual([2, 1, 0]);
});

test('a unit that is written is worth more where writes are dear', () => {
  const log = makeLog([0, 1, 0, 1], [10, 10], { writes: [1, 3] });
  const dear = makeTier('L3_PMEM', 0, 250, 1000);
  const { tierOf, accessNs } = staticOracle(log, [fast, dear], plainCosts);
  expect([...tierOf]).toEqual([1, 0]);
  expect(accessNs).toBe((100 + 250) / 2);
});

test('an average by access does not depend on the weight of rows', () => {
  const rows = [0, 1, 2, 2];
  const once = staticOracle(makeLog(rows, [10, 10, 10]), [fast, slow], plainCosts);
  const often = staticOracle(makeLog(rows, [10, 10, 10], { weight: 12 }), [fast, slow], plainCosts);
  expect(often.accessNs).toBeCloseTo(once.accessNs, 10);
});

test('an empty log costs nothing', () => {
  expect(staticOracle(makeLog([], []), [fast, slow], plainCosts).accessNs).toBe(0);
});
