import { describe, expect, it } from 'vitest';
import {
  accessesByTier,
  initialBalance,
  latencyBalanceDefaults,
  nextBalance,
  type TierLoad,
} from '../../../lib/policy/latency-balance.ts';
import type { LatencyBalance, TierState } from '../../../lib/policy/policy.ts';
import { snapshotOf } from './snapshots.ts';

const { tiers } = snapshotOf(
  [
    { capacityBytes: 2 ** 30, readLatencyNs: 70 },
    { capacityBytes: 2 ** 30, readLatencyNs: 135 },
  ],
  [],
);

/** The state after the same observation again and again. */
function observe(
  times: number,
  loads: readonly TierLoad[],
  before: LatencyBalance = initialBalance(2),
  of: readonly TierState[] = tiers,
): LatencyBalance {
  let balance = before;
  for (let i = 0; i < times; i++) balance = nextBalance(balance, loads, of);
  return balance;
}

const loads = (fast: number, slow: number, share: number): TierLoad[] => [
  { latencyNs: fast, accesses: 1000 * share },
  { latencyNs: slow, accesses: 1000 * (1 - share) },
];

describe('latency balance', () => {
  it('does nothing while the faster tier is the faster one, however loaded', () => {
    expect(observe(100, loads(130, 135, 0.9)).pairs[0].engaged).toBe(false);
    expect(observe(100, loads(70, 135, 0.9)).pairs[0].engaged).toBe(false);
  });

  it('does nothing about a tier that is slow without load', () => {
    const figures = [{ ...tiers[0], readLatencyNs: 200 }, tiers[1]];
    const seen = loads(210, 135, 0.9);
    expect(observe(100, seen, undefined, figures).pairs[0].engaged).toBe(false);
    expect(observe(100, seen).pairs[0].engaged).toBe(true);
  });

  it('waits for eight observations before it concludes anything', () => {
    expect(observe(7, loads(300, 140, 0.9)).pairs[0].engaged).toBe(false);
    expect(observe(8, loads(300, 140, 0.9)).pairs[0]).toMatchObject({
      engaged: true,
      target: 0.45,
      high: 0.9,
    });
  });

  it('begins to count anew when the share has changed, by plan or by itself', () => {
    const engaged = observe(8, loads(300, 140, 0.9));
    expect(engaged.samples).toBe(0);
    const moving = observe(5, loads(250, 150, 0.7), observe(5, loads(250, 150, 0.8), engaged));
    expect(moving.samples).toBe(5);
    expect(moving.pairs[0].target).toBe(0.45);
    expect(moving.loadedLatencyNs).toEqual([250, 150]);
  });

  it('finds the share at which both are equally slow, from any load', () => {
    for (const equal of [0.1, 0.35, 0.6, 0.8]) {
      let balance = initialBalance(2);
      let share = 0.95;
      for (let i = 0; i < 400; i++) {
        const [fast, slow] = [200 + 400 * (share - equal), 200 - 50 * (share - equal)];
        balance = nextBalance(balance, loads(fast, slow, share), tiers);
        const [pair] = balance.pairs;
        if (pair.engaged) share += Math.max(-0.05, Math.min(0.05, pair.target - share));
      }
      expect(Math.abs(share - equal)).toBeLessThan(0.03);
    }
  });

  it('finds the new share after the load changed, and lets go when it is gone', () => {
    let balance = initialBalance(2);
    let share = 0.9;
    let equal = 0.3;
    const run = (rounds: number, quiet: boolean): void => {
      for (let i = 0; i < rounds; i++) {
        const fast = quiet ? 72 : 200 + 400 * (share - equal);
        balance = nextBalance(balance, loads(fast, quiet ? 135 : 200, share), tiers);
        const [pair] = balance.pairs;
        if (pair.engaged) share = pair.target;
      }
    };
    run(200, false);
    expect(share).toBeCloseTo(0.3, 1);
    equal = 0.7;
    run(300, false);
    expect(share).toBeCloseTo(0.7, 1);
    run(100, true);
    expect(balance.pairs[0].engaged).toBe(false);
  });

  it('leaves tiers alone that are not measured, and those behind a device', () => {
    expect(observe(50, loads(300, 0, 0.9)).pairs[0].engaged).toBe(false);
    expect(observe(50, loads(Infinity, 140, 0.9)).loadedLatencyNs).toEqual([0, 140]);
    expect(observe(50, loads(30_000, 20_000, 0.9)).pairs[0].engaged).toBe(false);
  });

  it('is pure: the state handed in is left as it was', () => {
    const before = observe(8, loads(300, 140, 0.9));
    const copy = structuredClone(before);
    nextBalance(before, loads(500, 140, 0.4), tiers, latencyBalanceDefaults);
    expect(before).toEqual(copy);
  });

  it('counts the accesses of each tier', () => {
    const { units } = snapshotOf(
      [
        { capacityBytes: 1e6, readLatencyNs: 70 },
        { capacityBytes: 1e6, readLatencyNs: 135 },
      ],
      [
        { id: 1, tier: 0, heat: 3, reads: 2, writes: 1 },
        { id: 2, tier: 1, heat: 5, reads: 5 },
        { id: 3, tier: 0, heat: 4, reads: 4 },
      ],
    );
    expect(accessesByTier(units, 3)).toEqual([7, 5, 0]);
  });
});
