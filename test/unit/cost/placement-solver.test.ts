import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxBisectionSteps,
  type PlacementProblem,
  type PlacementSolution,
  type PlacementTarget,
  type PricedTier,
  solvePlacement,
} from '../../../lib/cost/placement-solver.ts';
import { accessNs, type CostModel } from '../../../lib/policy/cost-model.ts';

const GiB = 2 ** 30;
const costs: CostModel = {
  accessBytes: 64,
  moveOverheadNs: 200,
  moveNsPerByte: 0,
  deviceOverlap: 1,
};
const tier = (
  latencyNs: number,
  costPerGiBMonth: number,
  capacityBytes = Infinity,
  bytesPerSecond = 100e9,
): PricedTier => ({
  readLatencyNs: latencyNs,
  writeLatencyNs: latencyNs,
  readBytesPerSecond: bytesPerSecond,
  writeBytesPerSecond: bytesPerSecond,
  costPerGiBMonth,
  capacityBytes,
});
const ddr = (capacityBytes?: number): PricedTier => tier(100, 1, capacityBytes);
const cxl = (capacityBytes?: number): PricedTier => tier(250, 0.5, capacityBytes, 30e9);
const nvme = (capacityBytes?: number): PricedTier => tier(20_000, 0.05, capacityBytes, 3e9);

interface Unit {
  readonly bytes: number;
  readonly rate: number;
}
const problem = (
  units: readonly Unit[],
  tiers: readonly PricedTier[],
  target: PlacementTarget,
): PlacementProblem => ({
  bytes: Float64Array.from(units, (u) => u.bytes),
  accessesPerSecond: Float64Array.from(units, (u) => u.rate),
  tiers,
  costs,
  target,
});

/** What a placement comes to, worked out unit by unit. */
function worth(
  { bytes, accessesPerSecond, tiers }: PlacementProblem,
  placed: ArrayLike<number>,
): { cost: number; slowdown: number; fits: boolean } {
  let cost = 0;
  let ns = 0;
  const all = tiers.map(() => 0);
  const used = tiers.map(() => 0);
  for (let u = 0; u < bytes.length; u++) {
    const k = placed[u];
    cost += (bytes[u] / GiB) * tiers[k].costPerGiBMonth;
    used[k] += bytes[u];
    ns += accessesPerSecond[u] * accessNs(tiers[k], bytes[u], 0, costs);
    tiers.forEach((t, j) => {
      all[j] += accessesPerSecond[u] * accessNs(t, bytes[u], 0, costs);
    });
  }
  const best = Math.min(...all);
  return {
    cost,
    slowdown: best > 0 ? ns / best : 1,
    fits: used.every((held, k) => held <= tiers[k].capacityBytes),
  };
}

/** The cheapest of all placements that fit and are fast enough; undefined when there is none. */
function bruteForce(p: PlacementProblem, slowdown: number): number | undefined {
  const n = p.bytes.length;
  const k = p.tiers.length;
  let best: number | undefined;
  for (let code = 0; code < k ** n; code++) {
    const placed = Array.from({ length: n }, (_, u) => Math.floor(code / k ** u) % k);
    const got = worth(p, placed);
    if (!got.fits || got.slowdown > slowdown * (1 + 1e-12)) continue;
    if (best === undefined || got.cost < best) best = got.cost;
  }
  return best;
}

const rate = fc.integer({ min: 0, max: 1000 });
const slowdown = fc.double({ min: 1, max: 4, noNaN: true });

describe('the placement solver', () => {
  it('equals brute force for units of one size in two tiers', () => {
    fc.assert(
      fc.property(
        fc.array(rate, { minLength: 1, maxLength: 9 }),
        fc.nat(9),
        slowdown,
        (rates, room, limit) => {
          const units = rates.map((r) => ({ bytes: 4096, rate: r }));
          const p = problem(units, [ddr(room * 4096), cxl()], { slowdown: limit });
          const found = solvePlacement(p);
          const best = bruteForce(p, limit);
          expect(found.meetsTarget).toBe(best !== undefined);
          if (best !== undefined) expect(found.costPerMonth).toBeCloseTo(best, 15);
        },
      ),
      // A sum in another order is no slower.
      { numRuns: 200, examples: [[[6, 6, 3], 3, 1]] },
    );
  });

  it('is within a unit or two of brute force for any sizes in three tiers', () => {
    const unit = fc.record({ bytes: fc.integer({ min: 64, max: 8192 }), rate });
    fc.assert(
      fc.property(
        fc.array(unit, { minLength: 1, maxLength: 6 }),
        fc.nat(20_000),
        fc.double({ min: 1, max: 50, noNaN: true }),
        (units, fastBytes, limit) => {
          const p = problem(units, [ddr(fastBytes), cxl(20_000), nvme()], { slowdown: limit });
          const found = solvePlacement(p);
          const best = bruteForce(p, limit);
          if (!found.meetsTarget || best === undefined) return;
          // What filling a tier unit by unit can waste at the two borders between three tiers.
          const largest = Math.max(...units.map((u) => u.bytes));
          const waste = (2 * largest * 1) / GiB;
          expect(found.costPerMonth).toBeGreaterThanOrEqual(best * (1 - 1e-12));
          expect(found.costPerMonth).toBeLessThanOrEqual(best + waste);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says of itself what a sum over its units says, and keeps to capacities and target', () => {
    const unit = fc.record({ bytes: fc.integer({ min: 1, max: 1e6 }), rate });
    fc.assert(
      fc.property(
        fc.array(unit, { minLength: 1, maxLength: 60 }),
        fc.nat(5_000_000),
        fc.nat(5_000_000),
        fc.double({ min: 1, max: 100, noNaN: true }),
        (units, fast, middle, limit) => {
          const p = problem(units, [ddr(fast), cxl(middle), nvme()], { slowdown: limit });
          const found = solvePlacement(p);
          const sum = worth(p, found.tier);
          expect(sum.fits).toBe(true);
          expect(found.costPerMonth).toBeCloseTo(sum.cost, 9);
          expect(found.slowdown).toBeCloseTo(sum.slowdown, 9);
          expect(found.steps).toBeLessThanOrEqual(maxBisectionSteps);
          if (found.meetsTarget) expect(found.slowdown).toBeLessThanOrEqual(limit * (1 + 1e-12));
          found.tierBytes.forEach((bytes, k) => {
            const held = units.reduce((s, u, i) => s + (found.tier[i] === k ? u.bytes : 0), 0);
            expect(bytes).toBe(held);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('costs no less for a stricter target, and time is worth no less', () => {
    const unit = fc.record({ bytes: fc.integer({ min: 64, max: 65_536 }), rate });
    fc.assert(
      fc.property(
        fc.array(unit, { minLength: 2, maxLength: 60 }),
        slowdown,
        slowdown,
        (units, a, b) => {
          const solve = (limit: number): PlacementSolution =>
            solvePlacement(problem(units, [ddr(), cxl()], { slowdown: limit }));
          const strict = solve(Math.min(a, b));
          const loose = solve(Math.max(a, b));
          expect(strict.costPerMonth).toBeGreaterThanOrEqual(loose.costPerMonth);
          expect(strict.nsPrice).toBeGreaterThanOrEqual(loose.nsPrice * (1 - 1e-5));
        },
      ),
    );
  });

  it('spends no more than a budget and reaches the placement that the budget is the price of', () => {
    const unit = fc.record({ bytes: fc.integer({ min: 64, max: 65_536 }), rate });
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 40 }), slowdown, (units, limit) => {
        const tiers = [ddr(), cxl(), nvme()];
        const bySpeed = solvePlacement(problem(units, tiers, { slowdown: limit }));
        const budget = bySpeed.costPerMonth * (1 + 1e-12);
        const byMoney = solvePlacement(problem(units, tiers, { costPerMonth: budget }));
        expect(byMoney.costPerMonth).toBeLessThanOrEqual(budget);
        expect(byMoney.meetsTarget).toBe(true);
        // As fast as what the money bought before, but for the last unit of a border.
        const accesses = units.reduce((sum, u) => sum + u.rate, 0);
        const unitNs = Math.max(...units.map((u) => (u.rate / Math.max(1, accesses)) * 20_000));
        expect(byMoney.averageNs).toBeLessThanOrEqual(bySpeed.averageNs + 2 * unitNs + 1e-9);
      }),
    );
  });

  it('gives the price of a nanosecond that the next unit to be promoted would pay', () => {
    // Ten units, the i-th accessed i + 1 times a second: 55 in all; a target between two of them.
    const units = Array.from({ length: 10 }, (_, i) => ({ bytes: GiB, rate: i + 1 }));
    const found = solvePlacement(
      problem(units, [tier(100, 1), tier(200, 0.5)], { slowdown: 1.55 }),
    );
    expect([...found.tier]).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    // The last one in, with 8 of 55 accesses, pays 0.5 a month for 8/55 of 100 ns.
    expect(found.nsPrice).toBeCloseTo(0.5 / ((8 / 55) * 100), 6);
    expect(found.costPerMonth).toBeCloseTo(3 + 3.5, 9);
    expect(found.tierShare[0]).toBeCloseTo(27 / 55, 9);
  });

  it('takes the cheapest for nothing where it will do, and says when nothing will', () => {
    const units = [{ bytes: 4096, rate: 1 }];
    const easy = solvePlacement(problem(units, [ddr(), cxl()], { slowdown: 3 }));
    expect(easy).toMatchObject({ meetsTarget: true, nsPrice: 0, tierBytes: [0, 4096] });
    const hard = solvePlacement(problem(units, [ddr(100), cxl()], { slowdown: 1.1 }));
    expect(hard).toMatchObject({ meetsTarget: false, nsPrice: Infinity, tierBytes: [0, 4096] });
    const poor = solvePlacement(problem(units, [ddr(), cxl()], { costPerMonth: 0 }));
    expect(poor).toMatchObject({ meetsTarget: false, tierBytes: [0, 4096] });
    const rich = solvePlacement(problem(units, [ddr(), cxl()], { costPerMonth: 1 }));
    expect(rich).toMatchObject({ meetsTarget: true, nsPrice: Infinity, tierBytes: [4096, 0] });
  });

  it('keeps units out of a tier that is dearer and no faster', () => {
    const units = Array.from({ length: 20 }, (_, i) => ({ bytes: 4096, rate: 2 ** i }));
    const slowHbm = tier(120, 10);
    const found = solvePlacement(problem(units, [slowHbm, ddr(), cxl()], { slowdown: 1.1 }));
    expect(found.tierBytes[0]).toBe(0);
    expect(found.meetsTarget).toBe(true);
    const without = solvePlacement(problem(units, [ddr(), cxl()], { slowdown: 1.1 }));
    expect(found.costPerMonth).toBe(without.costPerMonth);
  });

  it('gives a bounded cheap tier to the coldest', () => {
    const units = [5, 1, 3, 0, 2, 4].map((r) => ({ bytes: 4096, rate: r }));
    const found = solvePlacement(problem(units, [ddr(), nvme(2 * 4096)], { slowdown: 1e6 }));
    expect([...found.tier]).toEqual([0, 1, 0, 1, 0, 0]);
  });

  it('looks at a percentile instead: what lies beyond it may be as slow as it is cheap', () => {
    // 99.5 % of the accesses go to one unit in ten.
    const units = Array.from({ length: 100 }, (_, i) => ({
      bytes: 4096,
      rate: i < 10 ? 99.5 / 10 : 0.5 / 90,
    }));
    const tiers = [ddr(), cxl(), nvme()];
    const tail = solvePlacement(problem(units, tiers, { slowdown: 1.05, percentile: 99 }));
    expect(tail.tierBytes).toEqual([10 * 4096, 0, 90 * 4096]);
    expect(tail.percentileSlowdown).toBe(1);
    expect(tail.slowdown).toBeGreaterThan(1.9);
    const average = solvePlacement(problem(units, tiers, { slowdown: 1.05 }));
    expect(average.slowdown).toBeLessThanOrEqual(1.05);
    expect(average.costPerMonth).toBeGreaterThan(tail.costPerMonth);
    const lax = solvePlacement(problem(units, tiers, { slowdown: 3, percentile: 99 }));
    expect(lax.tierBytes).toEqual([0, 10 * 4096, 90 * 4096]);
  });

  it('saves 7 % and more at 5 % slow-down on skewed accesses (the anchor of Pond)', () => {
    const saving = (theta: number, length: number): number => {
      const units = Array.from({ length }, (_, i) => ({
        bytes: 4096,
        rate: (i + 1) ** -theta,
      }));
      const found = solvePlacement(problem(units, [ddr(), cxl()], { slowdown: 1.05 }));
      expect(found.slowdown).toBeLessThanOrEqual(1.05);
      expect(found.steps).toBeLessThanOrEqual(maxBisectionSteps);
      return 1 - found.costPerMonth / ((length * 4096) / GiB);
    };
    expect(saving(0.8, 100_000)).toBeGreaterThan(0.07);
    expect(saving(0.99, 10_000)).toBeGreaterThan(0.13);
  });

  it('places units that nobody accesses where they cost least', () => {
    const units = [1, 2, 3].map(() => ({ bytes: 4096, rate: 0 }));
    const found = solvePlacement(problem(units, [ddr(), nvme()], { slowdown: 1 }));
    expect(found).toMatchObject({ meetsTarget: true, slowdown: 1, tierBytes: [0, 3 * 4096] });
  });

  it('has an answer for no units at all', () => {
    const found = solvePlacement(problem([], [ddr(), cxl()], { slowdown: 1.05 }));
    expect(found).toMatchObject({ costPerMonth: 0, averageNs: 0, slowdown: 1, meetsTarget: true });
  });

  const one: Unit[] = [{ bytes: 1, rate: 1 }];
  it.each<[string, PlacementProblem, RegExp]>([
    ['no tiers', problem(one, [], { slowdown: 2 }), /tiers/],
    ['tiers too small', problem(one, [ddr(0)], { slowdown: 2 }), /large enough for 1 bytes/],
    ['a negative price', problem(one, [tier(1, -1)], { slowdown: 2 }), /costPerGiBMonth/],
    ['a unit of no size', problem([{ bytes: 0, rate: 1 }], [ddr()], { slowdown: 2 }), /bytes/],
    ['a NaN rate', problem([{ bytes: 1, rate: NaN }], [ddr()], { slowdown: 2 }), /accesses/],
    ['faster than fastest', problem(one, [ddr()], { slowdown: 0.9 }), /target.slowdown/],
    ['percentile 0', problem(one, [ddr()], { slowdown: 2, percentile: 0 }), /percentile/],
    ['a NaN budget', problem(one, [ddr()], { costPerMonth: NaN }), /costPerMonth/],
    [
      'columns of two lengths',
      { ...problem(one, [ddr()], { slowdown: 2 }), bytes: new Float64Array(2).fill(1) },
      /accessesPerSecond/,
    ],
    ['half a write', { ...problem(one, [ddr()], { slowdown: 2 }), writeShare: 2 }, /writeShare/],
  ])('refuses %s', (_what, wrong, message) => {
    expect(() => solvePlacement(wrong)).toThrow(RangeError);
    expect(() => solvePlacement(wrong)).toThrow(message);
  });
});
