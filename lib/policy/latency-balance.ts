/**
 * When a tier saturates, the tier below it answers sooner: how much of the use each of two tiers should get. Equal
 * latency under load is the aim, found by binary search on the share of the accesses, because how latency depends on
 * load is not known. The idea is Colloid's (SOSP 2024).
 *
 * Pure: the state is data, handed in with each observation and returned. Nothing happens while the faster tier is near
 * its latency without load, so a machine that is not saturated never notices.
 */

import { deviceLatencyNs } from './cost-model.ts';
import type { LatencyBalance, PairBalance, TierState, UnitColumns } from './policy.ts';

/** Parameters of {@link nextBalance}. */
export interface LatencyBalanceOptions {
  /** Balancing begins when the faster tier's latency is this many times its own without load. */
  readonly gate: number;
  /** Latencies this close to each other, as a share, are equal. */
  readonly deadBand: number;
  /** A search this narrow that is still unbalanced begins again: the load has changed. */
  readonly searchEpsilon: number;
  /** Weight of a new observation once there are enough. */
  readonly smoothing: number;
  /** Observations at a steady share before anything is concluded. */
  readonly minSamples: number;
}

/** What {@link nextBalance} uses unless told otherwise. */
export const latencyBalanceDefaults: LatencyBalanceOptions = {
  gate: 1.25,
  deadBand: 0.05,
  searchEpsilon: 0.01,
  smoothing: 1 / 8,
  minSamples: 8,
};

/** What was observed of one tier since the last plan. */
export interface TierLoad {
  /** Latency of a read now, under whatever load there is; 0 (or not finite) when it could not be measured. */
  readonly latencyNs: number;
  readonly accesses: number;
}

/** A share that moved this much makes older latencies worthless. */
const steadyShare = 0.05;
/** Observations without anything to balance after which a pair is left alone. */
const calmSamples = 8;
/** A search that was over begins again this many times as wide as it ended; wider each time that is not enough. */
const searchAgain = 4;

const idlePair: PairBalance = {
  engaged: false,
  share: 1,
  target: 1,
  low: 0,
  high: 1,
  reach: 0,
  calm: 0,
};

/** The state before anything was observed. */
export function initialBalance(tiers: number): LatencyBalance {
  return {
    loadedLatencyNs: new Array<number>(tiers).fill(0),
    samples: 0,
    pairs: new Array<PairBalance>(Math.max(0, tiers - 1)).fill(idlePair),
  };
}

/** Accesses since the last plan to the units under consideration, by tier. O(units). */
export function accessesByTier(
  units: Pick<UnitColumns, 'length' | 'tier' | 'reads' | 'writes'>,
  tiers: number,
): number[] {
  const sums = new Array<number>(tiers).fill(0);
  for (let row = 0; row < units.length; row++) {
    sums[units.tier[row]] += units.reads[row] + units.writes[row];
  }
  return sums;
}

/** The state after one more observation, a load for each tier; call it before each plan. O(tiers). */
export function nextBalance(
  before: LatencyBalance,
  loads: readonly TierLoad[],
  tiers: readonly TierState[],
  options: LatencyBalanceOptions = latencyBalanceDefaults,
): LatencyBalance {
  const shares = before.pairs.map((pair, k) => shareOf(loads[k], loads[k + 1], pair.share));
  const moved = shares.some((share, k) => Math.abs(share - before.pairs[k].share) > steadyShare);
  const samples = moved ? 1 : before.samples + 1;
  const weight = Math.max(options.smoothing, 1 / samples);
  const loadedLatencyNs = before.loadedLatencyNs.map((old, k) => {
    const { latencyNs } = loads[k];
    if (!(latencyNs > 0 && latencyNs < Infinity)) return old;
    return old === 0 ? latencyNs : old + weight * (latencyNs - old);
  });
  const pairs = before.pairs.map((pair, k): PairBalance => {
    const [fast, slow] = [loadedLatencyNs[k], loadedLatencyNs[k + 1]];
    // What waits for a device is not balanced: it would take the load of memory for a fast answer.
    if (fast === 0 || slow === 0 || slow >= deviceLatencyNs) {
      return { ...idlePair, share: shares[k] };
    }
    // From where it was when the samples began, so that a slow drift is noticed as well.
    const steady = moved ? { ...pair, share: shares[k] } : pair;
    if (samples < options.minSamples) return steady;
    const unloaded = tiers[k].readLatencyNs;
    return nextPair({ pair: steady, share: shares[k], fast, slow, unloaded }, options);
  });
  // What was measured so far is about the shares before that.
  const isMoving = pairs.some(
    (pair, k) =>
      pair.engaged && pair.target !== before.pairs[k].target && pair.target !== shares[k],
  );
  return { loadedLatencyNs, samples: isMoving ? 0 : samples, pairs };
}

interface SeenPair {
  readonly pair: PairBalance;
  /** Now. */
  readonly share: number;
  readonly fast: number;
  readonly slow: number;
  /** Of the faster tier. */
  readonly unloaded: number;
}

function nextPair(seen: SeenPair, options: LatencyBalanceOptions): PairBalance {
  const { pair, share, fast, slow, unloaded } = seen;
  const { gate, deadBand, searchEpsilon } = options;
  const isSlower = fast > slow * (1 + deadBand);
  const isFaster = fast * (1 + deadBand) < slow;
  const idle = { ...idlePair, share: pair.share };
  if (!pair.engaged && !(isSlower && fast >= gate * unloaded)) return idle;
  const calm = isFaster && fast < gate * unloaded ? pair.calm + 1 : 0;
  if (calm >= calmSamples) return idle;
  if (!isSlower && !isFaster) {
    return { ...pair, engaged: true, target: share, reach: 0, calm };
  }
  let { reach } = pair;
  let low = isFaster ? share : pair.low;
  let high = isSlower ? share : pair.high;
  if (high < low + searchEpsilon) {
    // The load changed, or noise misled the search. Looking far away at once would upset what was nearly right.
    reach = Math.min(1, Math.max(searchAgain * searchEpsilon, 2 * reach));
    if (isFaster) high = Math.min(1, low + reach);
    else low = Math.max(0, high - reach);
  }
  return { ...pair, engaged: true, target: (low + high) / 2, low, high, reach, calm };
}

function shareOf(fast: TierLoad, slow: TierLoad, otherwise: number): number {
  const sum = fast.accesses + slow.accesses;
  return sum > 0 ? fast.accesses / sum : otherwise;
}
