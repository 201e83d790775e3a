/** How many units the fastest tier holds: the natural measure of time for a placement policy. */

import type { TierState } from './policy.ts';

/** Units of average size that fit in the fastest tier; at least 1, at most the units there are. */
export function fastUnits(tiers: readonly TierState[], unitCounts: readonly number[]): number {
  let units = 0;
  let bytes = 0;
  for (const count of unitCounts) units += count;
  for (const tier of tiers) bytes += tier.usedBytes;
  if (units === 0 || bytes === 0 || tiers.length === 0) return 1;
  return Math.max(1, Math.min(units, (tiers[0].capacityBytes * units) / bytes));
}
