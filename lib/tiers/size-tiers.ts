/** Gives tiers their capacities out of one budget, so that together they never exceed what is there. */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import { formatBytes } from './byte-size.ts';
import { type CapacityBudget, defaultShares, wholeSteps } from './capacity.ts';
import type { TierSource } from './classify.ts';
import {
  type BackendConfig,
  budgetStepBytes,
  type Limit,
  type Tier,
  type TierName,
  type TierSpec,
} from './tier.ts';

/** A tier that is decided but for its size. */
export interface UnsizedTier {
  readonly name: TierName;
  readonly kind: Tier['kind'];
  readonly sources: readonly TierSource[];
  /** What the caller asked for, in bytes. */
  readonly capacityBytes?: number | undefined;
  readonly spec: TierSpec;
  readonly evidence: readonly string[];
}

const simulatedShare = 1 / 16;
const simulatedLeastBytes = 64 * 2 ** 20;
const simulatedMostBytes = 2 ** 30;

function wholeChunks(bytes: number): number {
  return Math.floor(bytes / chunkBytes) * chunkBytes;
}

function leftOf(tier: UnsizedTier, budget: CapacityBudget): number {
  return tier.sources.reduce((sum, source) => sum + wholeSteps(budget.left(source.budget)), 0);
}

/** Capacity for a caller that names none. */
function defaultCapacity(tier: UnsizedTier, budget: CapacityBudget): number {
  const left = leftOf(tier, budget);
  if (tier.kind === 'real') return wholeSteps(left * defaultShares[tier.name]);
  const bytes = Math.min(Math.max(left * simulatedShare, simulatedLeastBytes), simulatedMostBytes);
  return wholeSteps(Math.min(bytes, left));
}

/**
 * Splits `bytes` (whole budget steps) over the sources in proportion to what each has left, and takes them: whole
 * chunks each, so that large values fit; what rounding leaves over goes to the first sources that have room.
 */
function takeFrom(tier: UnsizedTier, bytes: number, budget: CapacityBudget): BackendConfig[] {
  const total = leftOf(tier, budget);
  const shares = tier.sources.map(({ budget: source }) =>
    total === 0 ? 0 : wholeChunks((bytes * budget.left(source)) / total),
  );
  let rest = bytes - shares.reduce((sum, share) => sum + share, 0);
  for (const [index, source] of tier.sources.entries()) {
    const more = Math.min(rest, wholeSteps(budget.left(source.budget)) - shares[index]!);
    shares[index]! += more;
    rest -= more;
  }
  return tier.sources.flatMap((source, index) => {
    const capacityBytes = shares[index]!;
    if (capacityBytes === 0) return [];
    budget.take(source.budget, capacityBytes);
    return [{ ...source.backend, capacityBytes } as BackendConfig];
  });
}

function usesMemory({ sources }: UnsizedTier): boolean {
  return sources.some(({ budget }) => budget.kind === 'memory');
}

/**
 * Sizes `tiers`: capacities that were asked for first, then the others. Of memory, requests that do not all
 * fit get equal parts, except that none gets more than it asked for: taken in ascending order, each may have
 * an equal part of what is left. A request that is cut is named in a limit.
 *
 * @throws TierError `ERR_TIER_FULL` when a tier that was asked for gets nothing
 */
export function sizeTiers(
  tiers: readonly UnsizedTier[],
  budget: CapacityBudget,
): { readonly tiers: Tier[]; readonly limits: Limit[] } {
  const limits: Limit[] = [];
  const sized = new Map<TierName, Tier>();
  const asked = tiers.filter((tier) => tier.capacityBytes !== undefined);
  const others = tiers.filter((tier) => tier.capacityBytes === undefined);
  asked.sort((a, b) => a.capacityBytes! - b.capacityBytes!);
  const reservedBytes = others.filter(usesMemory).length * simulatedLeastBytes;
  let askedOfMemory = asked.filter(usesMemory).length;
  for (const tier of [...asked, ...others]) {
    let left = leftOf(tier, budget);
    if (tier.capacityBytes !== undefined && usesMemory(tier)) {
      const memoryBytes = budget.left({ kind: 'memory', node: null }) - reservedBytes;
      left = Math.min(left, wholeSteps(Math.max(0, memoryBytes) / askedOfMemory));
      askedOfMemory -= 1;
    }
    const wanted = wholeSteps(tier.capacityBytes ?? defaultCapacity(tier, budget));
    const bytes = Math.min(wanted, left);
    if (bytes < budgetStepBytes) {
      const reason = `${formatBytes(left)} can be used, and the least is ${formatBytes(budgetStepBytes)}`;
      const hint =
        'Free memory or disk space, raise the container limit, or give other tiers less.';
      if (tier.capacityBytes !== undefined) {
        throw new TierError('ERR_TIER_FULL', `No room for ${tier.name}: ${reason}`, {
          hint,
          tier: tier.name,
        });
      }
      limits.push({ what: `${tier.name} is not used`, reason, hint });
      continue;
    }
    if (bytes < wanted) {
      limits.push({
        what: `${tier.name} has ${formatBytes(bytes)} instead of ${formatBytes(wanted)}`,
        reason: 'That is all that is free, less the head-room and what other tiers take',
        hint: 'Lower `capacityBytes`, or free memory or disk space.',
      });
    }
    const backends = takeFrom(tier, bytes, budget);
    const { name, kind, spec, evidence } = tier;
    sized.set(name, { name, kind, capacityBytes: bytes, spec, backends, evidence });
  }
  return { tiers: tiers.flatMap((tier) => sized.get(tier.name) ?? []), limits };
}
