/** What policies do when a tier may be written no more. */

import { describe, expect, it } from 'vitest';
import { explainUnits } from '../../../lib/explain/explain-plan.ts';
import { PlanBuilder } from '../../../lib/policy/plan-builder.ts';
import { createPolicy } from '../../../lib/policy/policies.ts';
import { Promoter } from '../../../lib/policy/promoter.ts';
import { RoomMaker } from '../../../lib/policy/room-maker.ts';
import { snapshotOf, type UnitSpec } from './snapshots.ts';

const page = 4096;
const two = [
  { capacityBytes: 10.5 * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];
const held = (count: number): UnitSpec[] =>
  Array.from({ length: count }, (_, i) => ({ id: 100 + i, tier: 0, heat: 1 / (count - i) }));
const waiting = (count: number): UnitSpec[] =>
  Array.from({ length: count }, (_, id) => ({ id, tier: 1, heat: 50, reads: 50 }));
const used = [...held(10), ...waiting(3)];

describe('a tier that may be written no more', () => {
  it.each(['lru', 'lfu', 'memtis'])('keeps %s from exchanges but for what is left', (name) => {
    const snapshot = snapshotOf(two, used);
    const writeBytes = [Infinity, page];
    const plan = createPolicy(name).plan(snapshot, { bytes: Infinity, writeBytes });
    const free = createPolicy(name).plan(snapshot, { bytes: Infinity });
    expect(free.moves.filter(({ to }) => to === 1).length).toBeGreaterThan(1);
    expect(plan.moves.filter(({ to }) => to === 1)).toHaveLength(1);
    expect(plan.refused.endurance).toBeGreaterThan(0);
  });

  it('does not keep anything from free room', () => {
    const snapshot = snapshotOf(two, [...held(3), ...waiting(3)]);
    const plan = createPolicy('lru').plan(snapshot, { bytes: Infinity, writeBytes: [Infinity, 0] });
    expect(plan.moves.map(({ unit }) => unit)).toEqual([0, 1, 2]);
  });

  it('is passed over by room-making demotions, for a slower one', () => {
    const snapshot = snapshotOf(
      [two[0], { capacityBytes: 1e9, readLatencyNs: 1000 }, two[1]],
      held(10),
    );
    const make = (writeBytes: readonly number[] | undefined): number[] => {
      const builder = new PlanBuilder(snapshot, { bytes: Infinity, writeBytes });
      const room = new RoomMaker(snapshot, builder, {
        score: Float64Array.from(snapshot.units.heatLog2),
        eligible: () => true,
        destination: (_, from) => from + 1,
        gainNs: () => 0,
        costNs: () => 1,
        demoted: () => {},
      });
      room.make(0, 2 * page, { below: Infinity, reason: 'victim' });
      return builder.build([]).moves.map(({ to }) => to);
    };
    expect(make(undefined)).toEqual([1, 1]);
    expect(make([Infinity, page, Infinity])).toEqual([1, 2]);
    expect(make([Infinity, 0, 0])).toEqual([]);
  });

  it('is written all the same when head-room has to be restored, with what that takes in turn', () => {
    const snapshot = snapshotOf(
      [two[0], { capacityBytes: 4 * page, readLatencyNs: 1000 }, two[1]],
      [
        ...held(10),
        ...Array.from({ length: 3 }, (_, i) => ({ id: 200 + i, tier: 1, heat: 2 ** -9 })),
      ],
    );
    const promoter = new Promoter(
      {
        ...snapshot,
        tiers: snapshot.tiers.map((tier, k) =>
          k > 0 ? tier : { ...tier, capacityBytes: 8 * page },
        ),
      },
      { bytes: Infinity, writeBytes: [Infinity, 0, 0] },
      { score: Float64Array.from(snapshot.units.heatLog2) },
    );
    promoter.restoreHeadroom(0, () => Infinity);
    const { moves } = promoter.build([]);
    expect(moves.some(({ to }) => to === 2)).toBe(true);
    expect(moves.filter(({ from }) => from === 0)).toHaveLength(3);
    expect(new Set(moves.map(({ reason }) => reason))).toEqual(new Set(['room']));
  });

  it('is told with the figures', () => {
    const snapshot = snapshotOf(two, used);
    const writeBytes = [Infinity, 1000];
    const plan = createPolicy('lfu').plan(snapshot, { bytes: Infinity, explain: true, writeBytes });
    const [one] = explainUnits([0], { snapshot, plan, writeBytes });
    expect(one).toMatchObject({
      decision: 'stay',
      why: 'endurance',
      to: 'L0_HBM',
      writeLimit: { tier: 'L1_DDR', bytes: 1000 },
    });
    expect(one?.text).toContain('no more than 1000 B may be written to L1_DDR now');
  });
});

describe('promotions that have not paid lately', () => {
  it('are made as far as they are still allowed, and refused as such beyond that', () => {
    const snapshot = snapshotOf(two, waiting(3));
    const plan = createPolicy('lfu').plan(snapshot, { bytes: Infinity, promotionBytes: 2 * page });
    expect(plan.moves).toHaveLength(2);
    expect(plan.refused).toEqual({ payback: 1 });
  });
});
