/** Checks a modelled point by simulation: the library's own engine and policies on tiers of those sizes. */

import { type CostModel, defaultCosts } from '../policy/cost-model.ts';
import { createPolicy, type PolicyName } from '../policy/policies.ts';
import { simulate } from '../simulation/simulator.ts';
import type { Workload } from '../simulation/workload.ts';
import { type Candidate, capacityFor, type PricedTier } from './candidates.ts';

/** What the simulation of a candidate came to. */
export interface Verification {
  readonly policy: string;
  /** Average of an access with moves charged in full, over the second half of the run. */
  readonly ns: number;
  /** `ns` over the average with everything in the fastest tier. */
  readonly slowdown: number;
  readonly moves: number;
}

/** Options of {@link verifyCandidate}. */
export interface VerifyOptions {
  /** Default: balanced. */
  readonly policy?: PolicyName | undefined;
  readonly costs?: CostModel | undefined;
  readonly onProgress?: ((requests: number) => void) | undefined;
}

/**
 * Simulates a candidate at the size the workload has. Memory grows with its keys, about 80 bytes each.
 *
 * @param fastestNs - average access with everything in the fastest tier; what `slowdown` refers to
 */
export async function verifyCandidate(
  workload: Workload,
  tiers: readonly PricedTier[],
  { bounds }: Candidate,
  fastestNs: number,
  { policy: name = 'balanced', costs = defaultCosts, onProgress }: VerifyOptions = {},
): Promise<Verification> {
  let below = 0;
  const used = tiers.flatMap((tier, index) => {
    const bytes = bounds[index] - below;
    if (!(bytes > 0)) return [];
    below = bounds[index];
    return [{ ...tier, capacityBytes: capacityFor(Math.min(bytes, Number.MAX_SAFE_INTEGER)) }];
  });
  const policy = createPolicy(name);
  const { moves, windows } = await simulate(workload, { tiers: used, policy, costs, onProgress });
  // Windows are of equal length but for the last.
  const late = windows.meanNs.slice(Math.floor(windows.meanNs.length / 2));
  const ns = late.reduce((sum, mean) => sum + mean, 0) / late.length;
  return { policy: policy.name, ns, slowdown: ns / fastestNs, moves };
}
