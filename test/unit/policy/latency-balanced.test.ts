import { describe, expect, it } from 'vitest';
import { initialBalance } from '../../../lib/policy/latency-balance.ts';
import { latencyBalanced } from '../../../lib/policy/latency-balanced.ts';
import type { LatencyBalance, Move, Policy, Snapshot } from '../../../lib/policy/policy.ts';
import { staticPolicy } from '../../../lib/policy/static.ts';
import { fillingOf, snapshotOf, type UnitSpec } from './snapshots.ts';

const budget = { bytes: 1e9 };

/** A policy with one plan. */
function planning(moves: readonly Move[]): Policy {
  const plan = { moves, thresholdsLog2: [3], refused: { benefit: 2 } };
  return { ...staticPolicy(), name: 'planned', plan: () => plan };
}

function balanceAt(target: number): LatencyBalance {
  const { pairs } = initialBalance(2);
  return {
    loadedLatencyNs: [300, 150],
    samples: 8,
    pairs: [{ ...pairs[0], engaged: true, target }],
  };
}

function snapshot(
  units: readonly UnitSpec[],
  latencyBalance: LatencyBalance | undefined,
  fastBytes = 100 * 4096,
): Snapshot {
  return snapshotOf(
    [
      { capacityBytes: fastBytes, readLatencyNs: 70 },
      { capacityBytes: 100 * 4096, readLatencyNs: 135 },
    ],
    units,
    { latencyBalance },
  );
}

/** Units 0..9 in the fast tier, 10..19 in the slow one; in each the first gets the most accesses. */
const units = Array.from({ length: 20 }, (_, id): UnitSpec => {
  const reads = id < 10 ? 100 - 10 * id : 20 - id;
  return { id, tier: id < 10 ? 0 : 1, heat: reads, reads };
});

const shareAfter = (moves: readonly Move[]): number => {
  const tierOf = new Map(units.map(({ id, tier }) => [id, tier]));
  for (const { unit, to } of moves) tierOf.set(unit, to);
  const sum = (tier: number): number =>
    units.reduce((all, { id, reads = 0 }) => all + (tierOf.get(id) === tier ? reads : 0), 0);
  return sum(0) / (sum(0) + sum(1));
};

const promotion = (unit: number): Move => ({
  unit,
  bytes: 4096,
  from: 1,
  to: 0,
  reason: 'hot',
  gainNs: 10,
  costNs: 1,
});
const victim = (unit: number): Move => ({ ...promotion(unit), from: 0, to: 1, reason: 'victim' });

describe('a latency-balanced policy', () => {
  it('hands out the very plan of the other policy without latencies, and while nothing saturates', () => {
    const inner = planning([promotion(10)]);
    const policy = latencyBalanced(inner);
    const plan = inner.plan(snapshot(units, undefined), budget);
    expect(policy.plan(snapshot(units, undefined), budget)).toBe(plan);
    expect(policy.plan(snapshot(units, initialBalance(2)), budget)).toBe(plan);
    expect(policy.name).toBe('planned+latency');
  });

  it('moves hot units out of an overloaded tier until the share is reached, few but hot ones', () => {
    const { moves } = latencyBalanced(staticPolicy()).plan(snapshot(units, balanceAt(0.5)), budget);
    expect(moves.every(({ from, to, reason }) => from === 0 && to === 1 && reason === 'load')).toBe(
      true,
    );
    expect(moves[0].unit).toBe(0);
    expect(shareAfter(moves)).toBeCloseTo(0.5, 1);
    expect(moves.length).toBeLessThanOrEqual(4);
  });

  it('stops promotions meanwhile, their victims with them, and says how many', () => {
    const inner = planning([victim(9), promotion(10), promotion(11)]);
    const plan = latencyBalanced(inner).plan(snapshot(units, balanceAt(0.5)), budget);
    expect(plan.moves.some(({ reason }) => reason === 'hot' || reason === 'victim')).toBe(false);
    expect(plan.refused).toEqual({ benefit: 2, load: 2 });
    expect(plan.thresholdsLog2).toEqual([3]);
  });

  it('keeps moves that do not load the tier further', () => {
    const room: Move = { ...victim(9), reason: 'room' };
    const hint: Move = { ...promotion(10), reason: 'hint' };
    const { moves } = latencyBalanced(planning([room, hint])).plan(
      snapshot(units, balanceAt(0.5)),
      budget,
    );
    expect(moves).toContainEqual(room);
    expect(moves).toContainEqual(hint);
  });

  it('lets promotions in again as far as the tier bears them, then brings back what is missing', () => {
    const colder = units.map((unit) => ({ ...unit, tier: 1 - unit.tier }));
    const at = (target: number): Move[] => {
      const inner = planning([promotion(9), promotion(8), promotion(7)]);
      return [...latencyBalanced(inner).plan(snapshot(colder, balanceAt(target)), budget).moves];
    };
    // 55 of 605 accesses are served by the fast tier; units 9, 8 and 7 get 10, 20 and 30.
    expect(at(0.15).map(({ unit, reason }) => [unit, reason])).toEqual([
      [9, 'hot'],
      [8, 'hot'],
    ]);
    expect(at(0.9).length).toBeGreaterThan(3);
    expect(
      at(0.9)
        .slice(0, 3)
        .map(({ reason }) => reason),
    ).toEqual(['hot', 'hot', 'hot']);
  });

  it('swaps with the least used units where the slower tier is full, and never overfills either', () => {
    const full = snapshotOf(
      [
        { capacityBytes: 12 * 4096, readLatencyNs: 70 },
        { capacityBytes: 10 * 4096, readLatencyNs: 135 },
      ],
      units,
      { latencyBalance: balanceAt(0.5) },
    );
    const { moves } = latencyBalanced(staticPolicy()).plan(full, budget);
    expect(moves[0]).toMatchObject({ unit: 19, from: 1, to: 0 });
    expect(shareAfter(moves)).toBeCloseTo(0.5, 1);
    for (const [fast, slow] of fillingOf(full, moves)) {
      expect(fast).toBeLessThanOrEqual(12 * 4096);
      expect(slow).toBeLessThanOrEqual(10 * 4096);
    }
  });

  it('keeps to the budget, to its own limit, and leaves units alone that dwell', () => {
    const policy = latencyBalanced(staticPolicy(), { maxShiftBytes: 2 * 4096 });
    expect(policy.plan(snapshot(units, balanceAt(0)), budget).moves).toHaveLength(2);
    expect(policy.plan(snapshot(units, balanceAt(0)), { bytes: 4096 }).moves).toHaveLength(1);
    const dwelling = units.map((unit) => ({ ...unit, dwellUntil: unit.id < 5 ? 5000 : 0 }));
    const { moves } = latencyBalanced(staticPolicy()).plan(
      snapshot(dwelling, balanceAt(0.5)),
      budget,
    );
    expect(moves.length).toBeGreaterThan(0);
    expect(moves.every(({ unit }) => unit >= 5)).toBe(true);
  });
});
