import { describe, expect, test } from 'vitest';
import { convergences, settledMetrics } from '../../../lib/simulation/run-metrics.ts';
import type { Windows } from '../../../lib/simulation/window-meter.ts';

function windows(meanNs: readonly number[], moveNs: (i: number) => number = () => 0): Windows {
  return {
    accesses: 100,
    counts: meanNs.map(() => 100),
    meanNs,
    meanMoveNs: meanNs.map((_, i) => moveNs(i)),
  };
}

/** `count` windows of a value. */
const flat = (count: number, ns: number): number[] => new Array<number>(count).fill(ns);

describe('a run without its warm-up', () => {
  test('leaves whole windows out', () => {
    const run = windows([900, 900, 900, ...flat(96, 100), 500], (i) => (i === 99 ? 400 : 0));
    expect(settledMetrics(run, 201)).toEqual({
      warmUpAccesses: 300,
      accessNs: 100,
      moveNs: 400 / 97,
      p50Ns: 100,
      p99Ns: 500,
      worstNs: 500,
    });
    expect(settledMetrics(run, 0)).toMatchObject({ warmUpAccesses: 0, worstNs: 900 });
  });

  test('weighs a short last window by its accesses', () => {
    const run: Windows = {
      accesses: 100,
      counts: [100, 1],
      meanNs: [100, 9999],
      meanMoveNs: [0, 0],
    };
    const settled = settledMetrics(run, 0)!;
    expect(settled.accessNs).toBeCloseTo((100 * 100 + 9999) / 101, 9);
    expect(settled.p99Ns).toBe(100);
    expect(settled.worstNs).toBe(9999);
  });

  test('is nothing when the warm-up takes all of it', () => {
    expect(settledMetrics(windows([1, 2]), 101)).toBeUndefined();
    expect(settledMetrics(windows([]), 0)).toBeUndefined();
  });
});

describe('convergence after a shift', () => {
  test('ends with the last moving average outside of 5 %', () => {
    // 400 windows, so that averages are over 4. Rests from window 240 on, at 100.
    const run = windows([...flat(200, 100), ...flat(40, 300), ...flat(160, 100)]);
    const [found] = convergences(run, [20_000]);
    expect(found).toEqual({
      shiftAt: 20_000,
      steadyNs: 100,
      accesses: 4000,
      regretNs: 40 * 100 * 200,
    });
  });

  test('does not end with a short quiet moment', () => {
    const run = windows([
      ...flat(200, 100),
      ...flat(20, 300),
      ...flat(10, 100),
      ...flat(10, 300),
      ...flat(160, 100),
    ]);
    expect(convergences(run, [20_000])[0].accesses).toBe(4000);
  });

  test('is at once when nothing got worse', () => {
    expect(convergences(windows(flat(400, 100)), [20_000])[0]).toMatchObject({
      accesses: 0,
      regretNs: 0,
    });
  });

  test('is never when the level does not come to rest', () => {
    const restless = Array.from({ length: 400 }, (_, i) => (i % 40 < 20 ? 100 : 200));
    expect(convergences(windows(restless), [20_000])[0].accesses).toBeUndefined();
  });

  test('is told for every shift, each up to the next', () => {
    const run = windows([
      ...flat(100, 100),
      ...flat(10, 300),
      ...flat(90, 100),
      ...flat(30, 500),
      ...flat(170, 200),
    ]);
    expect(convergences(run, [10_000, 20_000])).toMatchObject([
      { shiftAt: 10_000, steadyNs: 100, accesses: 1000 },
      { shiftAt: 20_000, steadyNs: 200, accesses: 3000 },
    ]);
  });

  test('is left out where too little follows to tell', () => {
    expect(convergences(windows(flat(400, 100)), [39_800, 50_000])).toEqual([]);
  });
});
