import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../../lib/policy/policies.ts';
import type { Plan } from '../../../lib/policy/policy.ts';
import { snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const tiers: TierSpec[] = [
  { capacityBytes: 100 * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const held = (count: number): UnitSpec[] =>
  Array.from({ length: count }, (_, i) => ({ id: 100 + i, tier: 0, heat: 5 + i }));
const plan = (units: readonly UnitSpec[], parameters = {}): Plan =>
  createPolicy('watermark', parameters).plan(snapshotOf(tiers, units), { bytes: Infinity });
const steps = (made: Plan): [number, string][] => made.moves.map((m) => [m.unit, m.reason]);

describe('watermark', () => {
  it('promotes at the second use into free room', () => {
    const once = { id: 1, tier: 1, heat: 1.1, reads: 1 };
    const twice = { id: 2, tier: 1, heat: 1.6, reads: 1 };
    expect(steps(plan([...held(50), once, twice]))).toEqual([[2, 'hot']]);
  });

  it('demotes the least recently used when free room runs out, whoever waits', () => {
    expect(plan(held(97)).moves).toEqual([]);
    expect(steps(plan(held(99)))).toEqual([
      [100, 'room'],
      [101, 'room'],
    ]);
  });

  it('makes a little room for promotions that wait, without asking who is hotter', () => {
    const waiting = Array.from({ length: 3 }, (_, id) => ({ id, tier: 1, heat: 2, reads: 1 }));
    const made = plan([...held(97), ...waiting]);
    expect(steps(made)).toEqual([
      [100, 'victim'],
      [0, 'hot'],
    ]);
    expect(made.refused).toEqual({ room: 2 });
  });

  it('takes the second use and the watermark from its parameters', () => {
    const twice = { id: 2, tier: 1, heat: 2, reads: 1 };
    expect(plan([...held(50), twice], { hotUses: 4 }).moves).toEqual([]);
    expect(plan(held(98), { lowShare: 0.01 }).moves).toEqual([]);
    expect(plan(held(98), { lowShare: 0.025 }).moves).toHaveLength(1);
  });
});
