import { describe, expect, it } from 'vitest';
import { lruPolicy } from '../../../lib/policy/lru.ts';
import { snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const tiers: TierSpec[] = [
  { capacityBytes: 10 * page, readLatencyNs: 100 },
  { capacityBytes: 10 * page, readLatencyNs: 250 },
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];
const full: UnitSpec[] = [
  ...Array.from({ length: 9 }, (_, i) => ({ id: 10 + i, tier: 0, heat: 0.01 * (i + 1) })),
  ...Array.from({ length: 9 }, (_, i) => ({ id: 30 + i, tier: 1, heat: 0.001 * (i + 1) })),
];

describe('lru', () => {
  it('promotes what was used last to the fastest tier and passes the least recent down, tier by tier', () => {
    const snapshot = snapshotOf(tiers, [...full, { id: 1, tier: 2, heat: 1, reads: 1 }]);
    const { moves } = lruPolicy().plan(snapshot, { bytes: Infinity });
    expect(moves.map((m) => [m.unit, m.from, m.to, m.reason])).toEqual([
      [30, 1, 2, 'victim'],
      [10, 0, 1, 'victim'],
      [1, 2, 0, 'recent'],
    ]);
  });

  it('exchanges neighbours without touching a third tier', () => {
    const snapshot = snapshotOf(tiers, [
      ...full.slice(0, 17),
      { id: 1, tier: 1, heat: 1, reads: 1 },
    ]);
    const { moves } = lruPolicy().plan(snapshot, { bytes: Infinity });
    expect(moves.map((m) => [m.unit, m.from, m.to])).toEqual([
      [10, 0, 1],
      [1, 1, 0],
    ]);
  });

  it('leaves alone what was not used', () => {
    const snapshot = snapshotOf(tiers, [{ id: 1, tier: 2, heat: 100 }]);
    expect(lruPolicy().plan(snapshot, { bytes: Infinity }).moves).toEqual([]);
  });

  it('stops at the budget with whole exchanges only', () => {
    const used = Array.from({ length: 4 }, (_, id) => ({ id, tier: 2, heat: 2 + id, reads: 1 }));
    const snapshot = snapshotOf(tiers, [...full, ...used]);
    const { moves, refused } = lruPolicy().plan(snapshot, { bytes: 5 * page });
    expect(moves.map((m) => m.unit)).toEqual([30, 10, 3]);
    expect(Object.keys(refused).length).toBe(1);
  });

  it('asks for a half-life far shorter than a turn of the fast tier', () => {
    const snapshot = snapshotOf(tiers, full);
    const halfLife = lruPolicy().halfLifeAccesses(snapshot.tiers, snapshot.unitCounts);
    expect(halfLife).toBe(1);
  });
});
