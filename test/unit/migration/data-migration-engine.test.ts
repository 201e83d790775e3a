import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import type { MoveRecord } from '../../../lib/migration/engine-stats.ts';
import type { MoveOutcome } from '../../../lib/migration/migration-target.ts';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { lruPolicy } from '../../../lib/policy/lru.ts';
import type { Move, Plan, Policy, Snapshot } from '../../../lib/policy/policy.ts';
import { cxl, ddr, ModelTarget, nvme } from './model-target.ts';

const page = 4096;

/** A store with `hot` often-used units in the slow tier and a fast tier that holds all of them. */
function withHotUnits(hot: number, fastPages = 100): { target: ModelTarget; units: number[] } {
  const target = new ModelTarget([ddr(fastPages * page), nvme(1e9)]);
  const units = Array.from({ length: hot }, () => target.create(page, 1));
  for (const unit of units) target.read(unit, 50);
  return { target, units };
}

function engineOf(
  target: ModelTarget,
  policy: Policy = balancedPolicy(),
  more: Partial<ConstructorParameters<typeof DataMigrationEngine>[0]> = {},
): DataMigrationEngine {
  return new DataMigrationEngine({
    target,
    policy,
    bytesPerSecond: Infinity,
    mainThreadBudgetUs: 1e6,
    ...more,
  });
}

/** A policy that returns whatever it is given. */
function planning(make: (snapshot: Snapshot) => unknown): Policy {
  return {
    name: 'odd',
    halfLifeAccesses: () => 1000,
    admits: () => true,
    plan: (snapshot) => make(snapshot) as Plan,
  };
}

const planOf = (...moves: Partial<Move>[]): unknown => ({
  thresholdsLog2: [],
  refused: {},
  moves: moves.map((m) => ({
    bytes: page,
    from: 1,
    to: 0,
    reason: 'hot',
    gainNs: 1,
    costNs: 1,
    ...m,
  })),
});

describe('a step', () => {
  it('brings hot units up, within the call when the budget of the main thread allows', () => {
    const { target, units } = withHotUnits(5);
    void engineOf(target).step();
    expect(units.map((u) => target.tierOf(u))).toEqual([0, 0, 0, 0, 0]);
  });

  it('reports what it did and adds it to the stats', async () => {
    const { target } = withHotUnits(5);
    const engine = engineOf(target);
    const report = await engine.step();
    expect(report).toMatchObject({
      unitsConsidered: 5,
      planned: 5,
      bytesMoved: 5 * page,
      aborted: false,
    });
    expect(report.outcomes.moved).toBe(5);
    expect(report.predictedGainNs).toBeGreaterThan(report.costNs);
    expect(engine.stats()).toMatchObject({
      rounds: 1,
      tried: 5,
      applied: 5,
      failed: 0,
      promotions: 5,
      demotions: 0,
      bytesMoved: 5 * page,
      policyErrors: 0,
      errors: 0,
    });
    expect(engine.stats().slices.count).toBeGreaterThan(0);
  });

  it('moves no more than maxBytes', async () => {
    const { target } = withHotUnits(5);
    const report = await engineOf(target).step({ maxBytes: 2 * page });
    expect(report.bytesMoved).toBe(2 * page);
    expect(report.refused).toEqual({ budget: 3 });
  });

  it('moves no more than the rate limit, and goes on when time has passed', async () => {
    let now = 0;
    const target = new ModelTarget([ddr(64 * 2 ** 20), nvme(1e9)]);
    for (let i = 0; i < 12; i++) target.read(target.create(2 ** 20, 1), 5000);
    const engine = engineOf(target, balancedPolicy(), {
      clock: () => now,
      bytesPerSecond: 2 ** 20,
    });
    // The bucket holds 8 MiB at the start.
    expect((await engine.step()).bytesMoved).toBe(8 * 2 ** 20);
    expect((await engine.step()).bytesMoved).toBe(0);
    now += 3e9;
    expect((await engine.step()).bytesMoved).toBe(3 * 2 ** 20);
  });

  it('gives the thread back when a slice has used its budget', async () => {
    const { target, units } = withHotUnits(6);
    let now = 0;
    const engine = engineOf(target, balancedPolicy(), {
      clock: () => now,
      mainThreadBudgetUs: 100,
    });
    target.moveHook = () => {
      now += 60_000;
      return undefined;
    };
    const done = engine.step();
    // Two moves of 60 us are past the budget of 100.
    expect(units.filter((u) => target.tierOf(u) === 0)).toHaveLength(2);
    await done;
    expect(units.filter((u) => target.tierOf(u) === 0)).toHaveLength(6);
    const { slices } = engine.stats();
    expect(slices.count).toBe(3);
    expect(slices.maxNs).toBeLessThan(130_000);
  });

  it('waits for moves that happen in the background without holding the thread', async () => {
    const { target } = withHotUnits(2);
    let under = 0;
    target.moveHook = async (): Promise<MoveOutcome> => {
      expect(++under).toBe(1);
      await delay(1);
      under--;
      return 'moved';
    };
    expect((await engineOf(target).step()).outcomes.moved).toBe(2);
  });

  it('runs one round at a time', async () => {
    const { target } = withHotUnits(4);
    let under = 0;
    target.moveHook = async (): Promise<MoveOutcome> => {
      expect(++under).toBe(1);
      await delay(1);
      under--;
      return 'leased';
    };
    const engine = engineOf(target);
    await Promise.all([engine.step(), engine.step(), engine.optimize()]);
    expect(engine.stats().outcomes.leased).toBeGreaterThanOrEqual(4);
  });

  it.each(['gone', 'elsewhere', 'leased', 'full', 'damaged', 'refused', 'unsupported'] as const)(
    'counts a move that ends as %s apart and charges nothing for it',
    async (outcome) => {
      const { target } = withHotUnits(3);
      target.moveHook = () => outcome;
      const engine = engineOf(target);
      const report = await engine.step();
      expect(report.outcomes[outcome]).toBe(3);
      expect(report.bytesMoved).toBe(0);
      expect(engine.stats()).toMatchObject({ tried: 3, applied: 0, failed: 3, promotions: 0 });
    },
  );

  it('notes a store that throws where it should answer, and goes on', async () => {
    const { target, units } = withHotUnits(3);
    const broken = new Error('broken');
    target.moveHook = (unit) => {
      if (unit === units[0]) throw broken;
      return unit === units[1] ? Promise.reject(broken) : undefined;
    };
    const engine = engineOf(target);
    expect((await engine.step()).outcomes).toMatchObject({ refused: 2, moved: 1 });
    expect(engine.stats()).toMatchObject({ errors: 2, lastError: broken });
  });

  it('tells onMove of every move tried, and survives what it throws', async () => {
    const { target } = withHotUnits(3);
    const seen: MoveRecord[] = [];
    const engine = engineOf(target, balancedPolicy(), {
      onMove: (move) => {
        seen.push(move);
        throw new Error('listener');
      },
    });
    await engine.step();
    expect(seen.map((m) => m.outcome)).toEqual(['moved', 'moved', 'moved']);
    expect(engine.stats().errors).toBe(3);
  });

  it('rejects with what the store throws while it is observed', async () => {
    const { target } = withHotUnits(1);
    const closed = new Error('closed');
    target.snapshot = () => {
      throw closed;
    };
    const engine = engineOf(target);
    await expect(engine.step()).rejects.toBe(closed);
    await engine.idle();
  });
});

describe('a policy that fails', () => {
  const cases: [string, Policy, RegExp][] = [
    [
      'throws',
      planning(() => {
        throw new Error('oops');
      }),
      /plan\(\) threw: oops/,
    ],
    ['returns nothing', planning(() => undefined), /plan is undefined/],
    ['returns a promise', planning(async () => planOf()), /moves is not an array/],
    [
      'has a threshold that is no number',
      planning(() => ({ moves: [], thresholdsLog2: [NaN], refused: {} })),
      /thresholdsLog2/,
    ],
    [
      'moves an unknown unit',
      planning(() => planOf({ unit: 99 })),
      /unit 99 is not in the snapshot/,
    ],
    ['moves a unit twice', planning(() => planOf({ unit: 0 }, { unit: 0 })), /a second time/],
    [
      'moves to a tier that does not exist',
      planning(() => planOf({ unit: 0, to: 2 })),
      /to 2 is not a tier/,
    ],
    ['moves to half a tier', planning(() => planOf({ unit: 0, to: 0.5 })), /to 0.5 is not a tier/],
    [
      'moves a unit to where it is',
      planning(() => planOf({ unit: 0, to: 1 })),
      /from tier 1 to itself/,
    ],
    [
      'moves from where the unit is not',
      planning(() => planOf({ unit: 0, from: 0, to: 1 })),
      /not where unit 0 is/,
    ],
    ['misstates a size', planning(() => planOf({ unit: 0, bytes: 1 })), /not the size of unit 0/],
    ['promises NaN', planning(() => planOf({ unit: 0, gainNs: NaN })), /not finite/],
    [
      'wants a half-life of NaN',
      { ...planning(() => planOf({ unit: 0 })), halfLifeAccesses: () => NaN },
      /halfLifeAccesses\(\) returned NaN/,
    ],
    [
      'throws when asked for a half-life',
      {
        ...planning(() => planOf()),
        halfLifeAccesses: () => {
          throw new Error('no');
        },
      },
      /halfLifeAccesses\(\) threw: no/,
    ],
  ];

  it.each(cases)(
    'by design: it %s; nothing moves, the failure is counted',
    async (_what, policy, message) => {
      const { target } = withHotUnits(2);
      const engine = engineOf(target, policy);
      const report = await engine.step();
      expect(report.policyFailure?.message).toMatch(message);
      expect(report.policyFailure?.policy).toBe('odd');
      expect(target.moves).toBe(0);
      expect(engine.stats()).toMatchObject({ policyErrors: 1, tried: 0 });
      expect(engine.stats().lastPolicyFailure?.message).toMatch(message);
    },
  );

  it('is asked again in the next round', async () => {
    const { target } = withHotUnits(2);
    let calls = 0;
    const policy = planning(() => {
      if (++calls === 1) throw new Error('once');
      return planOf({ unit: 0 });
    });
    const engine = engineOf(target, policy);
    await engine.step();
    expect((await engine.step()).outcomes.moved).toBe(1);
    expect(engine.stats().policyErrors).toBe(1);
  });
});

describe('optimize', () => {
  it('works until nothing moves any more, in shares of maxUnits', async () => {
    const { target, units } = withHotUnits(60);
    const report = await engineOf(target, balancedPolicy(), { maxUnits: 10 }).optimize();
    expect(units.every((u) => target.tierOf(u) === 0)).toBe(true);
    expect(report.rounds).toBeGreaterThan(5);
    expect(report.moves).toHaveLength(60);
    expect(report.moves.every((m) => m.outcome === 'moved' && m.reason === 'hot')).toBe(true);
    expect(report.bytesMoved).toBe(60 * page);
  });

  it('moves nothing in a dry run but says what it would do', async () => {
    const { target, units } = withHotUnits(20);
    const engine = engineOf(target, balancedPolicy(), { maxUnits: 3 });
    const report = await engine.optimize({ dryRun: true });
    expect(target.moves).toBe(0);
    expect(units.every((u) => target.tierOf(u) === 1)).toBe(true);
    expect(report).toMatchObject({ dryRun: true, planned: 20, bytesMoved: 0 });
    expect(report.moves.map((m) => m.outcome)).toEqual(new Array(20).fill('planned'));
    expect(report.predictedGainNs).toBeGreaterThan(0);
    expect(engine.stats().tried).toBe(0);
  });

  it('ends between two moves when aborted and says so', async () => {
    const { target } = withHotUnits(20);
    const abort = new AbortController();
    const engine = engineOf(target, balancedPolicy(), {
      onMove: () => {
        if (target.moves === 7) abort.abort();
      },
    });
    const report = await engine.optimize({ signal: abort.signal });
    expect(report.aborted).toBe(true);
    expect(report.outcomes.moved).toBe(7);
    expect(target.moves).toBe(7);
  });

  it('does nothing when aborted before it starts', async () => {
    const { target } = withHotUnits(3);
    const report = await engineOf(target).optimize({ signal: AbortSignal.abort() });
    expect(report).toMatchObject({ aborted: true, rounds: 0, planned: 0 });
  });

  it('stops a policy that never rests', async () => {
    const { target } = withHotUnits(1);
    const restless = planning((s) =>
      planOf({ unit: 0, from: s.units.tier[0], to: 1 - s.units.tier[0] }),
    );
    const report = await engineOf(target, restless).optimize();
    expect(report.rounds).toBeLessThan(30);
  });

  it('ends on an empty store', async () => {
    const report = await engineOf(new ModelTarget([ddr(1e6), cxl(1e6)])).optimize();
    expect(report).toMatchObject({ planned: 0, aborted: false });
  });
});

describe('the background timer', () => {
  it('makes rounds until stopped', async () => {
    vi.useFakeTimers();
    try {
      const { target, units } = withHotUnits(4);
      const engine = engineOf(target);
      engine.start(50);
      expect(engine.running).toBe(true);
      await vi.advanceTimersByTimeAsync(60);
      expect(units.every((u) => target.tierOf(u) === 0)).toBe(true);
      engine.stop();
      expect(engine.running).toBe(false);
      const { rounds } = engine.stats();
      await vi.advanceTimersByTimeAsync(500);
      expect(engine.stats().rounds).toBe(rounds);
    } finally {
      vi.useRealTimers();
    }
  });

  it('gives up after the store failed again and again, and keeps the error', async () => {
    vi.useFakeTimers();
    try {
      const { target } = withHotUnits(1);
      target.snapshot = () => {
        throw new Error('closed');
      };
      const engine = engineOf(target);
      engine.start(10);
      await vi.advanceTimersByTimeAsync(1000);
      expect(engine.running).toBe(false);
      expect(engine.stats().errors).toBe(8);
      expect(String(engine.stats().lastError)).toMatch(/closed/);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('engine options', () => {
  const { target } = withHotUnits(1);
  const make = (more: object) => () => engineOf(target, balancedPolicy(), more);
  it.each([
    [{ maxUnits: 0 }, /maxUnits/],
    [{ mainThreadBudgetUs: NaN }, /mainThreadBudgetUs/],
    [{ bytesPerSecond: -1 }, /bytesPerSecond/],
    [{ dwellAccesses: -1 }, /dwellAccesses/],
    [{ policy: {} }, /policy/],
    [{ target: {} }, /target/],
  ])('%j is refused', (more, message) => {
    expect(make(more)).toThrow(message);
  });

  it('refuse an interval that is none', () => {
    expect(() => engineOf(target).start(0)).toThrow(/intervalMs/);
    expect(() => engineOf(target).step({ maxBytes: -1 })).toThrow(/maxBytes/);
  });

  it('take lru as well as balanced', async () => {
    const hot = withHotUnits(3);
    await engineOf(hot.target, lruPolicy()).step();
    expect(hot.units.map((u) => hot.target.tierOf(u))).toEqual([0, 0, 0]);
  });
});
