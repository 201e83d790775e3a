import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import type { Plan, Snapshot } from '../../../lib/policy/policy.ts';
import { usableBytes } from '../../../lib/policy/thresholds.ts';
import { fillingOf, snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const ddrNvme = (fastPages: number): TierSpec[] => [
  { capacityBytes: fastPages * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];
const ddrCxl = (fastPages: number): TierSpec[] => [
  { capacityBytes: fastPages * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const plan = (snapshot: Snapshot, bytes = Infinity): Plan =>
  balancedPolicy().plan(snapshot, { bytes });

/** A fast tier that holds `count` units of this heat. */
const residents = (count: number, heat: number, firstId = 1000): UnitSpec[] =>
  Array.from({ length: count }, (_, i) => ({ id: firstId + i, tier: 0, heat }));

describe('balanced', () => {
  it('promotes a hot unit into free room', () => {
    const { moves } = plan(snapshotOf(ddrNvme(100), [{ id: 1, tier: 1, heat: 50, reads: 10 }]));
    expect(moves).toHaveLength(1);
    expect(moves[0]).toMatchObject({ unit: 1, from: 1, to: 0, reason: 'hot' });
    expect(moves[0].gainNs).toBeGreaterThan(moves[0].costNs);
  });

  it('promotes a hot unit that the last interval did not touch', () => {
    const { moves } = plan(snapshotOf(ddrNvme(100), [{ id: 1, tier: 1, heat: 50 }]));
    expect(moves.map((m) => m.unit)).toEqual([1]);
  });

  it('exchanges it for the coldest unit when the tier is full, the victim first', () => {
    const units: UnitSpec[] = [
      ...residents(95, 20),
      { id: 7, tier: 0, heat: 0.1 },
      { id: 8, tier: 0, heat: 0.5 },
      { id: 1, tier: 1, heat: 50, reads: 10 },
    ];
    const { moves } = plan(snapshotOf(ddrNvme(100), units));
    expect(moves.map((m) => [m.unit, m.to, m.reason])).toEqual([
      [7, 1, 'victim'],
      [1, 0, 'hot'],
    ]);
    expect(moves[0].gainNs).toBeLessThanOrEqual(0);
  });

  it('never sends away what is hotter than what comes', () => {
    const units = [...residents(97, 20), { id: 1, tier: 1, heat: 15, reads: 5 }];
    const { moves, refused } = plan(snapshotOf(ddrNvme(100), units));
    expect(moves).toEqual([]);
    expect(refused).toEqual({ room: 1 });
  });

  it('refuses a move that costs more than it brings, and takes it where a miss is dear', () => {
    const units = [...residents(97, 0.01), { id: 1, tier: 1, heat: 4, reads: 4 }];
    const cxl = plan(snapshotOf(ddrCxl(100), units));
    expect(cxl.moves).toEqual([]);
    expect(cxl.refused).toEqual({ benefit: 1 });
    expect(plan(snapshotOf(ddrNvme(100), units)).moves.map((m) => m.unit)).toContain(1);
  });

  it('refuses an exchange of near equals, however hot both are', () => {
    const units = [...residents(97, 10), { id: 1, tier: 1, heat: 10.1, reads: 4 }];
    const { moves, refused } = plan(snapshotOf(ddrNvme(100), units));
    expect(moves).toEqual([]);
    expect(refused).toEqual({ benefit: 1 });
  });

  it('makes no exchange when the slow tier has no byte left to pass through', () => {
    const units: UnitSpec[] = [
      ...residents(97, 0.1),
      ...Array.from({ length: 20 }, (_, i) => ({ id: i, tier: 1, heat: i === 0 ? 50 : 0.1 })),
    ];
    const room = (slowPages: number): TierSpec[] => [
      ddrNvme(100)[0],
      { capacityBytes: slowPages * page, readLatencyNs: 80_000 },
    ];
    expect(plan(snapshotOf(room(20), units)).moves).toEqual([]);
    expect(plan(snapshotOf(room(21), units)).moves.map((m) => m.unit)).toEqual([1000, 0]);
  });

  it('makes moving dearer by the move weight and the margin', () => {
    const units = [{ id: 1, tier: 1, heat: 8, reads: 4 }];
    const bold = balancedPolicy({ margin: 0, moveWeight: 0.1 });
    const timid = balancedPolicy({ margin: 100 });
    const snapshot = snapshotOf(ddrCxl(100), units);
    expect(bold.plan(snapshot, { bytes: Infinity }).moves).toHaveLength(1);
    expect(timid.plan(snapshot, { bytes: Infinity }).moves).toHaveLength(0);
  });

  it('lets units dwell: neither victim nor candidate before their time', () => {
    const units: UnitSpec[] = [
      ...residents(96, 20),
      { id: 7, tier: 0, heat: 0.1, dwellUntil: 2000 },
      { id: 1, tier: 1, heat: 50, reads: 10, dwellUntil: 2000 },
      { id: 2, tier: 1, heat: 15, reads: 10 },
    ];
    const { moves, refused } = plan(snapshotOf(ddrNvme(100), units));
    expect(moves).toEqual([]);
    expect(refused).toEqual({ dwell: 1, room: 1 });
  });

  it('keeps within the budget', () => {
    const units: UnitSpec[] = Array.from({ length: 10 }, (_, id) => ({
      id,
      tier: 1,
      heat: 50,
      reads: 9,
    }));
    const { moves, refused } = plan(snapshotOf(ddrNvme(100), units), 3 * page);
    expect(moves).toHaveLength(3);
    expect(refused).toEqual({ budget: 7 });
  });

  it('restores the head-room of a tier that was filled to the brim', () => {
    const snapshot = snapshotOf(ddrCxl(100), residents(100, 5));
    const { moves } = plan(snapshot);
    expect(moves.map((m) => m.reason)).toEqual(['room', 'room', 'room']);
    expect(fillingOf(snapshot, moves)[2][0]).toBeLessThanOrEqual(usableBytes(snapshot.tiers[0]));
  });

  it('prefers many small hot objects to a large one used as often', () => {
    const units: UnitSpec[] = [
      { id: 1, tier: 1, heat: 40, reads: 9, bytes: 64 * page },
      ...Array.from({ length: 32 }, (_, i) => ({ id: 10 + i, tier: 1, heat: 40, reads: 9 })),
    ];
    const { moves } = plan(snapshotOf(ddrNvme(70), units));
    expect(moves.map((m) => m.unit)).not.toContain(1);
    expect(moves).toHaveLength(32);
  });

  it('skips a tier when the fastest pays more', () => {
    const tiers: TierSpec[] = [
      { capacityBytes: 100 * page, readLatencyNs: 100 },
      { capacityBytes: 100 * page, readLatencyNs: 250 },
      { capacityBytes: 1e9, readLatencyNs: 80_000 },
    ];
    const { moves } = plan(snapshotOf(tiers, [{ id: 1, tier: 2, heat: 60, reads: 10 }]));
    expect(moves.map((m) => [m.from, m.to])).toEqual([[2, 0]]);
  });

  it('pushes victims down the tiers in turn when the next one is full too', () => {
    const tiers: TierSpec[] = [
      { capacityBytes: 10 * page, readLatencyNs: 100 },
      { capacityBytes: 10 * page, readLatencyNs: 1000 },
      { capacityBytes: 1e9, readLatencyNs: 80_000 },
    ];
    const units: UnitSpec[] = [
      ...residents(9, 20),
      ...Array.from({ length: 9 }, (_, i) => ({ id: 50 + i, tier: 1, heat: 2 + i })),
      { id: 1, tier: 2, heat: 900, reads: 100 },
    ];
    const snapshot = snapshotOf(tiers, units);
    const { moves } = plan(snapshot);
    expect(moves.map((m) => [m.unit, m.from, m.to])).toEqual([
      [50, 1, 2],
      [1000, 0, 1],
      [1, 2, 0],
    ]);
  });

  it('clears room for new units where a first access is dear, and only there', () => {
    const fresh: UnitSpec[] = Array.from({ length: 5 }, (_, id) => ({
      id,
      tier: 1,
      heat: 1,
      writes: 1,
    }));
    const units = [...residents(97, 0.8), ...fresh];
    const reasons = (tiers: TierSpec[]): string[] =>
      plan(snapshotOf(tiers, units)).moves.map((m) => m.reason);
    expect(reasons(ddrNvme(100)).filter((r) => r === 'cold').length).toBeGreaterThan(0);
    expect(reasons(ddrCxl(100))).toEqual([]);
  });

  it('believes less in the heat formula when moves brought less than predicted', () => {
    const units = [{ id: 1, tier: 1, heat: 30, reads: 9 }];
    const sure = snapshotOf(ddrCxl(100), units);
    expect(plan(sure).moves).toHaveLength(1);
    expect(plan({ ...sure, realisedShare: 0.1 }).moves).toHaveLength(0);
  });

  const anyUnit = fc.record({
    tier: fc.nat(2),
    heat: fc.double({ min: 0.001, max: 1000, noNaN: true }),
    reads: fc.nat(20),
    writes: fc.nat(5),
    pages: fc.integer({ min: 1, max: 8 }),
    dwells: fc.boolean(),
  });

  it('makes the same plan twice, never overfills a tier and moves no unit twice', () => {
    fc.assert(
      fc.property(fc.array(anyUnit, { maxLength: 150 }), fc.nat(400), (specs, budgetPages) => {
        const room = [60 * page, 120 * page, 1e9];
        const units: UnitSpec[] = [];
        for (const [id, { pages, dwells, ...rest }] of specs.entries()) {
          let { tier } = rest;
          const bytes = pages * page;
          while (tier < 2 && room[tier] < bytes) tier++;
          room[tier] -= bytes;
          units.push({ ...rest, id, tier, bytes, dwellUntil: dwells ? 5000 : 0 });
        }
        const snapshot = snapshotOf(
          [
            { capacityBytes: 60 * page, readLatencyNs: 100 },
            { capacityBytes: 120 * page, readLatencyNs: 250 },
            { capacityBytes: 1e9, readLatencyNs: 80_000 },
          ],
          units,
        );
        const bytes = budgetPages * page;
        const once = plan(snapshot, bytes);
        expect(plan(snapshot, bytes)).toEqual(once);
        expect(new Set(once.moves.map((m) => m.unit)).size).toBe(once.moves.length);
        expect(once.moves.reduce((sum, m) => sum + m.bytes, 0)).toBeLessThanOrEqual(bytes);
        for (const filling of fillingOf(snapshot, once.moves)) {
          filling.forEach((used, tier) => {
            expect(used).toBeLessThanOrEqual(snapshot.tiers[tier].capacityBytes);
          });
        }
        for (const move of once.moves) {
          expect(units[move.unit].dwellUntil).toBe(0);
          expect(units[move.unit].tier).toBe(move.from);
        }
      }),
      { numRuns: 200 },
    );
  });
});
