import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { decisionLine, parseDecision } from '../../lib/decisions/decision-format.ts';
import { findDifference, replan } from '../../lib/decisions/replan.ts';
import { latencyBalanced } from '../../lib/policy/latency-balanced.ts';
import { createPolicy, policyNames } from '../../lib/policy/policies.ts';
import { runPolicy } from '../unit/decisions/recorded.ts';

const policies = [
  ...policyNames.map((name) => createPolicy(name)),
  latencyBalanced(createPolicy('balanced')),
];

describe.each(policies.map((policy) => [policy.name, policy] as const))('%s', (_, policy) => {
  it('plans the same from a snapshot that was written down and read back', async () => {
    let decisions = 0;
    await runPolicy(policy, 16, 0x5eed, (decision) => {
      const line = decisionLine(decision);
      const first = parseDecision(line, 'a log', ++decisions);
      // Twice, from copies of their own: a plan that changed its snapshot, or kept something, would show.
      for (const copy of [first, parseDecision(line, 'a log', decisions)]) {
        expect(findDifference(decision, replan(copy, policy))).toBeUndefined();
        expect(decisionLine(copy)).toBe(line);
      }
      expect(findDifference(decision, replan(first, policy))).toBeUndefined();
    });
    expect(decisions).toBe(16);
  });

  it('moves the same whether it has to explain itself or not, and names everybody it counts', async () => {
    let refusals = 0;
    await runPolicy(policy, 16, 0xcafe, ({ snapshot, budget, plan, failure }) => {
      expect(failure).toBeUndefined();
      const explained = policy.plan(snapshot, { ...budget, explain: true });
      // Not toEqual: what plans carry are columns of many thousand numbers.
      const { refusals: _named, ...rest } = explained;
      expect(isDeepStrictEqual(rest, plan)).toBe(true);
      const counts: Record<string, number> = {};
      const moved = new Set(explained.moves.map(({ unit }) => unit));
      for (const refusal of explained.refusals ?? []) {
        counts[refusal.why] = (counts[refusal.why] ?? 0) + 1;
        expect(Number.isFinite(refusal.gainNs) && refusal.costNs > 0).toBe(true);
        expect(moved.has(refusal.unit)).toBe(false);
        refusals++;
      }
      // One that was kept from going up may have had to go down: it counts, and the move is the last word.
      for (const [why, count] of Object.entries(plan.refused)) {
        expect(counts[why] ?? 0).toBeLessThanOrEqual(count);
        expect(counts[why] ?? 0).toBeGreaterThanOrEqual(count - moved.size);
      }
      expect(Object.keys(plan.refused)).toEqual(expect.arrayContaining(Object.keys(counts)));
    });
    const silent = ['static', 'first-touch', 'interleave'].includes(policy.name);
    if (silent) expect(refusals).toBe(0);
    // Few are ever hot by its thresholds, and those find room here.
    else if (policy.name !== 'hemem') expect(refusals).toBeGreaterThan(0);
  });
});
