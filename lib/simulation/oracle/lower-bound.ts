/**
 * What no exclusive policy can beat, clairvoyant or not, acting at any access, with every move charged.
 *
 * The capacities are relaxed to averages over blocks of time and priced; then each unit has a course through the
 * tiers of its own (unit-programme.ts), and the sum of their costs less the price of all capacity is a bound at any
 * prices. Subgradient ascent makes it tight; stopped early it is lower, never wrong.
 */

import type { CostModel } from '../../policy/cost-model.ts';
import type { AccessLog } from '../access-log.ts';
import type { ModelledTier } from '../modelled-store.ts';
import { CapacityPrices } from './capacity-prices.ts';
import { startingPremiums } from './starting-premiums.ts';
import { UnitProgramme } from './unit-programme.ts';
import { unitRows } from './unit-rows.ts';

/** Options of {@link lowerBound}. */
export interface LowerBoundOptions {
  /** Blocks of time a capacity is averaged over; at most one a row. Default 200. */
  readonly blocks?: number | undefined;
  /** Steps of the ascent at most. Default 100. */
  readonly steps?: number | undefined;
}

/** What {@link lowerBound} found. */
export interface LowerBound {
  /** Average modelled time of an access, moves charged, that cannot be undercut; 0 for an empty log. */
  readonly totalNs: number;
  /** Steps that were taken: fewer than asked for when they no longer changed anything. */
  readonly steps: number;
  readonly blocks: number;
}

/** The first step aims this much above the first bound, as a share of the static optimum. */
const firstAim = 0.1;
/** A step counts when it comes this share of its aim. */
const enough = 0.02;
/** After so many steps that do not count, the aim is halved. */
const patience = 5;
/** Aims below this share of the bound are not worth a step. */
const smallestAim = 1e-6;

/**
 * Computes the bound. Each step costs O(accesses × tiers²): about 0.1 µs an access with two tiers. 20 bytes an access.
 *
 * @param tiers fastest first; the last is taken to be unbounded
 */
export function lowerBound(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
  options: LowerBoundOptions = {},
): LowerBound {
  const blocks = Math.min(options.blocks ?? 200, log.length);
  const most = options.steps ?? 100;
  if (log.length === 0) return { totalNs: 0, steps: 0, blocks };
  const prices = new CapacityPrices(tiers, log.length, blocks);
  const programme = new UnitProgramme(log, tiers, costs, unitRows(log));
  const start = startingPremiums(log, tiers, costs);
  const premiums = new Float64Array(prices.tiers * blocks);
  const slope = new Float64Array(premiums.length);
  for (let tier = 0; tier < prices.tiers; tier++) {
    premiums.fill(start.premiums[tier], tier * blocks, (tier + 1) * blocks);
  }
  let best = -Infinity;
  let aim = firstAim * start.totalNs;
  let idle = 0;
  let steps = 0;
  while (steps < most) {
    prices.setPremiums(premiums);
    let value = -prices.capacityNs();
    for (let unit = 0; unit < log.unitCount; unit++) value += programme.solve(unit, prices);
    prices.excess(slope);
    steps++;
    idle = value > best + enough * aim ? 0 : idle + 1;
    best = Math.max(best, value);
    if (idle === patience) {
      aim /= 2;
      idle = 0;
    }
    if (aim < smallestAim * best) break;
    if (!ascend(premiums, slope, start.scale, blocks, best + aim - value)) break;
  }
  return { totalNs: best / (log.length * log.weight), steps, blocks };
}

/** One step that would gain `wantedNs` if the slope stayed as it is. False: there is nowhere to go. */
function ascend(
  premiums: Float64Array,
  slope: Float64Array,
  scale: Readonly<Float64Array>,
  blocks: number,
  wantedNs: number,
): boolean {
  let square = 0;
  for (let cell = 0; cell < slope.length; cell++) {
    if (premiums[cell] === 0 && slope[cell] < 0) slope[cell] = 0;
    square += slope[cell] * slope[cell] * scale[Math.floor(cell / blocks)];
  }
  if (square === 0) return false;
  for (let cell = 0; cell < slope.length; cell++) {
    const step = (wantedNs / square) * slope[cell] * scale[Math.floor(cell / blocks)];
    premiums[cell] = Math.max(0, premiums[cell] + step);
  }
  return true;
}
