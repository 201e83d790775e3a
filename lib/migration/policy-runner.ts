/** Asks a policy and survives its answer: what throws or makes no sense is counted and replaced by doing nothing. */

import type { Plan, PlanBudget, Policy, Snapshot, TierState } from '../policy/policy.ts';
import type { PolicyFailure } from './engine-stats.ts';
import { findPlanError } from './plan-check.ts';

/** An answer, and what was wrong when it is not the policy's own. */
export interface Asked<T> {
  readonly answer: T;
  readonly failure: PolicyFailure | undefined;
}

/** Doing nothing. */
export const noPlan: Plan = { moves: [], thresholdsLog2: [], refused: {} };

/** One policy and the record of its failures. */
export class PolicyRunner {
  readonly policy: Policy;
  #errors = 0;
  #lastFailure: PolicyFailure | undefined;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  get errors(): number {
    return this.#errors;
  }

  get lastFailure(): PolicyFailure | undefined {
    return this.#lastFailure;
  }

  /** The half-life the policy wants; `Infinity` (nothing cools) when it fails. */
  halfLife(
    tiers: readonly TierState[],
    unitCounts: readonly number[],
    step: number,
  ): Asked<number> {
    try {
      const answer = this.policy.halfLifeAccesses(tiers, unitCounts, step);
      if (answer > 0) return { answer, failure: undefined };
      const failure = this.#failed(`halfLifeAccesses() returned ${String(answer)}`);
      return { answer: Infinity, failure };
    } catch (cause) {
      const failure = this.#failed(`halfLifeAccesses() threw: ${messageOf(cause)}`, cause);
      return { answer: Infinity, failure };
    }
  }

  /** The policy's plan, checked; an empty one when it fails. */
  plan(snapshot: Snapshot, budget: PlanBudget): Asked<Plan> {
    try {
      const answer = this.policy.plan(snapshot, budget);
      const error = findPlanError(answer, snapshot);
      if (error === undefined) return { answer, failure: undefined };
      return { answer: noPlan, failure: this.#failed(error) };
    } catch (cause) {
      return { answer: noPlan, failure: this.#failed(`plan() threw: ${messageOf(cause)}`, cause) };
    }
  }

  #failed(message: string, cause?: unknown): PolicyFailure {
    this.#errors++;
    this.#lastFailure = { policy: String(this.policy.name), message, cause };
    return this.#lastFailure;
  }
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
