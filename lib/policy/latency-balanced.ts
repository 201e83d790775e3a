/**
 * `latencyBalanced(policy)`: any policy, held back and corrected while a tier is slower under its load than the next
 * one. Without measured latencies, and as long as nothing saturates, its plans are the other policy's own.
 */

import { LatencyBalancePlan } from './latency-balance-plan.ts';
import type { Plan, PlanBudget, Policy, Snapshot } from './policy.ts';

/** Parameters of {@link latencyBalanced}. */
export interface LatencyBalancedOptions {
  /** Default: the other policy's, with `+latency`. */
  readonly name?: string | undefined;
  /** Bytes one plan moves to shift load, at most. Default 100 MiB, Colloid's (50 huge pages). */
  readonly maxShiftBytes?: number | undefined;
}

const defaultShiftBytes = 100 * 1024 * 1024;

/** Wraps a policy. The state of the search is in the snapshot, so the result is as stateless as `inner`. */
export function latencyBalanced(inner: Policy, options: LatencyBalancedOptions = {}): Policy {
  const maxShiftBytes = options.maxShiftBytes ?? defaultShiftBytes;
  return {
    name: options.name ?? `${inner.name}+latency`,
    usesLatency: true,
    halfLifeAccesses: (tiers, unitCounts, step) => inner.halfLifeAccesses(tiers, unitCounts, step),
    admits: (request, tier, tiers) => inner.admits(request, tier, tiers),
    plan(snapshot: Snapshot, budget: PlanBudget): Plan {
      const { latencyBalance } = snapshot;
      const plan = inner.plan(snapshot, budget);
      if (latencyBalance?.pairs.some(({ engaged }) => engaged) !== true) return plan;
      return new LatencyBalancePlan(snapshot, latencyBalance, budget, maxShiftBytes).make(plan);
    },
  };
}
