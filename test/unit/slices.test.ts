import { describe, expect, it } from 'vitest';
import { SliceClock, Slices } from '../../lib/slices.ts';

/** Slices of 100 ns by a clock that work moves. */
function makeSlices() {
  let now = 0;
  const clock = new SliceClock(100, () => now);
  const slices = new Slices(clock);
  function* work(steps: number, ns: number): Generator<undefined> {
    for (let i = 0; i < steps; i++) {
      now += ns;
      yield;
    }
  }
  return { clock, slices, work };
}

describe('work driven in slices', () => {
  it('runs to its end, and lets others run whenever a slice is over', async () => {
    const { clock, slices, work } = makeSlices();
    let turns = 0;
    const count = (): void => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    expect(await slices.drive(work(10, 50))).toBe(true);
    clearImmediate(immediate);
    expect(turns).toBeGreaterThanOrEqual(4);
    expect(clock.times()).toMatchObject({ count: 6, maxNs: 100 });
  });

  it('is over at once when it fits', async () => {
    const { clock, slices, work } = makeSlices();
    let over = false;
    const driven = slices.drive(work(3, 20)).then(() => {
      over = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(over).toBe(true);
    await driven;
    expect(clock.times().count).toBe(1);
  });

  it('ends early when its signal is aborted', async () => {
    const { clock, slices, work } = makeSlices();
    const controller = new AbortController();
    const driven = slices.drive(work(1000, 50), controller.signal);
    controller.abort();
    expect(await driven).toBe(false);
    expect(clock.times().count).toBeLessThan(3);
  });

  it('throws what the work throws', async () => {
    const { clock, slices } = makeSlices();
    const failing: Iterator<unknown> = {
      next: () => {
        throw new Error('broken');
      },
    };
    await expect(slices.drive(failing)).rejects.toThrow('broken');
    expect(clock.times().count).toBe(1);
  });
});

describe('the times of slices', () => {
  it('are zero when there was none', () => {
    const times = new SliceClock(200_000).times();
    expect(times).toMatchObject({ count: 0, p50Ns: 0, p99Ns: 0, maxNs: 0, overBudget: 0 });
    expect(times.buckets.map(({ count }) => count)).toEqual(new Array(9).fill(0));
  });

  it('fall into the bucket whose bounds they are between, the upper one included', () => {
    const clock = new SliceClock(200_000);
    for (const us of [1, 50, 51, 100, 200, 500, 501, 1000, 2000, 5000, 10_000, 10_001, 1e6]) {
      clock.record(us * 1000);
    }
    expect(clock.times().buckets).toEqual([
      { overUs: 0, count: 2 },
      { overUs: 50, count: 2 },
      { overUs: 100, count: 1 },
      { overUs: 200, count: 1 },
      { overUs: 500, count: 2 },
      { overUs: 1000, count: 1 },
      { overUs: 2000, count: 1 },
      { overUs: 5000, count: 1 },
      { overUs: 10_000, count: 2 },
    ]);
  });

  it('tell how many were longer than the budget, and the longest', () => {
    const clock = new SliceClock(200_000);
    for (const ns of [1000, 200_000, 200_001, 3_000_000]) clock.record(ns);
    const { overBudget, budgetNs, maxNs, count } = clock.times();
    expect({ overBudget, budgetNs, count }).toEqual({ overBudget: 2, budgetNs: 200_000, count: 4 });
    expect(maxNs).toBeGreaterThanOrEqual(3_000_000);
  });

  it('are those of everybody who shares the clock, each with slices of his own', async () => {
    let now = 0;
    const clock = new SliceClock(100, () => now);
    const one = new Slices(clock);
    const other = new Slices(clock);
    one.begin();
    now += 10;
    other.begin();
    now += 20;
    other.end();
    now += 40;
    one.end();
    expect(clock.times()).toMatchObject({ count: 2, maxNs: 70 });
  });

  it('leave out what happens outside', async () => {
    let now = 0;
    const clock = new SliceClock(100, () => now);
    const slices = new Slices(clock);
    await slices.during(async () => {
      now += 30;
      await slices.outside(
        Promise.resolve().then(() => {
          now += 5000;
        }),
      );
      now += 60;
    });
    expect(clock.times()).toMatchObject({ count: 2, maxNs: 60, overBudget: 0 });
  });
});
