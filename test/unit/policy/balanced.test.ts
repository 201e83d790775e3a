import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import type { BalancedCarry } from '../../../lib/policy/balanced-values.ts';
import { type CostModel, defaultCosts } from '../../../lib/policy/cost-model.ts';
import type { Arrivals, Plan, Snapshot } from '../../../lib/policy/policy.ts';
import { usableBytes } from '../../../lib/policy/thresholds.ts';
import { useClasses, useCounts } from '../../../lib/policy/use-class.ts';
import { fillingOf, reuseOf, snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const fastTier = (pages: number): TierSpec => ({ capacityBytes: pages * page, readLatencyNs: 100 });
const ddrNvme = (fastPages: number): TierSpec[] => [
  fastTier(fastPages),
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];
const ddrCxl = (fastPages: number): TierSpec[] => [
  fastTier(fastPages),
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const threeTiers = (fastPages: number, middlePages: number): TierSpec[] => [
  fastTier(fastPages),
  { capacityBytes: middlePages * page, readLatencyNs: 1000 },
  { capacityBytes: 1e9, readLatencyNs: 80_000 },
];

/** Gaps tell the units of these tests apart: with a short one a unit is used again soon, with a long one hardly ever. */
const soon = { gap: 1, idle: 50, heat: 8 };
const sometimes = { gap: 3, idle: 50, heat: 8 };
const hardlyEver = { gap: 5, idle: 50, heat: 8 };
/** Uses for each access of a unit, by the gap before its last use; 0 is for units used once. */
const rates = [1e-9, 1 / 300, 1 / 3000, 1 / 30_000, 1e-6, 1e-9, 1e-9];
const gapOf = (useClass: number): number => useClass % (useClasses / useCounts);
const byGap = (rate: readonly number[] = rates) => reuseOf((c) => rate[gapOf(c)]);

/** As if nobody had wanted room so far. */
function freeOfRent({ tiers, accessClock }: Snapshot): BalancedCarry {
  const none = tiers.map(() => 0);
  const rents = { perByteNs: none, kept: none, left: none };
  return { policy: 'balanced', tiers: tiers.length, rents, rentsAt: accessClock, solved: [] };
}

function seen(
  tiers: readonly TierSpec[],
  units: readonly UnitSpec[],
  more: Partial<Snapshot> = {},
): Snapshot {
  const time = { accessClock: 1e6, accessesSincePlan: 100, halfLifeAccesses: 10_000 };
  return snapshotOf(tiers, units, { ...time, reuse: byGap(), ...more });
}
const plan = (snapshot: Snapshot, bytes = Infinity): Plan =>
  balancedPolicy().plan(snapshot, { bytes });
const movesOf = ({ moves }: Plan): [number, number, number][] =>
  moves.map(({ unit, from, to }) => [unit, from, to]);

const many = (count: number, firstId: number, like: Omit<UnitSpec, 'id'>): UnitSpec[] =>
  Array.from({ length: count }, (_, i) => ({ id: firstId + i, ...like }));
const residents = (count: number, like: Omit<UnitSpec, 'id' | 'tier'>): UnitSpec[] =>
  many(count, 1000, { tier: 0, ...like });

/** Plans again and again of the same units, a little later each time; returns the rents of the fastest tier. */
function rentsOver(plans: number, snapshot: Snapshot, first?: BalancedCarry): number[] {
  let carry: unknown = first;
  return Array.from({ length: plans }, (_, i) => {
    const accessClock = snapshot.accessClock + i * 5000;
    carry = plan({ ...snapshot, accessClock, carry }).carry;
    return (carry as BalancedCarry).rents.perByteNs[0];
  });
}

describe('balanced', () => {
  it('promotes what is likely to be used again soon and leaves what is not, however hot', () => {
    const units = [
      { id: 1, tier: 1, ...soon },
      { id: 2, tier: 1, ...hardlyEver },
      { id: 3, tier: 1, ...hardlyEver, heat: 500 },
    ];
    for (const tiers of [ddrNvme(100), ddrCxl(100)]) {
      const made = plan(seen(tiers, units));
      expect(movesOf(made)).toEqual([[1, 1, 0]]);
      expect(made.moves[0].reason).toBe('hot');
      expect(made.moves[0].gainNs).toBeGreaterThan(made.moves[0].costNs);
      expect(made.refused).toEqual({ benefit: 2 });
    }
  });

  it('promotes where a use saves much what it leaves where a use saves little', () => {
    // One use within a million accesses, and a third of them are looked ahead.
    const rare = { id: 1, tier: 1, ...hardlyEver };
    const reuse = byGap(rates.map(() => 1 / 1e6));
    expect(movesOf(plan(seen(ddrNvme(100), [rare], { reuse })))).toEqual([[1, 1, 0]]);
    expect(movesOf(plan(seen(ddrCxl(100), [rare], { reuse })))).toEqual([]);
  });

  it('believes that little use is to come of what nobody has used', () => {
    const never = { id: 1, tier: 1, heat: 2 ** -40, idle: Infinity };
    expect(movesOf(plan(seen(ddrNvme(100), [never])))).toEqual([]);
  });

  it('plans without any knowledge of reuse', () => {
    const units = [...residents(97, { heat: 1, idle: 1e6 }), { id: 1, tier: 1, heat: 9, reads: 9 }];
    const { moves } = plan(seen(ddrNvme(100), units, { reuse: undefined }));
    expect(moves.map(({ unit }) => unit)).toContain(1);
  });

  it('exchanges it for the unit least worth keeping when the tier is full, the victim first', () => {
    const units: UnitSpec[] = [
      ...residents(95, soon),
      { id: 7, tier: 0, ...hardlyEver },
      { id: 8, tier: 0, ...sometimes },
      { id: 1, tier: 1, ...soon },
    ];
    const { moves } = plan(seen(ddrNvme(100), units));
    expect(moves.map((m) => [m.unit, m.to, m.reason])).toEqual([
      [7, 1, 'victim'],
      [1, 0, 'hot'],
    ]);
    expect(moves[0].gainNs).toBeLessThan(moves[1].gainNs);
  });

  it('exchanges nothing when the difference does not pay for both moves', () => {
    for (const tiers of [ddrNvme(100), ddrCxl(100)]) {
      const made = plan(seen(tiers, [...residents(97, soon), { id: 1, tier: 1, ...soon }]));
      expect(made.moves).toEqual([]);
      expect(made.refused).toEqual({ benefit: 1 });
      const worse = [...residents(97, soon), { id: 1, tier: 1, ...sometimes }];
      expect(plan(seen(tiers, worse)).moves).toEqual([]);
    }
  });

  it('pushes victims down the tiers in turn, the least worth keeping of each', () => {
    const units: UnitSpec[] = [
      ...residents(8, soon),
      { id: 7, tier: 0, ...sometimes },
      ...many(8, 50, { tier: 1, ...sometimes }),
      { id: 60, tier: 1, ...hardlyEver },
      { id: 1, tier: 2, ...soon },
    ];
    const snapshot = seen(threeTiers(10, 10), units);
    expect(movesOf(plan({ ...snapshot, carry: freeOfRent(snapshot) }))).toEqual([
      [60, 1, 2],
      [7, 0, 1],
      [1, 2, 0],
    ]);
  });

  it('sends a victim past a tier in which others are worth more', () => {
    const units: UnitSpec[] = [
      ...residents(8, soon),
      { id: 7, tier: 0, ...hardlyEver },
      ...many(9, 50, { tier: 1, ...soon }),
      { id: 1, tier: 2, ...soon },
    ];
    expect(movesOf(plan(seen(threeTiers(10, 10), units))).slice(0, 2)).toContainEqual([7, 0, 2]);
  });

  it('skips a tier when the fastest pays more', () => {
    const made = plan(seen(threeTiers(100, 100), [{ id: 1, tier: 2, ...soon }]));
    expect(movesOf(made)).toEqual([[1, 2, 0]]);
  });

  it('makes no exchange when the slow tier has no byte left to pass through', () => {
    const units: UnitSpec[] = [
      ...residents(97, hardlyEver),
      { id: 0, tier: 1, ...soon },
      ...many(19, 1, { tier: 1, ...hardlyEver }),
    ];
    const room = (slowPages: number): TierSpec[] => [
      fastTier(100),
      { capacityBytes: slowPages * page, readLatencyNs: 80_000 },
    ];
    expect(plan(seen(room(20), units)).moves).toEqual([]);
    const { moves } = plan(seen(room(21), units));
    expect(moves.map((m) => m.unit)).toEqual([1000, 0]);
  });

  it('makes moving dearer by the move weight and the margin', () => {
    const reuse = byGap(rates.map(() => 1 / 50_000));
    const snapshot = seen(ddrCxl(100), [{ id: 1, tier: 1, ...sometimes }], { reuse });
    const bold = balancedPolicy({ margin: 0, moveWeight: 0.1 });
    const timid = balancedPolicy({ margin: 100 });
    expect(bold.plan(snapshot, { bytes: Infinity }).moves).toHaveLength(1);
    expect(timid.plan(snapshot, { bytes: Infinity }).moves).toHaveLength(0);
  });

  it('follows a burst when moves are cheap beside it', () => {
    // Used every 30 accesses for a while; unused for 500, it is over.
    const reuse = reuseOf((_, bin) => (bin < 18 ? 1 / 30 : 1e-9));
    const begun = { id: 1, tier: 1, heat: 2, reads: 1, idle: 40, gap: 1 };
    const over = residents(97, { heat: 8, idle: 5000, gap: 1 });
    expect(movesOf(plan(seen(ddrNvme(100), [...over, begun], { reuse })))).toContainEqual([
      1, 1, 0,
    ]);
    // One more use, and a way back: a use saves 150 ns in DDR, the two moves take 2 us.
    const short = reuseOf((_, bin) => (bin < 10 ? 1 / 60 : 1e-9));
    expect(movesOf(plan(seen(ddrCxl(100), [...over, begun], { reuse: short })))).toEqual([]);
  });

  it('clears room for new units where their uses pay for it, be it only the first', () => {
    const fresh = many(5, 0, { tier: 1, heat: 1, writes: 1, idle: Infinity });
    const units = [...residents(97, hardlyEver), ...fresh];
    const cold = (tiers: TierSpec[], newcomers: number): number => {
      const snapshot = seen(tiers, units, { reuse: byGap([newcomers, ...rates.slice(1)]) });
      return plan(snapshot).moves.filter(({ reason }) => reason === 'cold').length;
    };
    expect(cold(ddrNvme(100), 1 / 300)).toBeGreaterThan(0);
    expect(cold(ddrNvme(100), 1e-12)).toBeGreaterThan(0);
    expect(cold(ddrCxl(100), 1e-12)).toBe(0);
  });

  it('asks no margin of the way down that the first use of a new unit pays for', () => {
    // Asked one at a time, a drive takes as long for a move as for a use.
    const costs: CostModel = { ...defaultCosts, deviceOverlap: 1 };
    const fresh = many(5, 0, { tier: 1, heat: 1, writes: 1, idle: Infinity });
    const cold = (margin: number, newcomers: number): number => {
      const snapshot = seen(ddrNvme(100), [...residents(97, hardlyEver), ...fresh], {
        costs,
        reuse: byGap([newcomers, ...rates.slice(1)]),
      });
      const carry = freeOfRent(snapshot);
      const made = balancedPolicy({ margin }).plan({ ...snapshot, carry }, { bytes: Infinity });
      return made.moves.filter(({ reason }) => reason === 'cold').length;
    };
    for (const margin of [0, 1, 4]) {
      expect(cold(margin, 1 / 1e6)).toBeGreaterThan(0);
      expect(cold(margin, 1e-12)).toBe(0);
    }
  });

  it('clears no room for new units whose first uses it does not see', () => {
    const fresh = many(5, 0, { tier: 1, heat: 1, writes: 1, idle: Infinity });
    const cold = (arrivals: Arrivals): number => {
      const snapshot = seen(ddrNvme(100), [...residents(97, hardlyEver), ...fresh], { arrivals });
      return plan(snapshot).moves.filter(({ reason }) => reason === 'cold').length;
    };
    expect(cold({ units: 5, seen: 5 })).toBeGreaterThan(0);
    expect(cold({ units: 80, seen: 5 })).toBe(0);
    expect(cold({ units: 0, seen: 0 })).toBe(0);
  });

  it('clears no room for new units of those that are worth more', () => {
    const fresh = many(5, 0, { tier: 1, heat: 1, writes: 1, idle: Infinity });
    const snapshot = seen(ddrNvme(100), [...residents(97, soon), ...fresh], {
      reuse: byGap([1 / 30_000, ...rates.slice(1)]),
    });
    expect(plan(snapshot).moves).toEqual([]);
  });

  it('exchanges units of a size where a slot of that size is all that is missing', () => {
    const slabShapes = [
      { slotBytes: page, slots: 16, slabBytes: 16 * page },
      { slotBytes: page / 2, slots: 32, slabBytes: 16 * page },
    ];
    const small = { bytes: page / 2, ...hardlyEver };
    const units = [
      ...many(16, 0, { tier: 0, ...soon }),
      ...many(3, 100, { tier: 0, ...small, gap: 4 }),
      ...many(2, 200, { tier: 0, ...small }),
      { id: 300, tier: 1, bytes: page / 2, ...soon },
      { id: 400, tier: 1, ...soon },
    ];
    const snapshot = seen(ddrNvme(32), units, { slabShapes });
    const slabs = [
      { packedBytes: 32 * page, freeSlots: [0, 0] },
      { packedBytes: 32 * page, freeSlots: [15, 31] },
    ];
    const tiers = snapshot.tiers.map((tier, i) => ({ ...tier, slabs: slabs[i] }));
    const { moves } = plan({ ...snapshot, tiers });
    expect(moves.map(({ unit, to }) => [unit, to])).toEqual([
      [200, 1],
      [300, 0],
    ]);
  });

  it('keeps within the budget', () => {
    const snapshot = seen(ddrNvme(100), many(10, 0, { tier: 1, ...soon }));
    const { moves, refused } = plan(snapshot, 3 * page);
    expect(moves).toHaveLength(3);
    expect(refused).toEqual({ budget: 7 });
  });

  it('restores the head-room of a tier that was filled to the brim, by those least worth keeping', () => {
    const units = [...residents(98, soon), ...many(2, 0, { tier: 0, ...hardlyEver })];
    const snapshot = seen(ddrCxl(100), units);
    const { moves } = plan(snapshot);
    expect(moves.map((m) => m.reason)).toEqual(['room', 'room', 'room']);
    expect(moves.slice(0, 2).map((m) => m.unit)).toEqual([0, 1]);
    expect(fillingOf(snapshot, moves)[2][0]).toBeLessThanOrEqual(usableBytes(snapshot.tiers[0]));
  });

  it('prefers many small objects to a large one used as often', () => {
    const units: UnitSpec[] = [
      { id: 1, tier: 1, bytes: 64 * page, ...soon },
      ...many(32, 10, { tier: 1, ...soon }),
    ];
    const { moves } = plan(seen(ddrNvme(70), units));
    expect(moves.map((m) => m.unit)).not.toContain(1);
    expect(moves).toHaveLength(32);
  });

  it('places units of 64 B and of 2 MiB in one plan, each by its own worth', () => {
    const MiB = 2 ** 20;
    const sizes = [64, 1000, page, 65_536, 2 * MiB];
    const units = sizes.flatMap((bytes, i): UnitSpec[] => [
      { id: 10 * i, tier: 1, bytes, ...soon },
      { id: 10 * i + 1, tier: 1, bytes, ...hardlyEver },
      { id: 10 * i + 2, tier: 0, bytes, ...soon },
    ]);
    const tiers = [{ capacityBytes: 16 * MiB, readLatencyNs: 100 }, ddrNvme(1)[1]];
    const found = new Set(plan(seen(tiers, units)).moves.map(({ unit }) => unit));
    expect(found).toEqual(new Set([0, 10, 20, 30, 40]));
  });

  it('says who stays and why, when asked', () => {
    const units = [...residents(97, soon), { id: 1, tier: 1, ...sometimes }];
    const made = balancedPolicy().plan(seen(ddrNvme(100), units), {
      bytes: Infinity,
      explain: true,
    });
    expect(made.refusals).toMatchObject([{ unit: 1, from: 1, to: 0, why: 'benefit' }]);
  });

  it('asks for a half-life that grows with what the fast tier holds and with the step', () => {
    const policy = balancedPolicy();
    const halfLife = (pages: number, step?: number): number => {
      const { tiers, unitCounts } = snapshotOf(ddrCxl(pages), many(5000, 0, { tier: 1, heat: 1 }));
      return policy.halfLifeAccesses(tiers, unitCounts, step);
    };
    expect(halfLife(2000) / halfLife(500)).toBeCloseTo(4, 1);
    expect(halfLife(2000, 16) / halfLife(2000)).toBeCloseTo(16, 0);
    expect(halfLife(1)).toBeGreaterThanOrEqual(1024);
  });
});

describe('the rents of balanced', () => {
  const wanted = many(5, 0, { tier: 1, ...soon });

  it('rise while victims are worth keeping, up to what those who wait would get out of the room', () => {
    const rents = rentsOver(30, seen(ddrNvme(100), [...residents(97, soon), ...wanted]));
    expect(rents[1]).toBeGreaterThan(rents[0]);
    // Waiting are units that are used every 300 accesses, and each use takes 80 us.
    const worthNs = 80_000 / (300 * page);
    expect(rents[29]).toBeGreaterThan(worthNs / 3);
    expect(rents[29]).toBeLessThan(worthNs * 1.5);
  });

  it('fall while victims are not', () => {
    const snapshot = seen(ddrNvme(100), [...residents(97, hardlyEver), ...wanted]);
    const settled = rentsOver(30, snapshot)[29];
    const begun = plan(snapshot).carry as BalancedCarry;
    const dear = { ...begun, rents: { ...begun.rents, perByteNs: [3 * settled, 0] } };
    const rents = rentsOver(8, { ...snapshot, accessClock: 2e6 }, dear);
    expect(rents[7]).toBeLessThan(2.5 * settled);
  });

  it('are nothing in a tier that has room', () => {
    expect(rentsOver(5, seen(ddrNvme(1000), wanted))).toEqual([0, 0, 0, 0, 0]);
  });

  it('begin anew when another policy planned before, or for other tiers', () => {
    const snapshot = seen(ddrNvme(100), [...residents(97, soon), ...wanted]);
    const fresh = plan(snapshot);
    expect(isDeepStrictEqual(plan({ ...snapshot, carry: { policy: 'other' } }), fresh)).toBe(true);
    const three = plan(seen(threeTiers(100, 100), wanted)).carry;
    expect(isDeepStrictEqual(plan({ ...snapshot, carry: three }), fresh)).toBe(true);
  });

  it('fall when nobody wants room at their price, so that a full tier of dead units does not stay one', () => {
    const less = many(5, 0, { tier: 1, gap: 2, idle: 50, heat: 8 }); // used every 3000 accesses, 80 us each
    const snapshot = seen(ddrNvme(100), [...residents(97, hardlyEver), ...less]);
    let carry: unknown;
    let moved = 0;
    for (let i = 0; i < 60 && moved === 0; i++) {
      const made = plan({ ...snapshot, accessClock: 1e6 + i * 5000, carry });
      carry = made.carry;
      moved = made.moves.length;
    }
    expect(moved).toBeGreaterThan(0);
  });
});

describe('any plan of balanced', () => {
  it('is a function of the snapshot, which it leaves as it is', () => {
    const units = [
      ...residents(60, soon),
      ...residents(35, hardlyEver).map((unit) => ({ ...unit, id: unit.id + 500 })),
      ...many(20, 0, { tier: 1, ...soon }),
      ...many(5, 50, { tier: 1, heat: 1, writes: 1, idle: Infinity }),
    ];
    let snapshot = seen(ddrNvme(100), units);
    for (let i = 0; i < 3; i++) {
      const copy = structuredClone(snapshot);
      const once = plan(snapshot);
      expect(once.moves.length).toBeGreaterThan(20);
      expect(isDeepStrictEqual(plan(snapshot), once)).toBe(true);
      expect(isDeepStrictEqual(plan(copy), once)).toBe(true);
      expect(isDeepStrictEqual(snapshot, copy)).toBe(true);
      const accessClock = snapshot.accessClock + 5000;
      snapshot = { ...snapshot, accessClock, carry: structuredClone(once.carry) };
    }
  });

  const anyUnit = fc.record({
    tier: fc.nat(2),
    heat: fc.double({ min: 0.001, max: 1000, noNaN: true }),
    reads: fc.oneof(fc.constant(0), fc.nat(20)),
    writes: fc.oneof(fc.constant(0), fc.nat(5)),
    bytes: fc.constantFrom(64, page, page, page, 8 * page, 40 * page),
    idle: fc.oneof(fc.constant(Infinity), fc.nat(100_000)),
    gap: fc.nat(6),
  });
  const anyRates = fc.array(fc.constantFrom(1e-9, 1e-6, 1e-4, 1e-3, 1e-2), {
    minLength: 7,
    maxLength: 7,
  });

  /** Units put where they ask to be, or below where there is no room. */
  function placed(
    specs: readonly Omit<UnitSpec, 'id'>[],
    capacities: readonly number[],
  ): UnitSpec[] {
    const room = [...capacities];
    return specs.map((spec, id) => {
      const bytes = spec.bytes ?? page;
      let { tier } = spec;
      while (tier < 2 && room[tier] < bytes) tier++;
      room[tier] -= bytes;
      return { ...spec, id, tier };
    });
  }

  it('overfills no tier, moves no unit twice, and stays within the budget, plan after plan', () => {
    const anyCase = [fc.array(anyUnit, { maxLength: 150 }), fc.nat(400), anyRates] as const;
    fc.assert(
      fc.property(...anyCase, (specs, budgetPages, gapRates) => {
        const tiers = threeTiers(60, 120);
        const units = placed(
          specs,
          tiers.map((tier) => tier.capacityBytes),
        );
        const bytes = budgetPages * page;
        let carry: unknown;
        for (let i = 0; i < 3; i++) {
          const more = { reuse: byGap(gapRates), carry, accessClock: 1e6 + i * 5000 };
          const snapshot = seen(tiers, units, more);
          const once = plan(snapshot, bytes);
          expect(plan(snapshot, bytes).moves).toEqual(once.moves);
          expect(new Set(once.moves.map((m) => m.unit)).size).toBe(once.moves.length);
          expect(once.moves.reduce((sum, m) => sum + m.bytes, 0)).toBeLessThanOrEqual(bytes);
          for (const filling of fillingOf(snapshot, once.moves)) {
            filling.forEach((used, tier) => {
              expect(used).toBeLessThanOrEqual(snapshot.tiers[tier].capacityBytes);
            });
          }
          for (const move of once.moves) expect(units[move.unit].tier).toBe(move.from);
          for (const move of once.moves) {
            units[move.unit] = { ...units[move.unit], tier: move.to };
          }
          carry = once.carry;
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
