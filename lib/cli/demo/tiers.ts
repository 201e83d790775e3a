/** The five tiers of the demo: this machine's own where it has them, ordinary memory where it has not. */

import { chunkBytes } from '../../native.ts';
import { type TierName, tierNames } from '../../tiers/tier.ts';
import type { TierOptions } from '../../tiers/tier-options.ts';

/**
 * Share of the data each tier may hold, fastest first. Far below what a real machine would give, so that a
 * small data set has to choose; the last tier holds all of it if need be.
 */
const shares: Readonly<Record<TierName, number>> = {
  L0_HBM: 0.04,
  L1_DDR: 0.08,
  L2_CXL: 0.16,
  L3_PMEM: 0.32,
  L4_NVME: 1.125,
};

/** Budgets for `dataBytes` of data; `given` tiers replace their namesakes. */
export function demoTiers(
  dataBytes: number,
  given: readonly TierOptions[],
  directory: string,
): TierOptions[] {
  return tierNames.map((name) => {
    const own = given.find((tier) => tier.name === name);
    if (own !== undefined) return own;
    const capacityBytes = Math.ceil((dataBytes * shares[name]) / chunkBytes) * chunkBytes;
    return name === 'L4_NVME' ? { name, capacityBytes, directory } : { name, capacityBytes };
  });
}
