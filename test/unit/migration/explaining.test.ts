import { describe, expect, it } from 'vitest';
import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import type { Decision } from '../../../lib/migration/decision.ts';
import { findPlanError } from '../../../lib/migration/plan-check.ts';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { lruPolicy } from '../../../lib/policy/lru.ts';
import type { Plan, Policy, Refusal } from '../../../lib/policy/policy.ts';
import { snapshotOf } from '../policy/snapshots.ts';
import { ddr, ModelTarget, nvme } from './model-target.ts';

const page = 4096;

/** Room for eight pages in the fast tier, and twelve in the slow one that are used by rank. */
function crowded(): { target: ModelTarget; units: number[] } {
  const target = new ModelTarget([ddr(8.5 * page), nvme(1e9)]);
  const units = Array.from({ length: 12 }, () => target.create(page, 1));
  units.forEach((unit, rank) => {
    target.read(unit, 200 - 15 * rank);
  });
  return { target, units };
}

function engineOf(
  target: ModelTarget,
  policy: Policy = balancedPolicy(),
  more: Partial<ConstructorParameters<typeof DataMigrationEngine>[0]> = {},
): DataMigrationEngine {
  return new DataMigrationEngine({ target, policy, bytesPerSecond: Infinity, ...more });
}

describe('explain', () => {
  it('tells what the next plan does, and that plan does it', async () => {
    const { target, units } = crowded();
    const engine = engineOf(target, lruPolicy());
    const before = await engine.explain(units);
    expect(target.tierOf(units[0])).toBe(1);
    const up = before.filter((one) => one!.decision === 'move').map((one) => one!.unit);
    expect(up).toHaveLength(8);
    for (const one of before.filter((each) => each!.decision === 'stay')) {
      expect(one).toMatchObject({ why: 'room', to: 'L1_DDR', tier: 'L4_NVME' });
      expect(one!.gainNs).toBeGreaterThan(one!.costNs);
    }
    // The model takes accesses as seen by the explanation; a second reading stands for the same ones.
    units.forEach((unit, rank) => {
      target.read(unit, 200 - 15 * rank);
    });
    const report = await engine.optimize();
    expect(report.moves.map(({ unit }) => unit).sort((a, b) => a - b)).toEqual(up);
  });

  it('leaves no trace in counters, carry, rate limit and decisions', async () => {
    const { target, units } = crowded();
    const decisions: number[] = [];
    const carried: unknown[] = [];
    const policy: Policy = {
      ...balancedPolicy(),
      plan: (snapshot) => {
        carried.push(snapshot.carry);
        return { moves: [], thresholdsLog2: [0], refused: { benefit: 1 }, carry: carried.length };
      },
    };
    const engine = engineOf(target, policy, {
      onDecision: ({ snapshot }) => decisions.push(snapshot.units.length),
    });
    await engine.step();
    const stats = { ...engine.stats(), slices: undefined };
    await engine.explain(units);
    await engine.optimize({ dryRun: true, explain: true });
    expect({ ...engine.stats(), slices: undefined }).toEqual(stats);
    await engine.step();
    expect(carried).toEqual([undefined, 1, 1, 1]);
    expect(decisions).toEqual([12, 12]);
  });

  it('tells heat by the second from the accesses of the last rounds', async () => {
    const { target, units } = crowded();
    let nowNs = 0;
    const engine = engineOf(target, balancedPolicy(), { clock: () => nowNs });
    nowNs = 2e9;
    const [first] = await engine.explain(units);
    // 1410 accesses in two seconds, and the half-life is 1024 at least.
    const { heat, heatPerSecond } = first!;
    expect(heat).toBeCloseTo(200, 0);
    const rate = heatPerSecond! / heat;
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThanOrEqual((Math.LN2 / 1024) * 705 * 1.0001);
  });

  it('gives undefined for what is not there', async () => {
    const { target } = crowded();
    expect(await engineOf(target).explain([4711])).toEqual([undefined]);
  });

  it('says that the policy failed', async () => {
    const { target, units } = crowded();
    const policy: Policy = {
      ...balancedPolicy(),
      plan: () => {
        throw new Error('no idea');
      },
    };
    const [one] = await engineOf(target, policy).explain(units);
    expect(one).toMatchObject({ decision: 'stay', why: 'failed' });
  });
});

describe('optimize with explain', () => {
  it('names in a dry run who stays, with figures, and nobody who would move', async () => {
    const { target } = crowded();
    const report = await engineOf(target, lruPolicy()).optimize({ dryRun: true, explain: true });
    expect(report.moves).toHaveLength(8);
    expect(report.refusals).toHaveLength(4);
    expect(report.refused).toEqual({ room: 4 });
    const moved = new Set(report.moves.map(({ unit }) => unit));
    for (const { unit, why, from, to, gainNs, costNs } of report.refusals) {
      expect(moved.has(unit)).toBe(false);
      expect({ why, from, to }).toEqual({ why: 'room', from: 1, to: 0 });
      expect(gainNs).toBeGreaterThan(0);
      expect(costNs).toBeGreaterThan(0);
    }
  });

  it('has the last word on every unit when it moves, and none without being asked', async () => {
    const one = crowded();
    const report = await engineOf(one.target, lruPolicy()).optimize({ explain: true });
    const slow = one.units.filter((unit) => one.target.tierOf(unit) === 1);
    expect(slow).toHaveLength(4);
    expect(slow).toEqual(expect.arrayContaining(report.refusals.map(({ unit }) => unit)));
    const silent = await engineOf(crowded().target, lruPolicy()).optimize();
    expect(silent.refusals).toEqual([]);
    expect(silent.refused.room).toBeGreaterThan(0);
  });
});

describe('onDecision', () => {
  it('gets the very snapshot, budget and plan, before the moves', async () => {
    const { target, units } = crowded();
    const seen: Pick<Decision, 'policy' | 'budget'>[] = [];
    const engine = engineOf(target, lruPolicy(), {
      onDecision: ({ policy, budget, snapshot, plan, failure }) => {
        expect(failure).toBeUndefined();
        expect(snapshot.units.length).toBe(12);
        expect(plan.moves.length).toBe(3);
        expect(units.every((unit) => target.tierOf(unit) === 1)).toBe(true);
        seen.push({ policy, budget });
      },
    });
    await engine.step({ maxBytes: 3 * page });
    expect(seen).toEqual([{ policy: 'lru', budget: { bytes: 3 * page } }]);
    expect(engine.stats()).toMatchObject({ errors: 0, applied: 3 });
  });

  it('is counted when it throws, and the moves are made', async () => {
    const { target } = crowded();
    const error = new Error('disk full');
    const engine = engineOf(target, lruPolicy(), {
      onDecision: () => {
        throw error;
      },
    });
    await engine.step();
    expect(engine.stats()).toMatchObject({ errors: 1, lastError: error, applied: 8 });
  });

  it('is told of a policy that failed', async () => {
    const failures: unknown[] = [];
    const odd: Policy = { ...lruPolicy(), plan: () => ({ moves: 7 }) as unknown as Plan };
    const engine = engineOf(crowded().target, odd, {
      onDecision: ({ failure, plan }) => failures.push([failure, plan.moves]),
    });
    await engine.step();
    expect(failures).toEqual([['plan.moves is not an array', []]]);
  });
});

describe('what a policy wants to be seen', () => {
  const noting = (notes: unknown): Policy => ({
    ...lruPolicy(),
    plan: () =>
      ({ moves: [], thresholdsLog2: [], refused: { benefit: 2 }, notes }) as unknown as Plan,
  });

  it('is in the report and the stats, as of the last plan, with the refusals of all plans', async () => {
    const engine = engineOf(crowded().target, noting({ costPerMonth: 3.5, nsPrice: Infinity }));
    expect((await engine.step()).notes).toEqual({ costPerMonth: 3.5, nsPrice: Infinity });
    await engine.step();
    expect(engine.stats()).toMatchObject({
      notes: { costPerMonth: 3.5, nsPrice: Infinity },
      refused: { benefit: 4 },
      policyErrors: 0,
    });
  });

  it('has to be numbers', async () => {
    for (const notes of [{ a: NaN }, { a: '1' }, 7, null]) {
      const engine = engineOf(crowded().target, noting(notes));
      await engine.step();
      expect(engine.stats().policyErrors).toBe(1);
      expect(engine.stats().lastPolicyFailure?.message).toMatch(/^plan\.notes/);
    }
  });
});

describe('refusals in a plan', () => {
  const snapshot = snapshotOf(
    [
      { capacityBytes: 1e6, readLatencyNs: 100 },
      { capacityBytes: 1e9, readLatencyNs: 300 },
    ],
    [{ id: 1, tier: 1, heat: 1 }],
  );
  const good: Refusal = { unit: 1, from: 1, to: 0, why: 'benefit', gainNs: 1, costNs: 2 };
  const check = (refusals: unknown): string | undefined =>
    findPlanError({ moves: [], thresholdsLog2: [], refused: {}, refusals }, snapshot);

  it('are checked like moves', () => {
    expect(check([good])).toBeUndefined();
    expect(check(undefined)).toBeUndefined();
    expect(check('none')).toBe('plan.refusals is not an array');
    expect(check([null])).toBe('refusals[0] is not an object');
    expect(check([{ ...good, unit: 'a' }])).toBe('refusals[0].unit is not a number');
    expect(check([good, { ...good, to: 2 }])).toBe('refusals[1] is not between two tiers');
    expect(check([{ ...good, why: 1 }])).toBe('refusals[0].why is not a string');
    expect(check([{ ...good, gainNs: NaN }])).toMatch('not finite');
  });
});
