import { describe, expect, it } from 'vitest';
import { Slices } from '../../../lib/migration/slices.ts';

/** Slices of 100 ns by a clock that work moves. */
function makeSlices() {
  let now = 0;
  const slices = new Slices(100, () => now);
  function* work(steps: number, ns: number): Generator<undefined> {
    for (let i = 0; i < steps; i++) {
      now += ns;
      yield;
    }
  }
  return { slices, work };
}

describe('work driven in slices', () => {
  it('runs to its end, and lets others run whenever a slice is over', async () => {
    const { slices, work } = makeSlices();
    let turns = 0;
    const count = (): void => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    expect(await slices.drive(work(10, 50))).toBe(true);
    clearImmediate(immediate);
    expect(turns).toBeGreaterThanOrEqual(4);
    expect(slices.times()).toMatchObject({ count: 6, maxNs: 100 });
  });

  it('is over at once when it fits', async () => {
    const { slices, work } = makeSlices();
    let over = false;
    const driven = slices.drive(work(3, 20)).then(() => {
      over = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(over).toBe(true);
    await driven;
    expect(slices.times().count).toBe(1);
  });

  it('ends early when its signal is aborted', async () => {
    const { slices, work } = makeSlices();
    const controller = new AbortController();
    const driven = slices.drive(work(1000, 50), controller.signal);
    controller.abort();
    expect(await driven).toBe(false);
    expect(slices.times().count).toBeLessThan(3);
  });

  it('throws what the work throws', async () => {
    const { slices } = makeSlices();
    const failing: Iterator<unknown> = {
      next: () => {
        throw new Error('broken');
      },
    };
    await expect(slices.drive(failing)).rejects.toThrow('broken');
    expect(slices.times().count).toBe(1);
  });
});
