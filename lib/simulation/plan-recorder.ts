/** Wraps a policy and hashes every plan it makes, so that two runs can be compared move by move. */

import { createHash } from 'node:crypto';
import type { Plan, Policy } from '../policy/policy.ts';

/** A policy that leaves a trail. */
export interface PlanRecorder {
  /** Decides exactly as the policy it wraps. */
  readonly policy: Policy;
  /** Plans made so far. */
  readonly plans: () => number;
  /** SHA-256 over unit, origin, target and reason of every move of every plan, in order, as hex. */
  readonly digest: () => string;
}

function planBytes(plan: Plan): Uint8Array {
  return Buffer.from(
    plan.moves.map(({ unit, from, to, reason }) => `${unit}:${from}>${to}:${reason}`).join(';') +
      '\n',
  );
}

/** Starts a recording of `policy`. */
export function recordPlans(policy: Policy): PlanRecorder {
  const hash = createHash('sha256');
  let plans = 0;
  return {
    policy: {
      name: policy.name,
      halfLifeAccesses: (tiers, unitCounts) => policy.halfLifeAccesses(tiers, unitCounts),
      admits: (request, tier, tiers) => policy.admits(request, tier, tiers),
      plan: (snapshot, budget) => {
        const plan = policy.plan(snapshot, budget);
        plans++;
        hash.update(planBytes(plan));
        return plan;
      },
    },
    plans: () => plans,
    digest: () => hash.copy().digest('hex'),
  };
}
