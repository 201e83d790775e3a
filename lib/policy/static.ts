/** `static`: what the caller asks for, else the fastest tier with room; nothing is ever moved. */

import { hintAllows } from './admission.ts';
import type { PlacementRequest, Plan, Policy, TierState } from './policy.ts';

/** Makes the policy that never moves anything. */
export function staticPolicy(): Policy {
  return {
    name: 'static',
    halfLifeAccesses: () => Infinity,
    admits: (request: PlacementRequest, tier: number, tiers: readonly TierState[]) =>
      hintAllows(request, tier, tiers),
    plan: (): Plan => ({ moves: [], thresholdsLog2: [], refused: {} }),
  };
}
