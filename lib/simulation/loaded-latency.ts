/**
 * How fast tiers answer under load: a closed loop of requests, as many on their way as the program's cores can have,
 * split between tiers whose latency grows with their utilisation. Modelled, deterministic.
 *
 * A tier answers after `unloaded * (1 + queueing * u / (1 - u))` at utilisation u: with 1 the queue of a single server
 * (M/M/1), below 1 a sharper knee.
 */

/** A tier's figures and what else uses it. */
export interface LoadedTier {
  readonly unloadedLatencyNs: number;
  readonly bytesPerSecond: number;
  /** Load of others that does not yield. Default 0. */
  readonly backgroundBytesPerSecond?: number | undefined;
  /** Requests others always have on their way: they slow down as the tier does. Default 0. */
  readonly backgroundOutstanding?: number | undefined;
}

/** A program that waits for memory. */
export interface ClosedLoop {
  readonly tiers: readonly LoadedTier[];
  /** Requests on their way at any time. */
  readonly outstanding: number;
  /** Default 64, a cache line. */
  readonly requestBytes?: number | undefined;
  /** See above. Default 1. */
  readonly queueing?: number | undefined;
}

/** What the loop settles at. */
export interface LoadedState {
  readonly requestsPerSecond: number;
  readonly latencyNs: readonly number[];
}

/** Halvings of an interval: 1e-15 of it is left. */
const halvings = 50;

/** Solves the loop for the share of the requests each tier gets; they add up to 1. */
export function solveClosedLoop(loop: ClosedLoop, shares: readonly number[]): LoadedState {
  const latencyNs = (perNs: number): number[] =>
    loop.tiers.map((tier, k) => latencyUnder(loop, tier, perNs * shares[k]));
  // Little's law: requests on their way = rate * mean latency, which grows with the rate.
  const tooFast = (perNs: number): boolean => {
    const mean = latencyNs(perNs).reduce(
      (sum, ns, k) => sum + (shares[k] > 0 ? shares[k] * ns : 0),
      0,
    );
    return perNs * mean > loop.outstanding;
  };
  const fastest = Math.min(...loop.tiers.map((tier) => tier.unloadedLatencyNs));
  const perNs = bisect(0, loop.outstanding / fastest, tooFast);
  return { requestsPerSecond: perNs * 1e9, latencyNs: latencyNs(perNs) };
}

/** Latency of a tier that gets `perNs` requests a nanosecond besides its background. */
function latencyUnder(loop: ClosedLoop, tier: LoadedTier, perNs: number): number {
  const { unloadedLatencyNs, bytesPerSecond } = tier;
  const { requestBytes = 64, queueing = 1 } = loop;
  const fixed = perNs * requestBytes + (tier.backgroundBytesPerSecond ?? 0) / 1e9;
  const yielding = (tier.backgroundOutstanding ?? 0) * requestBytes;
  const bytesPerNs = bytesPerSecond / 1e9;
  if (fixed >= bytesPerNs) return Infinity;
  const answer = (utilisation: number): number =>
    unloadedLatencyNs * (1 + (queueing * utilisation) / (1 - utilisation));
  // At the utilisation sought, the background's own rate follows from the latency.
  const tooHigh = (utilisation: number): boolean =>
    fixed + yielding / answer(utilisation) < utilisation * bytesPerNs;
  return answer(bisect(fixed / bytesPerNs, 1, tooHigh));
}

/** The best split between two tiers, the faster one serving at most `maxShare`: found by trying, in steps of 0.1 %. */
export function bestSplit(
  loop: ClosedLoop,
  maxShare = 1,
): { readonly share: number; readonly requestsPerSecond: number } {
  let best = { share: 0, requestsPerSecond: 0 };
  for (let i = 0; i <= 1000; i++) {
    const share = (i / 1000) * maxShare;
    const { requestsPerSecond } = solveClosedLoop(loop, [share, 1 - share]);
    if (requestsPerSecond > best.requestsPerSecond) best = { share, requestsPerSecond };
  }
  return best;
}

function bisect(low: number, high: number, tooHigh: (value: number) => boolean): number {
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2;
    if (tooHigh(middle)) high = middle;
    else low = middle;
  }
  return low;
}
