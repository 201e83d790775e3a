/**
 * `nearUser(policy)`: any policy, with a node chosen beside the tier: what it moves goes to the node that uses it, and
 * what is used mostly from another node than it is on moves there within its tier. Where all memory is on one node its
 * plans are the other policy's own.
 */

import { NearPlan } from './near-plan.ts';
import type { Plan, PlanBudget, Policy, Snapshot } from './policy.ts';

/** Wraps a policy; the result is as stateless as `inner` and bears its name. */
export function nearUser(inner: Policy): Policy {
  return {
    name: inner.name,
    usesLatency: inner.usesLatency,
    usesNodes: true,
    halfLifeAccesses: (tiers, unitCounts, step) => inner.halfLifeAccesses(tiers, unitCounts, step),
    admits: (request, tier, tiers) => inner.admits(request, tier, tiers),
    plan(snapshot: Snapshot, budget: PlanBudget): Plan {
      const plan = inner.plan(snapshot, budget);
      const { nodes, units } = snapshot;
      if (nodes === undefined || units.node === undefined || units.uses === undefined) return plan;
      const placed = { snapshot, nodes, node: units.node, uses: units.uses };
      return new NearPlan(placed, budget, plan).make();
    },
  };
}
