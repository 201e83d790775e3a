import { expect, test } from 'vitest';
import { phaseStaticOracle } from '../../../../lib/simulation/oracle/phase-static-oracle.ts';
import { staticOracle } from '../../../../lib/simulation/oracle/static-oracle.ts';
import { makeLog, makeTier, plainCosts, randomNumbers, randomRows } from './logs.ts';

const fast = makeTier('L1_DDR', 1, 100);
const slow = makeTier('L2_CXL', 0, 250);
const repeated = (unit: number, times: number): number[] => Array(times).fill(unit);

test('one phase is the static oracle', () => {
  const log = makeLog(randomRows(randomNumbers(9), 8, 200), Array(8).fill(1), { weight: 3 });
  const tiers = [{ ...fast, capacityBytes: 3 }, slow];
  const { accessNs, moveNs } = phaseStaticOracle(log, tiers, plainCosts, [{ start: 0 }]);
  expect(accessNs).toBeCloseTo(staticOracle(log, tiers, plainCosts).accessNs, 10);
  expect(moveNs).toBe(0);
});

test('each phase is placed for at its start, moves charged', () => {
  const log = makeLog([0, 1, ...repeated(0, 8), ...repeated(1, 10)], [1, 1]);
  const phases = [{ start: 0 }, { start: 10 }];
  const result = phaseStaticOracle(log, [fast, slow], plainCosts, phases);
  expect(result).toMatchObject({ moves: 2, accessNs: (19 * 100 + 250) / 20, moveNs: 700 / 20 });
});

test('popularity that is given decides, not what the draw came to', () => {
  const log = makeLog([0, 1, 1, 0, 1, 1], [1, 1]);
  const popularity = Float64Array.of(4, 2);
  const result = phaseStaticOracle(log, [fast, slow], plainCosts, [{ start: 0, popularity }]);
  expect(result.accessNs).toBe((2 * 100 + 4 * 250) / 6);
});

test('a unit that does not exist yet is not placed for', () => {
  const log = makeLog([0, 0, 0, 1, 1, 1], [1, 1]);
  const popularity = Float64Array.of(1, 9);
  const phases = [{ start: 0, popularity }, { start: 3 }];
  const result = phaseStaticOracle(log, [fast, slow], plainCosts, phases);
  // Unit 0 has the fast tier until unit 1 comes.
  expect(result).toMatchObject({ moves: 1, accessNs: 100 });
});

test('a phase nobody expects a new unit in places it where there is room', () => {
  const log = makeLog([0, 1, 0], [1, 1]);
  const popularity = Float64Array.of(3, 0);
  const result = phaseStaticOracle(log, [fast, slow], plainCosts, [{ start: 0, popularity }]);
  expect(result.accessNs).toBe((100 + 250 + 100) / 3);
});

test('a move that its phase does not pay for is made only without the gate', () => {
  const log = makeLog([0, 1, 0, 0, 1, 1], [1, 1]);
  const phases = [{ start: 0 }, { start: 4 }];
  expect(phaseStaticOracle(log, [fast, slow], plainCosts, phases).moves).toBe(0);
  const free = phaseStaticOracle(log, [fast, slow], plainCosts, phases, { gated: false });
  expect(free.moves).toBe(2);
});
