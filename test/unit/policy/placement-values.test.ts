import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessNs, defaultCosts, moveNs, type TierSpeed } from '../../../lib/policy/cost-model.ts';
import {
  type PlacementValues,
  solveValues,
  type ValueModel,
  valueAt,
  valueGoing,
  valueStaying,
} from '../../../lib/policy/placement-values.ts';
import { ageBins, ageLengths, useClass, useClasses } from '../../../lib/policy/use-class.ts';

const tier = (latencyNs: number): TierSpeed => ({
  readLatencyNs: latencyNs,
  writeLatencyNs: 2 * latencyNs,
  readBytesPerSecond: 10e9,
  writeBytesPerSecond: 5e9,
});
const [fast, middle, slow] = [tier(100), tier(400), tier(5000)];

/** By age alone, or by whether a unit was used before: `first` is for the first use. */
type Shares = (bin: number, first: boolean) => number;

function modelOf(shares: Shares, more: Partial<ValueModel> = {}): ValueModel {
  const table = new Float64Array(useClasses * ageBins);
  const newcomers = new Set(Array.from({ length: 20 }, (_, octave) => useClass(octave, 0)));
  for (let c = 0; c < useClasses; c++) {
    for (let bin = 0; bin < ageBins; bin++)
      table[c * ageBins + bin] = shares(bin, newcomers.has(c));
  }
  return {
    tiers: [fast, slow],
    costs: defaultCosts,
    bytes: 4096,
    step: 1,
    writeShare: 0.25,
    shares: table,
    halfLifeAccesses: 1e5,
    horizonAccesses: 5000,
    rents: [1e-5, 0],
    hurdle: 1,
    ...more,
  };
}
const geometric =
  (mean: number): Shares =>
  (bin) =>
    1 - Math.exp(-ageLengths[bin] / mean);
const solve = (model: ValueModel, rounds = 40): PlacementValues =>
  solveValues(model, undefined, rounds);

/** What follows after a use: value right after it in the fast and in the slow tier, before a move. */
type AfterUse = readonly [fast: number, slow: number];
/** A value as a sum: so much now, and these shares of what follows after a use. */
type Linear = readonly [now: number, fast: number, slow: number];

/**
 * Two tiers, solved by trying every policy there is: leave the fast tier at one of the ages, or never; go up after a use,
 * or not; go down after a use, or not. Each of them is followed from use to use, and two linear equations give what it
 * is worth.
 */
function bestOfAllPolicies(model: ValueModel): {
  afterUse: AfterUse;
  at: (useClass: number, tier: 0 | 1) => number;
} {
  const { tiers, bytes, writeShare, costs, hurdle } = model;
  const useNs = tiers.map((t) => model.step * accessNs(t, bytes, writeShare, costs));
  const downNs = hurdle * moveNs(tiers[0], tiers[1], bytes, costs);
  const upNs = hurdle * moveNs(tiers[1], tiers[0], bytes, costs);

  /** Follows a unit from a use on until the next one; it leaves the fast tier when it reaches the age `leaves`. */
  function cycle(start: 0 | 1, leaves: number, c: number): Linear {
    let [now, up, down] = [0, 0, 0];
    let at: number = start;
    let weight = 1;
    for (let bin = 0; bin < ageBins; bin++) {
      if (at === 0 && bin === leaves) {
        now -= weight * downNs;
        at = 1;
      }
      const share = model.shares[c * ageBins + bin];
      const time = ageLengths[bin] * (share * 0.5 + (1 - share));
      now -= weight * model.rents[at] * bytes * time;
      weight *= Math.exp(-ageLengths[bin] / model.horizonAccesses);
      now -= weight * share * useNs[at];
      if (at === 0) up += weight * share;
      else down += weight * share;
      weight *= 1 - share;
    }
    return [now, up, down];
  }
  const used = useClass(0, 1);
  const fromSlow = cycle(1, ageBins, used);
  let best: AfterUse = [-Infinity, -Infinity];
  for (let leaves = 1; leaves <= ageBins; leaves++) {
    const fromFast = cycle(0, leaves, used);
    for (const climbs of [false, true]) {
      for (const falls of [false, true]) {
        if (climbs && falls) continue;
        // Value after a use in each tier: x = now + up * x + down * y.
        const x = falls ? fromSlow : fromFast;
        const y = climbs ? fromFast : fromSlow;
        const [a, b] = [x[0] - (falls ? downNs : 0), y[0] - (climbs ? upNs : 0)];
        const determinant = (1 - x[1]) * (1 - y[2]) - x[2] * y[1];
        best = [
          Math.max(best[0], (a * (1 - y[2]) + b * x[2]) / determinant),
          Math.max(best[1], (b * (1 - x[1]) + a * y[1]) / determinant),
        ];
      }
    }
  }
  const worth = ([now, up, down]: Linear): number => now + up * best[0] + down * best[1];
  const at = (c: number, start: 0 | 1): number => {
    const last = start === 0 ? ageBins : 0;
    let found = -Infinity;
    for (let leaves = 0; leaves <= last; leaves++) {
      found = Math.max(found, worth(cycle(start, leaves, c)));
    }
    return found;
  };
  return { afterUse: best, at };
}

describe('the value of a place', () => {
  const processes: [string, ValueModel][] = [
    ['used at any age alike', modelOf(geometric(300))],
    ['used seldom', modelOf(geometric(30_000))],
    ['used soon or never', modelOf((bin) => (bin < 14 ? 0.3 : 0.001), { rents: [4e-5, 0] })],
    ['used after a pause', modelOf((bin) => (bin >= 18 && bin < 22 ? 0.6 : 0.01))],
    [
      'used once, as a rule, and then often',
      modelOf((bin, first) => (first ? 0.004 : bin < 20 ? 0.2 : 0.02), { rents: [2e-4, 0] }),
    ],
    ['of 64 B, sampled', modelOf(geometric(5000), { bytes: 64, step: 16, rents: [1e-2, 0] })],
    ['of 2 MiB, dear to move', modelOf(geometric(2000), { bytes: 2 ** 21, hurdle: 2.5 })],
  ];

  it.each(processes)('is of one piece after a few rounds already, for a unit %s', (_, model) => {
    const before = solve(model, 3);
    // A use of it is suddenly worth ten times as much.
    const dearer = { ...model, tiers: [fast, tier(50_000)] };
    const values = solveValues(dearer, before, 2);
    for (let c = 0; c < useClasses; c++) {
      for (let bin = 0; bin < ageBins; bin++) {
        // Who stays where it is best is not worth less than who is there: it would leave, and come back at once.
        const staying = [0, 1].map((k) => valueStaying(values, k, c, bin));
        expect(valueAt(values, 1, c, bin)).toBe(staying[1]);
        expect(valueAt(values, 0, c, bin)).toBe(
          Math.max(staying[0], staying[1] - values.moveNs[1]),
        );
      }
    }
  });

  it.each(processes)('is that of the best of all policies for a unit %s', (_, model) => {
    const values = solve(model, 400);
    const { afterUse, at } = bestOfAllPolicies(model);
    const c = useClass(0, 1);
    const found = [0, 1].map((k) =>
      Math.max(valueAt(values, k, c, 0), valueGoing(values, k, 1 - k, c, 0)),
    );
    expect(found[0] / afterUse[0]).toBeCloseTo(1, 6);
    expect(found[1] / afterUse[1]).toBeCloseTo(1, 6);
    for (const k of [0, 1] as const) {
      expect(valueAt(values, k, useClass(0, 0), 0) / at(useClass(0, 0), k)).toBeCloseTo(1, 6);
      // Units that were used before are all alike here, whatever leads to what.
      const truth = at(c, k);
      for (let octave = 0; octave < 12; octave++) {
        for (const gap of [1, 2, 3, 4, 5, 6]) {
          expect(valueAt(values, k, useClass(octave, gap), 0) / truth).toBeCloseTo(1, 6);
        }
      }
    }
  });

  it('has early and late leavers among those processes, or they would prove little', () => {
    const leaves = processes.map(([, model]) => {
      const values = solve(model);
      const c = useClass(0, 1);
      return Array.from({ length: ageBins }, (_, bin) => bin).find(
        (bin) => valueGoing(values, 0, 1, c, bin) > valueStaying(values, 0, c, bin),
      );
    });
    expect(new Set(leaves).size).toBeGreaterThan(3);
  });

  it('is nothing to move for when no unit is used again', () => {
    const values = solve(modelOf(() => 0, { tiers: [fast, middle, slow], rents: [0, 0, 0] }));
    for (let c = 0; c < useClasses; c++) {
      for (let from = 0; from < 3; from++) {
        for (let to = 0; to < 3; to++) {
          if (to === from) continue;
          expect(valueGoing(values, from, to, c, 5)).toBeLessThan(valueStaying(values, from, c, 5));
        }
      }
    }
  });

  it('is only rent when no unit is used again, and then who pays more than the way leaves', () => {
    const values = solve(modelOf(() => 0, { rents: [1e-4, 0] }));
    const c = useClass(2, 1);
    const young = ageBins - 1;
    expect(valueGoing(values, 0, 1, c, 0)).toBeGreaterThan(valueStaying(values, 0, c, 0));
    expect(valueGoing(values, 1, 0, c, 0)).toBeLessThan(valueStaying(values, 1, c, 0));
    expect(valueStaying(values, 1, c, young)).toBeCloseTo(0, 9);
  });

  it('is the time saved by each use within the horizon when the next use is certain', () => {
    const model = modelOf(() => 1, { rents: [0, 0], hurdle: 1e9, horizonAccesses: 50 });
    const values = solve(model, 400);
    // Each use comes within bin 0; the n-th counts for e^(-n * length / horizon).
    const keeps = Math.exp(-ageLengths[0] / model.horizonAccesses);
    const uses = keeps / (1 - keeps);
    expect(uses / (model.horizonAccesses / ageLengths[0])).toBeCloseTo(1, 2);
    const saved = uses * (values.useNs[1] - values.useNs[0]);
    const c = useClass(10, 1);
    expect((valueAt(values, 0, c, 0) - valueAt(values, 1, c, 0)) / saved).toBeCloseTo(1, 3);
  });

  it('differs between two tiers by no more than the way from one to the other after a use', () => {
    const model = modelOf(geometric(200), { tiers: [fast, middle, slow], rents: [2e-5, 1e-5, 0] });
    const values = solve(model);
    const afterUse = (k: number, c: number): number =>
      Math.max(...[0, 1, 2].map((j) => valueGoing(values, k, j, c, 0)));
    for (let c = 0; c < useClasses; c++) {
      for (let k = 0; k < 3; k++) {
        for (let j = 0; j < 3; j++) {
          const way = values.moveNs[k * 3 + j];
          expect(afterUse(k, c)).toBeGreaterThanOrEqual(valueAt(values, j, c, 0) - way - 1e-6);
        }
      }
    }
  });

  it('is never more for more rent or dearer moves, in any state', () => {
    const rate = fc.integer({ min: 0, max: 90 }).map((percent) => percent / 100);
    const price = fc.nat(1000).map((n) => n * 1e-7);
    const factor = fc.integer({ min: 1, max: 40 }).map((n) => n / 10);
    fc.assert(
      fc.property(
        fc.array(rate, { minLength: ageBins, maxLength: ageBins }),
        fc.tuple(price, price, price, price),
        fc.tuple(factor, factor),
        fc.integer({ min: 6, max: 4 * 2 ** 19 }),
        ([...shares], [rentA, rentB, more, less], [hurdle, extra], bytes) => {
          const base = { tiers: [fast, middle, slow], bytes };
          const model = modelOf((bin) => shares[bin], {
            ...base,
            hurdle,
            rents: [rentA + rentB, rentB, 0],
          });
          const worse = { ...model, hurdle: hurdle + extra };
          const dearer = { ...model, rents: [rentA + rentB + more, rentB + less, 0] };
          const [all, moves, rented] = [model, worse, dearer].map((m) => solve(m, 20));
          for (let i = 0; i < all.best.length; i++) {
            const slack = 1e-6 * (1 + Math.abs(all.best[i]));
            if (moves.best[i] > all.best[i] + slack || rented.best[i] > all.best[i] + slack) {
              expect.fail(`state ${i}: ${all.best[i]}, ${moves.best[i]}, ${rented.best[i]}`);
            }
          }
        },
      ),
      { numRuns: 20, endOnFailure: true },
    );
  });
});

describe('solving', () => {
  it('comes to rest', () => {
    const shares: Shares = (bin, first) => (first ? 0.01 : bin < 20 ? 0.1 : 0.03);
    const model = modelOf(shares, { tiers: [fast, middle, slow], rents: [2e-5, 1e-5, 0] });
    const values = solve(model, 100);
    const { best } = solveValues(model, values, 1);
    best.forEach((value, i) => {
      if (Math.abs(value - values.best[i]) > 1e-6 * (1 + Math.abs(value)))
        expect.fail(`state ${i}`);
    });
  });

  it('goes on from what was found before, and is there sooner', () => {
    const model = modelOf(geometric(2000));
    const goal = solve(model, 400);
    const [cold, warm] = [undefined, solve(model, 1000)].map((before) =>
      solveValues(model, before, 2),
    );
    const off = (values: PlacementValues): number =>
      Math.abs(valueAt(values, 1, useClass(0, 1), 0) / valueAt(goal, 1, useClass(0, 1), 0) - 1);
    expect(off(cold)).toBeGreaterThan(1e-4);
    expect(off(warm)).toBeLessThan(1e-7);
  });

  it('changes nothing that was found before', () => {
    const model = modelOf(geometric(2000));
    const before = solve(model, 6);
    const copy = structuredClone(before);
    const after = solveValues(model, before, 2);
    expect(before).toEqual(copy);
    expect(after.best).not.toEqual(before.best);
  });

  it('begins anew for another number of tiers', () => {
    const model = modelOf(geometric(2000));
    const three = solve(
      modelOf(geometric(2000), { tiers: [fast, middle, slow], rents: [0, 0, 0] }),
    );
    expect(solveValues(model, three, 6)).toEqual(solveValues(model, undefined, 6));
  });

  it('does not mix up programs of different half-lives', () => {
    const shares: Shares = geometric(1000);
    const model = modelOf(shares);
    const bySize = { ...model, shares: model.shares.map((s, i) => s / (1 + (i % 97))) };
    const long = solve({ ...bySize, halfLifeAccesses: 1e6 }, 50);
    const short = solve({ ...bySize, halfLifeAccesses: 2000 }, 50);
    expect(solve({ ...bySize, halfLifeAccesses: 1e6 }, 50)).toEqual(long);
    expect(short.best).not.toEqual(long.best);
  });
});
