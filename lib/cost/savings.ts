/** What a mix of memory tiers costs against one kind of memory only, step by step. */

import { invalidValue } from '../errors.ts';
import { type TierName, tierNames } from '../tiers/tier.ts';
import { defaultSpecs } from '../tiers/tier-defaults.ts';

/** Share of the bytes that is kept in a tier, 0..1. */
export type TierMix = Readonly<Partial<Record<TierName, number>>>;

/** Price of a GiB for a month by tier, in any currency. */
export type TierPrices = Readonly<Record<TierName, number>>;

/** One line of the sum. */
export interface MixLine {
  readonly tier: TierName;
  readonly share: number;
  readonly costPerGiBMonth: number;
  /** `share` times `costPerGiBMonth`: what the tier adds to the price of an average GiB. */
  readonly cost: number;
}

/** A mix and what it saves. */
export interface MixSaving {
  readonly lines: readonly MixLine[];
  /** Price of an average GiB of the mix for a month. */
  readonly costPerGiBMonth: number;
  /** The same with all bytes in the tier it is compared with. */
  readonly baselinePerGiBMonth: number;
  /** 1 - mix / baseline. */
  readonly saving: number;
}

/**
 * The distribution the project aims at, by what makes up its cold three quarters: 5 % HBM, 20 % DDR, 75 % below. With
 * the default prices they save 89.25 % of all-HBM with CXL only, 91.5 % with PMEM, 92.25 % with NVMe and 91 % with
 * equal parts: "90 % less" is the round figure of the four.
 */
export const targetMixes: Readonly<Record<'cxl' | 'pmem' | 'nvme' | 'thirds', TierMix>> = {
  cxl: { L0_HBM: 0.05, L1_DDR: 0.2, L2_CXL: 0.75 },
  pmem: { L0_HBM: 0.05, L1_DDR: 0.2, L3_PMEM: 0.75 },
  nvme: { L0_HBM: 0.05, L1_DDR: 0.2, L4_NVME: 0.75 },
  thirds: { L0_HBM: 0.05, L1_DDR: 0.2, L2_CXL: 0.25, L3_PMEM: 0.25, L4_NVME: 0.25 },
};

/** The default prices, relative to DDR. */
export function defaultPrices(): TierPrices {
  const price = (tier: TierName): number => defaultSpecs[tier].costPerGiBMonth.value;
  return {
    L0_HBM: price('L0_HBM'),
    L1_DDR: price('L1_DDR'),
    L2_CXL: price('L2_CXL'),
    L3_PMEM: price('L3_PMEM'),
    L4_NVME: price('L4_NVME'),
  };
}

/**
 * What a mix costs and saves. Money only: what it does to access times depends on who accesses what, which is
 * `solvePlacement`'s business.
 *
 * @param against the tier that all bytes would be in otherwise; default HBM
 * @throws RangeError when shares do not add up to 1
 */
export function mixSaving(
  mix: TierMix,
  prices: TierPrices = defaultPrices(),
  against: TierName = 'L0_HBM',
): MixSaving {
  const lines = tierNames
    .filter((tier) => (mix[tier] ?? 0) !== 0)
    .map((tier) => {
      const share = mix[tier] ?? 0;
      if (!(share >= 0 && share <= 1)) throw invalidValue(`mix.${tier}`, 'from 0 to 1', share);
      return { tier, share, costPerGiBMonth: prices[tier], cost: share * prices[tier] };
    });
  const shares = lines.reduce((sum, { share }) => sum + share, 0);
  if (Math.abs(shares - 1) > 1e-9) throw invalidValue('mix', 'shares that add up to 1', shares);
  const costPerGiBMonth = lines.reduce((sum, { cost }) => sum + cost, 0);
  const baselinePerGiBMonth = prices[against];
  if (!(baselinePerGiBMonth > 0)) {
    throw invalidValue(`prices.${against}`, '> 0', baselinePerGiBMonth);
  }
  return {
    lines,
    costPerGiBMonth,
    baselinePerGiBMonth,
    saving: 1 - costPerGiBMonth / baselinePerGiBMonth,
  };
}
