/**
 * `interleave`: new units are dealt out over the memory tiers in proportion to their bandwidth, and stay where they
 * are. Meant for data that is streamed: all memory channels work at once, whatever is hot.
 *
 * The weights are those of Linux' weighted interleaving (MPOL_WEIGHTED_INTERLEAVE, 6.9; by bandwidth from 6.16,
 * `mempolicy_set_node_perf` takes the lower of read and write bandwidth) and of HMSDK, without their rounding to
 * small integers. A device is no place to interleave to: a tier of storage latency gets what memory cannot hold.
 */

import { fitsAt } from './admission.ts';
import { deviceLatencyNs } from './cost-model.ts';
import type { PlacementRequest, Plan, Policy, TierState } from './policy.ts';

/** Makes the policy that spreads new units over the memory tiers by bandwidth. */
export function interleavePolicy(): Policy {
  return {
    name: 'interleave',
    usesUnits: false,
    halfLifeAccesses: () => Infinity,
    admits: (request: PlacementRequest, tier: number, tiers: readonly TierState[]) =>
      request.tierHint >= 0 ? fitsAt(request, tier, tiers) : nextTier(request, tiers) === tier,
    plan: (): Plan => ({ moves: [], thresholdsLog2: [], refused: {} }),
  };
}

/**
 * The tier that has the least for its bandwidth once the unit is in it: a deal without a counter, since used bytes
 * remember what was dealt, and which makes up for deletions besides. The last tier when memory is full.
 */
function nextTier(request: PlacementRequest, tiers: readonly TierState[]): number {
  let best = tiers.length - 1;
  let least = Infinity;
  tiers.forEach((tier, k) => {
    if (tier.readLatencyNs >= deviceLatencyNs || !fitsAt(request, k, tiers)) return;
    const weight = Math.min(tier.readBytesPerSecond, tier.writeBytesPerSecond);
    const load = (tier.usedBytes + request.bytes) / weight;
    if (load < least) {
      least = load;
      best = k;
    }
  });
  return best;
}
