import { describe, expect, it } from 'vitest';
import { UnitHistory } from '../../../lib/decisions/unit-history.ts';
import { createPolicy } from '../../../lib/policy/policies.ts';
import { runPolicy } from './recorded.ts';

describe('the history of a unit', () => {
  it('has every plan that considered it, each move and the reasons of all others', async () => {
    const policy = createPolicy('balanced');
    let refusals = 0;
    for (const unit of [0, 40, 131, 299]) {
      const history = new UnitHistory(policy, () => unit);
      let considered = 0;
      const moves: string[] = [];
      const refused: Record<string, number> = {};
      await runPolicy(policy, 40, 3, (decision) => {
        history.observe(decision);
        const { units, tiers, accessClock } = decision.snapshot;
        if (!units.id.subarray(0, units.length).includes(unit)) return;
        considered++;
        const move = decision.plan.moves.find((one) => one.unit === unit);
        const asked = policy.plan(decision.snapshot, { ...decision.budget, explain: true });
        const refusal = asked.refusals!.find((one) => one.unit === unit);
        if (refusal !== undefined) refused[refusal.why] = (refused[refusal.why] ?? 0) + 1;
        if (move !== undefined) moves.push(`${accessClock} ${tiers[move.to].name} ${move.reason}`);
      });
      const record = history.record();
      expect(record.considered).toBe(considered);
      expect(considered).toBeGreaterThan(0);
      expect(
        record.moves.map(({ accessClock, explanation: e }) => `${accessClock} ${e.to} ${e.why}`),
      ).toEqual(moves);
      const stayed = Object.values(record.stayed).reduce((sum, count) => sum + count, 0);
      expect(stayed + record.planned).toBe(considered);
      // A decision as it is made names nobody; the reasons come from asking again.
      expect(record.stayed).toMatchObject(refused);
      refusals += Object.keys(refused).length;
    }
    expect(refusals).toBeGreaterThan(0);
  });

  it('keeps the last moves of one that never rests', async () => {
    const policy = createPolicy('lru');
    const history = new UnitHistory(policy, () => 1);
    await runPolicy(policy, 2, 3, (decision) => {
      const { id, tier } = decision.snapshot.units;
      const row = id.indexOf(1);
      if (row < 0) return;
      const move = {
        unit: 1,
        bytes: 1,
        from: tier[row],
        to: 2,
        reason: 'cold',
        gainNs: 1,
        costNs: 2,
      } as const;
      for (let i = 0; i < 100; i++)
        history.observe({ ...decision, plan: { ...decision.plan, moves: [move] } });
    });
    expect(history.record().planned).toBeGreaterThanOrEqual(100);
    expect(history.record().moves.length).toBe(64);
  });

  it('is empty for a unit nobody has seen', async () => {
    const history = new UnitHistory(createPolicy('lru'), () => undefined);
    await runPolicy(createPolicy('lru'), 3, 3, history.observe);
    expect(history.record()).toEqual({
      considered: 0,
      planned: 0,
      moves: [],
      stayed: {},
      last: undefined,
    });
  });
});
