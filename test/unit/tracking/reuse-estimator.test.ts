import { describe, expect, it } from 'vitest';
import { type ReuseTable, reuseShares } from '../../../lib/policy/reuse.ts';
import {
  ageBin,
  ageBins,
  ageLengths,
  useClass,
  useClasses,
} from '../../../lib/policy/use-class.ts';
import { ModelledStore } from '../../../lib/simulation/modelled-store.ts';
import { ReuseEstimator } from '../../../lib/tracking/reuse-estimator.ts';
import { costs, fast, slow } from '../simulation/small-tiers.ts';

const interval = 16;

/** A generator of fractions that is the same in every run. */
function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Stream {
  readonly accesses: number;
  /** The unit used at each access. Units are created when they are named first, in order. */
  readonly next: (access: number) => number;
  readonly halfLife: number;
  /** Units a plan considers. Default: all. */
  readonly maxUnits?: number;
  /** Accesses that one seen access counts for. Default 1. */
  readonly step?: number;
  readonly writes?: (access: number) => boolean;
}

/** Plays a stream on a store as an engine does. A fifth of the units is in the fast tier. */
function learn({ accesses, next, halfLife, maxUnits = 1e9, step = 1, writes }: Stream): ReuseTable {
  const large = { ...fast, capacityBytes: 1e9 };
  const store = new ModelledStore([large, { ...slow, capacityBytes: 1e9 }], costs);
  const estimator = new ReuseEstimator();
  for (let access = 0; access < accesses; access++) {
    const unit = next(access);
    while (store.size <= unit) store.create(64, store.size % 5 === 0 ? 0 : 1);
    store.access(unit, writes?.(access) ?? false, 1, step);
    if ((access + 1) % interval > 0) continue;
    const seen = store.snapshot({
      halfLifeAccesses: halfLife * step,
      maxUnits,
      step: estimator.table().step,
    });
    estimator.observe(seen);
  }
  return estimator.table();
}

/** Share of all units, whatever their class, that are used within a bin. */
function shareOfAll({ uses, atRisk }: ReuseTable, bin: number): number {
  let [used, risk] = [0, 0];
  for (let c = 0; c < useClasses; c++) {
    used += uses[c * ageBins + bin];
    risk += atRisk[c * ageBins + bin];
  }
  return 1 - Math.exp((-used / risk) * ageLengths[bin]);
}

/** Share of the units of a class that are unused for so long after a use. */
function survival(table: ReuseTable, c: number, accesses: number): number {
  const shares = reuseShares(table);
  let left = 1;
  for (let bin = 0; bin < ageBin(accesses); bin++) left *= 1 - shares[c * ageBins + bin];
  return left;
}

const looks: [string, { maxUnits?: number; step?: number }][] = [
  ['all units considered', {}],
  ['a rotating sample of 5 %', { maxUnits: 50 + interval }],
  ['each access counted as 16', { step: 16 }],
  ['a rotating sample of 5 %, each access counted as 16', { maxUnits: 50 + interval, step: 16 }],
];

describe.each(looks)('with %s, the reuse estimator', (_, { maxUnits = 1e9, step = 1 }) => {
  // Who looks at every unit each time learns the same from fewer accesses.
  const all = maxUnits === 1e9;

  it('finds the rate of uses that come at any age alike', () => {
    const random = fractions(1);
    const units = 1000;
    const table = learn({
      accesses: all ? 30_000 : 100_000,
      next: (access) => (access < units ? access : Math.floor(random() * units)),
      halfLife: 20_000,
      maxUnits,
      step,
    });
    expect(table.step).toBe(step);
    // In accesses as they are counted: a stream of uses that each count 16 is that much slower.
    const youngest = ageBin(64 * step);
    for (let bin = youngest; bin <= ageBin(2000 * step); bin++) {
      const truth = 1 - Math.exp(-ageLengths[bin] / (units * step));
      expect(shareOfAll(table, bin) / truth).toBeGreaterThan(0.85);
      expect(shareOfAll(table, bin) / truth).toBeLessThan(1.15);
    }
  });

  it('tells units that are used often from those that are not by their count', () => {
    const random = fractions(2);
    const [hot, cold] = [50, 950];
    const table = learn({
      accesses: all ? 30_000 : 100_000,
      // Every other access is to a hot unit.
      next: (access) => {
        if (access < hot + cold) return access;
        const to = random();
        return to < 0.5 ? Math.floor(to * 2 * hot) : hot + Math.floor((to - 0.5) * 2 * cold);
      },
      halfLife: 2000,
      maxUnits,
      step,
    });
    // A hot unit is used every 100 accesses: a count of 29; a cold one every 1900: a count of 1.5.
    const [hotAfter, coldAfter] = [4, 0].map((octave) =>
      [200, 1000].map((age) => survival(table, useClass(octave, octave === 4 ? 1 : 2), age * step)),
    );
    expect(hotAfter[0]).toBeLessThan(0.25);
    expect(coldAfter[0]).toBeGreaterThan(0.8);
    expect(coldAfter[1]).toBeGreaterThan(0.4);
    expect(coldAfter[1]).toBeLessThan(0.8);
  });

  it('finds that units come back after a pause, if they do, and never after that', () => {
    // Every other unit is used again, 1000 accesses after its first use.
    let created = 0;
    const due: number[] = [];
    const random = fractions(3);
    const table = learn({
      accesses: all ? 16_000 : 30_000,
      next: (access) => {
        if (due[access] !== undefined) return due[access];
        const unit = created++;
        if (random() < 0.5) due[access + 1000] = unit;
        return unit;
      },
      halfLife: 2000,
      maxUnits: all ? maxUnits : 1000,
      step,
    });
    const newcomer = useClass(0, 0);
    expect(survival(table, newcomer, 700 * step)).toBeGreaterThan(0.9);
    expect(survival(table, newcomer, 2000 * step)).toBeGreaterThan(0.4);
    expect(survival(table, newcomer, 2000 * step)).toBeLessThan(0.6);
    const twice = useClass(1, 2);
    expect(survival(table, twice, 2000 * step)).toBeGreaterThan(0.9);
  });

  it('finds that units are used once and never again', () => {
    const table = learn({
      accesses: 8000,
      next: (access) => access,
      halfLife: 2000,
      maxUnits: all ? maxUnits : 1000,
      step,
    });
    expect(survival(table, useClass(0, 0), 4000 * step)).toBeGreaterThan(0.95);
  });
});

describe('the reuse estimator', () => {
  const steady = (more: Partial<Stream>): ReuseTable =>
    learn({ accesses: 8000, next: (access) => (access * 7) % 100, halfLife: 2000, ...more });

  it('believes nothing before it has seen anything', () => {
    expect(reuseShares(new ReuseEstimator().table())).toEqual(
      reuseShares({
        uses: new Float64Array(useClasses * ageBins),
        atRisk: new Float64Array(useClasses * ageBins),
        lowestBin: 0,
        step: 1,
        writeShare: 0,
      }),
    );
  });

  it('learns nothing of a plan without accesses, and of one in which nothing ever cools', () => {
    const store = new ModelledStore([fast, slow], costs);
    store.access(store.create(40, 0), false);
    const estimator = new ReuseEstimator();
    const seen = store.snapshot({ halfLifeAccesses: 100, maxUnits: 10 });
    estimator.observe({ ...seen, halfLifeAccesses: Infinity });
    estimator.observe({ ...seen, accessesSincePlan: 0 });
    expect(Math.max(...estimator.table().uses, ...estimator.table().atRisk)).toBe(0);
    estimator.observe(seen);
    expect(Math.max(...estimator.table().atRisk)).toBeGreaterThan(0);
  });

  it('learns how soon units are seen for the first time that were there unseen, not that new ones are used', () => {
    const random = fractions(5);
    const units = 20_000;
    const store = new ModelledStore(
      [
        { ...fast, capacityBytes: 1e9 },
        { ...slow, capacityBytes: 1e9 },
      ],
      costs,
    );
    const estimator = new ReuseEstimator();
    const visible = (): number => (random() < 1 / 16 ? 16 : 0);
    for (let access = 0; access < 40_000; access++) {
      const unit = access < units ? store.create(64, 1) : Math.floor(random() * units);
      store.access(unit, false, 1, visible());
      if ((access + 1) % 256 > 0) continue;
      estimator.observe(store.snapshot({ halfLifeAccesses: 1e6, maxUnits: 1e9, step: 16 }));
    }
    const { firstUses = 0, unseenAtRisk = 0 } = estimator.table();
    // While they come only new ones are used; then a unit is used every 20,000 accesses, and one in 16 of those is seen.
    const truth = (1 / (16 * units)) * (20_000 / 30_000);
    expect(firstUses / unseenAtRisk / truth).toBeGreaterThan(0.7);
    expect(firstUses / unseenAtRisk / truth).toBeLessThan(1.4);
  });

  it('learns nothing of units that nobody was seen using where nobody tells which of the others are new', () => {
    const store = new ModelledStore([fast, slow], costs);
    store.create(40, 1);
    const estimator = new ReuseEstimator();
    for (let round = 0; round < 20; round++) {
      store.access(store.create(1, 1), false);
      const seen = store.snapshot({ halfLifeAccesses: 100, maxUnits: 100 });
      estimator.observe({ ...seen, arrivals: undefined });
    }
    const { firstUses, unseenAtRisk = 0 } = estimator.table();
    expect(firstUses).toBe(0);
    expect(unseenAtRisk).toBeGreaterThan(0);
  });

  it('learns the share of writes', () => {
    expect(steady({ writes: (access) => access % 4 === 0 }).writeShare).toBeCloseTo(0.25, 1);
    expect(steady({}).writeShare).toBe(0);
  });

  it('does not take a quiet interval in which all was used often for sampling', () => {
    // Four units at a time, four times each.
    expect(steady({ next: (access) => Math.floor(access / 4) % 100 }).step).toBeLessThanOrEqual(4);
    // One plan that sees a single use ends the belief in a larger step at once.
    const next = (access: number): number => (access < 7990 ? 2 * (access % 2) : access % 100);
    expect(steady({ next }).step).toBe(1);
  });

  it('forgets what no longer holds', () => {
    const random = fractions(4);
    const often = (access: number): number =>
      access < 20_000 ? access % 50 : Math.floor(random() * 500);
    const table = learn({ accesses: 100_000, next: often, halfLife: 512 });
    const bin = ageBin(200);
    const truth = 1 - Math.exp(-ageLengths[bin] / 500);
    expect(shareOfAll(table, bin) / truth).toBeLessThan(1.3);
    expect(shareOfAll(table, bin) / truth).toBeGreaterThan(0.7);
  });

  it('tells no ages apart that pass between two plans', () => {
    expect(steady({}).lowestBin).toBe(ageBin(interval / 2));
  });
});
