/** Where a new unit may go, shared by the policies: hints first, then room beside the head-room. */

import type { PlacementRequest, TierState } from './policy.ts';
import { usableBytes } from './thresholds.ts';

/** Whether the unit fits to the byte, in the tier the caller asked for or below. */
export function fitsAt(
  request: PlacementRequest,
  tier: number,
  tiers: readonly TierState[],
): boolean {
  const { capacityBytes, usedBytes } = tiers[tier];
  return tier >= request.tierHint && usedBytes + request.bytes <= capacityBytes;
}

/** Follows the caller's tier hint to the byte; without one, lets the unit in where there is room. */
export function hintAllows(
  request: PlacementRequest,
  tier: number,
  tiers: readonly TierState[],
): boolean {
  if (request.tierHint >= 0) return fitsAt(request, tier, tiers);
  return tiers[tier].usedBytes + request.bytes <= usableBytes(tiers[tier]);
}

/**
 * As {@link hintAllows}, and data the caller says is read once or in sequence stays out of the fastest tier: a scan
 * gains nothing from latency and would only displace what does.
 */
export function patternAllows(
  request: PlacementRequest,
  tier: number,
  tiers: readonly TierState[],
): boolean {
  const passing = request.accessPattern === 'one-touch' || request.accessPattern === 'sequential';
  if (passing && request.tierHint < 0 && tier === 0) return false;
  return hintAllows(request, tier, tiers);
}
