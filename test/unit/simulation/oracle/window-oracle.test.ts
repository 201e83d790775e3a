import { expect, test } from 'vitest';
import { windowOracle } from '../../../../lib/simulation/oracle/window-oracle.ts';
import { makeLog, makeTier, plainCosts } from './logs.ts';

const fast = makeTier('L1_DDR', 1, 100);
const slow = makeTier('L2_CXL', 0, 250);
const moveNs = 100 + 250;
const repeated = (unit: number, times: number): number[] => Array(times).fill(unit);

test('the busiest unit of the coming window is fetched, and both moves are charged', () => {
  const log = makeLog([...repeated(0, 7), 1, ...repeated(1, 8)], [1, 1]);
  const {
    accessNs,
    moveNs: moved,
    moves,
  } = windowOracle(log, [fast, slow], plainCosts, {
    windows: 2,
  });
  expect(moves).toBe(2);
  expect(accessNs).toBe((15 * 100 + 250) / 16);
  expect(moved).toBe((2 * moveNs) / 16);
});

test('what would not pay within its window stays', () => {
  const log = makeLog([0, 0, 0, 1, 1, 1, 1, 0], [1, 1]);
  const gated = windowOracle(log, [fast, slow], plainCosts, { windows: 2 });
  expect(gated.moves).toBe(0);
  const free = windowOracle(log, [fast, slow], plainCosts, { windows: 2, gated: false });
  expect(free.moves).toBe(2);
  expect(free.totalNs).toBe(free.accessNs + (2 * moveNs) / 8);
  expect(free.totalNs).toBeGreaterThan(gated.totalNs);
});

test('a new unit that will be busy is placed where it belongs at once', () => {
  const log = makeLog([0, ...repeated(1, 9)], [1, 1]);
  const result = windowOracle(log, [fast, slow], plainCosts, { windows: 1 });
  expect(result).toMatchObject({ moves: 0, totalNs: (250 + 9 * 100) / 10 });
});

test('what was not used for longest gives way, to the place that becomes free', () => {
  const middle = makeTier('L2_CXL', 1, 250);
  const last = makeTier('L4_NVME', 0, 20_000);
  const tiers = [{ ...fast, capacityBytes: 2 }, middle, last];
  const rows = [0, 1, 2, 3, 0, 1, ...repeated(2, 6), ...repeated(1, 6)];
  const result = windowOracle(makeLog(rows, [1, 1, 1, 1]), tiers, plainCosts, { windows: 3 });
  // Units 0 and 2 change places; unit 1, used after 0, is still there when it is wanted again.
  expect(result.moves).toBe(2);
  expect(result.moveNs * rows.length).toBeCloseTo(2 * moveNs, 8);
  expect(result.accessNs * rows.length).toBeCloseTo(4 * 100 + 250 + 20_000 + 12 * 100, 8);
});

test('where the tier below is full it goes further down', () => {
  const middle = makeTier('L2_CXL', 1, 250);
  const last = makeTier('L4_NVME', 0, 20_000);
  const rows = [0, 1, 2, 0, 1, 0, ...repeated(2, 6)];
  const result = windowOracle(makeLog(rows, [1, 1, 1]), [fast, middle, last], plainCosts, {
    windows: 2,
  });
  expect(result.moves).toBe(2);
  expect(result.moveNs * rows.length).toBeCloseTo(2 * (100 + 20_000), 8);
  expect(result.accessNs * rows.length).toBeCloseTo(3 * 100 + 2 * 250 + 20_000 + 6 * 100, 8);
});

test('several small units make room for a large one only together', () => {
  const roomy = [{ ...fast, capacityBytes: 2 }, slow];
  const rows = [0, 1, 0, 1, 2, 0, 1, 0, ...repeated(2, 8)];
  const result = windowOracle(makeLog(rows, [1, 1, 2]), roomy, plainCosts, { windows: 2 });
  expect(result).toMatchObject({ moves: 3, movedBytes: 4 });
});

test('a log with fewer rows than windows, or none, is played all the same', () => {
  expect(windowOracle(makeLog([0, 1], [1, 1]), [fast, slow], plainCosts).accessNs).toBe(175);
  expect(windowOracle(makeLog([], []), [fast, slow], plainCosts).totalNs).toBe(0);
});
