/** What room in a tier is worth, as far as it shows in whom a tier has to send away for others. */

import type { TierState } from './policy.ts';
import { usableBytes } from './thresholds.ts';

/** State of the prices, by tier. Plain data. */
export interface Rents {
  /** Nanoseconds for a byte and an access that passes; 0 for the last tier. */
  readonly perByteNs: readonly number[];
  /** Victims looked at since the prices changed that were worth keeping, and that were not. */
  readonly kept: readonly number[];
  readonly left: readonly number[];
}

/** A tier fuller than this has a price. */
const fullShare = 0.97;
/** A price that nobody has to pay falls by this factor a step, and moves by up to e^0.2 while somebody has. */
const idleFactor = 0.7;
const maxStep = 0.2;
/** Shares of the price's natural size: where it begins, and what it cannot fall below while the tier is full. */
const firstShare = 0.01;
const minShare = 1e-9;

/** Prices before anybody wanted room. */
export function firstRents(tiers: number): Rents {
  const none = Array.from({ length: tiers }, () => 0);
  return { perByteNs: none, kept: none, left: none };
}

/**
 * Prices after the victims seen: higher where those who had to go were worth keeping, lower where some were not. `unit`
 * is a price of the right size: the time saved by one use, by byte and by the accesses in which the fastest tier is
 * used over. `unitBytes` is the size of a typical unit, `steps` how many steps' worth of accesses has passed: prices
 * keep up with the program, however seldom there is a plan.
 */
export function nextRents(
  rents: Rents,
  tiers: readonly TierState[],
  unit: number,
  unitBytes = 0,
  steps = 1,
): Rents {
  const last = tiers.length - 1;
  const perByteNs = rents.perByteNs.map((price, k) => {
    if (k === last) return 0;
    const floor = unit * minShare;
    const seen = rents.kept[k] + rents.left[k];
    // Whether a tier is full shows in whom it has to send away: a large unit can want room in a half-empty one.
    if (seen === 0 && !isFull(tiers[k], unitBytes)) return price * idleFactor ** steps;
    const start = price > floor ? price : unit * firstShare;
    // Nobody wants in at this price.
    if (seen === 0) return Math.max(floor, start * Math.exp(-maxStep * steps));
    const balance = (rents.kept[k] - rents.left[k]) / seen;
    return Math.max(floor, start * Math.exp(maxStep * steps * balance));
  });
  // Room in a faster tier does all that room in a slower one does.
  for (let k = last - 1; k > 0; k--) perByteNs[k - 1] = Math.max(perByteNs[k - 1], perByteNs[k]);
  const none = tiers.map(() => 0);
  return { perByteNs, kept: none, left: none };
}

function isFull(tier: TierState, unitBytes: number): boolean {
  const usable = usableBytes(tier);
  return tier.usedBytes >= usable * fullShare || tier.usedBytes + unitBytes > usable;
}
