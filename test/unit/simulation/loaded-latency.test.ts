import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { latencyBalanced } from '../../../lib/policy/latency-balanced.ts';
import {
  bestSplit,
  type ClosedLoop,
  type LoadedTier,
  solveClosedLoop,
} from '../../../lib/simulation/loaded-latency.ts';
import { hottestFirst } from '../../../lib/simulation/loaded-latency-baseline.ts';
import {
  gupsPopularity,
  type LoadedInterval,
  type LoadedRunOptions,
  runLoaded,
} from '../../../lib/simulation/loaded-latency-run.ts';

const fastBytesPerSecond = 205e9;
const slowTier: LoadedTier = { unloadedLatencyNs: 135, bytesPerSecond: 75e9 };

function loop(outstanding: number, more: Partial<LoadedTier> = {}): ClosedLoop {
  const fast = { unloadedLatencyNs: 70, bytesPerSecond: fastBytesPerSecond, ...more };
  return { outstanding, tiers: [fast, slowTier] };
}

describe('the closed loop', () => {
  it('keeps as many requests on their way as it has, whatever the split and the load', () => {
    for (const share of [0, 0.3, 1]) {
      for (const more of [
        {},
        { backgroundBytesPerSecond: 150e9 },
        { backgroundOutstanding: 500 },
      ]) {
        const state = solveClosedLoop(loop(360, more), [share, 1 - share]);
        const [fast, slow] = state.latencyNs;
        const mean = (share > 0 ? share * fast : 0) + (share < 1 ? (1 - share) * slow : 0);
        expect((state.requestsPerSecond / 1e9) * mean).toBeCloseTo(360, 3);
      }
    }
  });

  it('answers at the unloaded latency when nearly idle, and never beyond the bandwidth', () => {
    expect(solveClosedLoop(loop(0.001), [1, 0]).latencyNs[0]).toBeCloseTo(70, 2);
    const flooded = solveClosedLoop(loop(1e6), [1, 0]);
    expect(flooded.requestsPerSecond * 64).toBeLessThan(fastBytesPerSecond);
    expect(flooded.requestsPerSecond * 64).toBeGreaterThan(0.99 * fastBytesPerSecond);
  });

  it('doubles the latency at half the bandwidth, as one server with a queue does', () => {
    const half = solveClosedLoop(loop(0.001, { backgroundBytesPerSecond: 102.5e9 }), [1, 0]);
    expect(half.latencyNs[0]).toBeCloseTo(140, 1);
  });

  it('slows a background that waits down with everybody else', () => {
    const alone = solveClosedLoop(loop(0.001, { backgroundOutstanding: 300 }), [1, 0]);
    const together = solveClosedLoop(loop(360, { backgroundOutstanding: 300 }), [1, 0]);
    expect(together.latencyNs[0]).toBeGreaterThan(1.5 * alone.latencyNs[0]);
    expect(together.latencyNs[0]).toBeLessThan(3 * alone.latencyNs[0]);
  });

  it('gives all to the fast tier while quiet, and more away the more it is loaded by others', () => {
    expect(bestSplit(loop(20)).share).toBe(1);
    const shares = [0, 0.25, 0.5, 0.75].map(
      (load) => bestSplit(loop(360, { backgroundBytesPerSecond: load * fastBytesPerSecond })).share,
    );
    expect(shares[0]).toBeLessThan(0.9);
    expect([...shares].sort((a, b) => b - a)).toEqual(shares);
    expect(shares[3]).toBeLessThan(0.4);
  });
});

const units = 450;
/** The 150 hottest of 450 units get 90 % of the accesses; 200 fit the fast tier. */
const settings = {
  popularity: gupsPopularity(units, 1 / 3),
  unitBytes: 2 ** 21,
  fastUnits: 200,
  intervals: 200,
};
const maxShare = 0.9 + (0.1 * 50) / 300;
const hottest = hottestFirst(128 * units);

const rateOf = (run: readonly LoadedInterval[]): number => {
  const steady = run.slice(run.length / 2);
  return steady.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0) / steady.length;
};
const run = (
  options: Pick<LoadedRunOptions, 'loopAt' | 'policy'> & { readonly intervals?: number },
): Promise<LoadedInterval[]> => runLoaded({ ...settings, ...options });

describe('latency balancing on a loaded tier', () => {
  it('reaches 92 % of the best split at every background load, where hotness alone loses up to 3/4', async () => {
    for (const percent of [0, 15, 30, 45, 60, 75, 90]) {
      const backgroundBytesPerSecond = (percent / 100) * fastBytesPerSecond;
      const loaded = loop(360, { backgroundBytesPerSecond });
      const best = bestSplit(loaded, maxShare).requestsPerSecond;
      const balanced = await run({ loopAt: () => loaded, policy: latencyBalanced(hottest) });
      expect(rateOf(balanced) / best, `background ${percent} %`).toBeGreaterThan(0.92);
      expect(rateOf(balanced)).toBeLessThanOrEqual(best * 1.001);
      if (percent < 75) continue;
      const hot = await run({ loopAt: () => loaded, policy: hottest });
      expect(rateOf(hot) / best).toBeLessThan(percent === 90 ? 0.3 : 0.6);
    }
  });

  it('changes nothing while the machine is quiet', async () => {
    for (const outstanding of [8, 64, 128]) {
      const quiet = { loopAt: () => loop(outstanding), intervals: 80 };
      const hot = await run({ ...quiet, policy: hottest });
      const same = await run({ ...quiet, policy: latencyBalanced(hottest) });
      expect(isDeepStrictEqual(same, hot)).toBe(true);
      const inner = balancedPolicy();
      const balanced = await run({ ...quiet, policy: latencyBalanced(inner) });
      expect(rateOf(balanced) / rateOf(await run({ ...quiet, policy: inner }))).toBeGreaterThan(
        0.97,
      );
    }
  });

  it('follows a load that comes and goes, and ends where it would have been without', async () => {
    const busy = loop(100, { backgroundBytesPerSecond: 0.8 * fastBytesPerSecond });
    const loopAt = (interval: number): ClosedLoop =>
      interval >= 60 && interval < 260 ? busy : loop(100);
    const intervals = 420;
    const balanced = await runLoaded({
      ...settings,
      loopAt,
      intervals,
      policy: latencyBalanced(hottest),
    });
    const hot = await runLoaded({ ...settings, loopAt, intervals, policy: hottest });
    const rate = (all: readonly LoadedInterval[], from: number, to: number): number =>
      rateOf(all.slice(2 * from - to, to));
    expect(rate(balanced, 210, 260) / rate(hot, 210, 260)).toBeGreaterThan(1.3);
    expect(rate(balanced, 380, 420) / rate(hot, 380, 420)).toBeGreaterThan(0.97);
    expect(balanced.slice(380).every(({ share }) => share > 0.85)).toBe(true);
  });

  it('does not move without end once it is balanced', async () => {
    const loaded = loop(360, { backgroundBytesPerSecond: 0.5 * fastBytesPerSecond });
    const balanced = await run({ loopAt: () => loaded, policy: latencyBalanced(hottest) });
    const first = balanced.slice(0, 100).reduce((sum, { movedBytes }) => sum + movedBytes, 0);
    const last = balanced.slice(100).reduce((sum, { movedBytes }) => sum + movedBytes, 0);
    expect(first).toBeGreaterThan(100 * 2 ** 20);
    expect(last).toBeLessThan(0.05 * first);
  });
});
