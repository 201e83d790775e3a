import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../../lib/policy/policies.ts';
import { snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const tiers: TierSpec[] = [
  { capacityBytes: 10 * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const held = (heat: number): UnitSpec[] =>
  Array.from({ length: 9 }, (_, i) => ({ id: 100 + i, tier: 0, heat }));
const moved = (units: readonly UnitSpec[], parameters = {}): number[] =>
  createPolicy('hemem', parameters)
    .plan(snapshotOf(tiers, units), { bytes: Infinity })
    .moves.map((m) => m.unit);

describe('hemem', () => {
  it('calls hot what was used eight times', () => {
    expect(moved([...held(1), { id: 1, tier: 1, heat: 7.9 }])).toEqual([]);
    expect(moved([...held(1), { id: 1, tier: 1, heat: 8.1 }])).toEqual([100, 1]);
  });

  it('counts a write twice', () => {
    expect(moved([...held(1), { id: 1, tier: 1, heat: 4.1, writes: 2 }])).toEqual([100, 1]);
    expect(moved([...held(1), { id: 1, tier: 1, heat: 4.1, reads: 2 }])).toEqual([]);
  });

  it('never exchanges hot for hot', () => {
    expect(moved([...held(9), { id: 1, tier: 1, heat: 18 }])).toEqual([]);
  });

  it('cools by the hottest unit: what has less than 8/18 of its uses is not hot', () => {
    const hottest = { id: 2, tier: 0, heat: 180 };
    const units = held(1).slice(0, 8);
    expect(moved([...units, hottest, { id: 1, tier: 1, heat: 79 }])).toEqual([]);
    expect(moved([...units, hottest, { id: 1, tier: 1, heat: 81 }])).toEqual([100, 1]);
  });

  it('takes both thresholds from its parameters', () => {
    const units = [...held(1), { id: 1, tier: 1, heat: 5 }];
    expect(moved(units, { hotUses: 4, coolUses: 10 })).toEqual([100, 1]);
  });
});
