import { describe, expect, it } from 'vitest';
import { classAtLastUse, gapOfInterval, unitStates } from '../../../lib/policy/unit-state.ts';
import { ageBin, gapBin, unseenClass, useClass } from '../../../lib/policy/use-class.ts';
import { reuseOf, snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const tiers: TierSpec[] = [
  { capacityBytes: 1e6, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const halfLifeAccesses = 1000;

function stateOf(unit: Omit<UnitSpec, 'id' | 'tier'>, step = 1): { useClass: number; age: number } {
  const snapshot = snapshotOf(tiers, [{ id: 1, tier: 1, ...unit }], {
    halfLifeAccesses,
    accessesSincePlan: 100,
    reuse: reuseOf(() => 0, { step }),
  });
  const states = unitStates(snapshot);
  return { useClass: states.useClass[0], age: states.age[0] };
}

describe('the state of a unit', () => {
  it('is the class it had when it was last used, however much it has cooled since', () => {
    for (const idle of [10, 500, 1000, 6000]) {
      const heat = 6 * 2 ** (-idle / halfLifeAccesses);
      expect(stateOf({ heat, idle, gap: 3 })).toEqual({
        useClass: useClass(Math.log2(6), 3),
        age: ageBin(idle),
      });
    }
    expect(classAtLastUse(Math.log2(6) - 4, 4000, 3, 1000)).toBe(useClass(Math.log2(6), 3));
  });

  it('is new where it was used since the last plan: the gap is what it had been unused', () => {
    expect(stateOf({ heat: 2, reads: 1, idle: 5000, gap: 1 })).toEqual({
      useClass: useClass(1, gapBin(5000)),
      age: 0,
    });
  });

  it('has short gaps where it was used several times since', () => {
    expect(stateOf({ heat: 12, reads: 6, writes: 4, idle: 50_000 })).toEqual({
      useClass: useClass(Math.log2(12), gapBin(10)),
      age: 0,
    });
  });

  it('has no gap at its first use', () => {
    expect(stateOf({ heat: 1, reads: 1, idle: Infinity })).toEqual({
      useClass: useClass(0, 0),
      age: 0,
    });
  });

  it('is of a class of its own where nobody was seen using it', () => {
    const never = stateOf({ heat: 2 ** -30, idle: Infinity });
    expect(never).toEqual({ useClass: unseenClass, age: 0 });
  });

  it('counts uses and not the accesses that a sampled use stands for', () => {
    const sampled = stateOf({ heat: 16, reads: 16, idle: 5000 }, 16);
    expect(sampled).toEqual(stateOf({ heat: 1, reads: 1, idle: 5000 }));
    expect(stateOf({ heat: 16 * 6, idle: 1, gap: 2 }, 16)).toEqual(
      stateOf({ heat: 6, idle: 1, gap: 2 }),
    );
  });
});

describe('the states of units', () => {
  it('replace all that was in the columns they are written to', () => {
    const units = [
      { id: 1, tier: 1, heat: 2, reads: 1, idle: 5000, gap: 1 },
      { id: 2, tier: 1, heat: 2 ** -30, idle: Infinity },
      { id: 3, tier: 0, heat: 3, idle: 700, gap: 2 },
    ];
    const snapshot = snapshotOf(tiers, units, { halfLifeAccesses, accessesSincePlan: 100 });
    const into = { useClass: new Uint16Array(5).fill(77), age: new Uint8Array(5).fill(7) };
    expect(unitStates(snapshot, into)).toBe(into);
    const fresh = unitStates(snapshot);
    expect([...into.useClass]).toEqual([...fresh.useClass, 77, 77]);
    expect([...into.age]).toEqual([...fresh.age, 7, 7]);
  });
});

describe('the gap before the last use of an interval', () => {
  it('is the idle time for one use and the interval by the uses for more', () => {
    expect(gapOfInterval(1, 70_000, 100, 1)).toBe(gapBin(70_000));
    expect(gapOfInterval(2, 70_000, 100, 1)).toBe(gapBin(50));
    expect(gapOfInterval(16, 70_000, 100, 16)).toBe(gapBin(70_000));
    expect(gapOfInterval(64, 70_000, 20_000, 16)).toBe(gapBin(5000));
  });
});
