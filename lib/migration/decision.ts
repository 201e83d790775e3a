/** One plan with everything it was made from. */

import type { Plan, PlanBudget, Snapshot } from '../policy/policy.ts';

/** What a policy was shown and what it answered. Asked again with the same, it has to answer the same. */
export interface Decision {
  /** Name of the policy. */
  readonly policy: string;
  readonly snapshot: Snapshot;
  readonly budget: PlanBudget;
  /** Empty when the policy failed. */
  readonly plan: Plan;
  /** What was wrong with the policy's answer; undefined as a rule. */
  readonly failure?: string | undefined;
}
