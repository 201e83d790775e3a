import { describe, expect, it } from 'vitest';
import { type ExplainedPlan, explainUnits } from '../../../lib/explain/explain-plan.ts';
import type { Plan, Snapshot } from '../../../lib/policy/policy.ts';
import { snapshotOf } from '../policy/snapshots.ts';

const tiers = [
  { capacityBytes: 1e6, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];
/** Unit 7 is fast, 8 and 9 are slow. A threshold of 2^9 accesses per 2 MiB is one of 4 KiB. */
const snapshot: Snapshot = snapshotOf(
  tiers,
  [
    { id: 7, tier: 0, heat: 4 },
    { id: 8, tier: 1, heat: 16 },
    { id: 9, tier: 1, heat: 0.5, dwellUntil: 6000 },
  ],
  { accessClock: 1000, halfLifeAccesses: 1000 },
);

const planned = (more: Partial<Plan> = {}): Plan => ({
  moves: [],
  thresholdsLog2: [9],
  refused: {},
  refusals: [],
  ...more,
});

function explain(unit: number, plan: Plan, more: Partial<ExplainedPlan> = {}) {
  return explainUnits([unit], { snapshot, plan, ...more })[0]!;
}

describe('explainUnits', () => {
  it('tells a move with the policy’s reason and figures', () => {
    const move = { unit: 8, bytes: 4096, from: 1, to: 0, gainNs: 1.9e6, costNs: 4e5 };
    const found = explain(8, planned({ moves: [{ ...move, reason: 'hot' }] }));
    expect(found).toEqual({
      unit: 8,
      bytes: 4096,
      tier: 'L1_DDR',
      decision: 'move',
      to: 'L0_HBM',
      why: 'hot',
      heat: 16,
      threshold: 1,
      heatPerSecond: undefined,
      thresholdPerSecond: undefined,
      gainNs: 1.9e6,
      costNs: 4e5,
      dwellAccesses: 0,
      text: 'heat 16.0, threshold 1.00, gain 1.90 ms > cost 400 µs: to L0_HBM (hot)',
    });
  });

  it('tells heat by the second where the pace of accesses is known', () => {
    const found = explain(8, planned(), { perSecond: 50_000 });
    // Heat of 16 at a half-life of 1000 is one access in 90, and there are 50,000 a second.
    expect(found.heatPerSecond).toBeCloseTo((16 * Math.LN2 * 50_000) / 1000);
    expect(found.thresholdPerSecond).toBeCloseTo((Math.LN2 * 50_000) / 1000);
    expect(found.text).toContain('heat 555/s, threshold 34.7/s');
  });

  it('counts what never cools over the whole run', () => {
    const uncooled = { ...snapshot, halfLifeAccesses: Infinity };
    const found = explain(8, planned(), { snapshot: uncooled, perSecond: 50_000 });
    expect(found.heatPerSecond).toBeCloseTo((16 / 1000) * 50_000);
  });

  it('tells a refusal with what kept the unit', () => {
    const refusal = { unit: 8, from: 1, to: 0, gainNs: 1e5, costNs: 4e5 };
    const kept = (why: string, gainNs = 1e5) =>
      explain(8, planned({ refusals: [{ ...refusal, why, gainNs }] }));
    expect(kept('benefit')).toMatchObject({ decision: 'stay', why: 'benefit', to: 'L0_HBM' });
    expect(kept('benefit').text).toBe(
      'stays in L1_DDR (benefit): heat 16.0, threshold 1.00, gain 100 µs < cost 400 µs',
    );
    expect(kept('benefit', 5e5).text).toContain('gain 500 µs > cost 400 µs, but not by enough');
    expect(kept('room').text).toContain('nothing there would make room for it');
    expect(kept('of its own').text).toContain('stays in L1_DDR (of its own): heat');
  });

  it('tells how long a unit that just moved stays', () => {
    const refusals = [{ unit: 9, from: 1, to: 0, why: 'dwell', gainNs: 1, costNs: 2 }];
    const found = explain(9, planned({ refusals }));
    expect(found.dwellAccesses).toBe(5000);
    expect(found.text).toContain('(dwell, free in 5,000 accesses): moved not long ago');
  });

  it('has figures for what the policy does not mention', () => {
    const cold = explain(9, planned());
    expect(cold).toMatchObject({ decision: 'stay', why: 'cold', to: 'L0_HBM' });
    // Half an access decays over ln 2 half-lives; each saves 79.9 µs.
    expect(cold.gainNs).toBeCloseTo(0.5 * Math.LN2 * 79_900, 0);
    expect(cold.costNs).toBeGreaterThan(0);
    expect(explain(8, planned()).why).toBe('unwanted');
    expect(explain(8, planned({ thresholdsLog2: [] }))).toMatchObject({
      why: 'unwanted',
      threshold: undefined,
    });
    const fast = explain(7, planned());
    expect(fast).toMatchObject({ why: 'fastest', to: undefined });
    expect(fast.text).toBe(
      'stays in L0_HBM (fastest): there is no faster tier, heat 4.00, threshold 1.00',
    );
  });

  it('says that a policy failed instead of making up its reasons', () => {
    expect(explain(9, planned(), { failure: 'plan() threw: no' }).why).toBe('failed');
    expect(explain(7, planned(), { failure: 'plan() threw: no' }).why).toBe('failed');
  });

  it('knows nothing of a unit that was not considered', () => {
    expect(explainUnits([8, 1234], { snapshot, plan: planned() })[1]).toBeUndefined();
  });
});
