import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TierState } from '../../../lib/policy/policy.ts';
import { headroomBytes, nestedThresholds, usableBytes } from '../../../lib/policy/thresholds.ts';
import { snapshotOf, type UnitSpec } from './snapshots.ts';

const tier = (capacityBytes: number): TierState =>
  snapshotOf([{ capacityBytes, readLatencyNs: 100 }], []).tiers[0];

describe('head-room', () => {
  it('is 3 % of a small tier', () => {
    expect(headroomBytes(1e6)).toBe(3e4);
    expect(usableBytes(tier(1e6))).toBe(9.7e5);
  });

  it('stays within 100 and 1500 MB for tiers above a gibibyte', () => {
    expect(headroomBytes(2 * 2 ** 30)).toBe(100e6);
    expect(headroomBytes(2 ** 40)).toBe(1500e6);
  });
});

describe('nested thresholds', () => {
  it('are -Infinity where everything fits', () => {
    const snapshot = snapshotOf(
      [
        { capacityBytes: 1e6, readLatencyNs: 100 },
        { capacityBytes: 1e6, readLatencyNs: 250 },
      ],
      [{ id: 1, tier: 1, heat: 4 }],
    );
    expect(nestedThresholds(snapshot.tiers, snapshot.histograms)).toEqual([-Infinity]);
  });

  it('are empty for a single tier', () => {
    const snapshot = snapshotOf([{ capacityBytes: 1e6, readLatencyNs: 100 }], []);
    expect(nestedThresholds(snapshot.tiers, snapshot.histograms)).toEqual([]);
  });

  it('fall from tier to tier, and what is an octave above them fits', () => {
    const unit = fc.record({
      heat: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      tier: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 200 }), (units) => {
        const specs: UnitSpec[] = units.map((u, id) => ({ id, ...u }));
        const snapshot = snapshotOf(
          [
            { capacityBytes: 20 * 4096, readLatencyNs: 100 },
            { capacityBytes: 60 * 4096, readLatencyNs: 250 },
            { capacityBytes: 1e9, readLatencyNs: 80_000 },
          ],
          specs,
        );
        const [first, second] = nestedThresholds(snapshot.tiers, snapshot.histograms);
        expect(second).toBeLessThanOrEqual(first);
        const hotter = (limit: number): number =>
          4096 * specs.filter((u) => Math.log2(u.heat) + 9 >= limit + 1).length;
        expect(hotter(first)).toBeLessThanOrEqual(usableBytes(snapshot.tiers[0]));
        expect(hotter(second)).toBeLessThanOrEqual(
          usableBytes(snapshot.tiers[0]) + usableBytes(snapshot.tiers[1]),
        );
      }),
    );
  });
});
