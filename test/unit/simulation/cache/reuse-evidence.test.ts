import { expect, test } from 'vitest';
import { ageBin, ageBins, ageEdge, ageLengths } from '../../../../lib/policy/use-class.ts';
import { ReuseEvidence } from '../../../../lib/simulation/cache/reuse-evidence.ts';

const at = (useClass: number, age: number) => useClass * ageBins + ageBin(age);
const nobody = () => {};

test('an age ends with a use in its bin and was at risk in all bins before', () => {
  const evidence = new ReuseEvidence();
  evidence.countUse(2, 100);
  const { uses, atRisk } = evidence.table(nobody);
  expect(uses[at(2, 100)]).toBe(1);
  expect(uses.reduce((sum, count) => sum + count, 0)).toBe(1);
  for (let bin = 0; bin < ageBin(100); bin++) {
    expect(atRisk[2 * ageBins + bin]).toBeCloseTo(ageLengths[bin], 9);
  }
  expect(atRisk[at(2, 100)]).toBeCloseTo(100.5 - ageEdge(ageBin(100)), 9);
  expect(atRisk[at(2, 200)]).toBe(0);
});

test('who waits or is lost was at risk without a use', () => {
  const evidence = new ReuseEvidence();
  evidence.countLost(1, 50);
  const table = evidence.table((count) => count(1, 50));
  expect(table.uses.every((count) => count === 0)).toBe(true);
  expect(table.atRisk[ageBins]).toBeCloseTo(2 * ageLengths[0], 9);
  // Waiting goes on: it is counted anew each time, not added up.
  expect(evidence.table(nobody).atRisk[ageBins]).toBeCloseTo(ageLengths[0], 9);
});

test('what fades counts less against what is new', () => {
  const evidence = new ReuseEvidence();
  evidence.countUse(0, 10);
  evidence.fade(0.25);
  evidence.countUse(0, 30);
  const { uses, atRisk } = evidence.table(nobody);
  expect([uses[at(0, 10)], uses[at(0, 30)]]).toEqual([0.25, 1]);
  expect(atRisk[0]).toBeCloseTo(1.25 * ageLengths[0], 9);
});
