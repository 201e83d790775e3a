import { describe, expect, it } from 'vitest';
import { HotnessPace, type Look } from '../../../lib/memory/hotness-pace.ts';

const look = (fields: Partial<Look>): Look => ({
  lookNs: 0,
  runningNs: 0,
  elapsedNs: 1e9,
  watched: 100,
  wanted: 100,
  ...fields,
});

describe('the pace of looking', () => {
  it('is cost over budget, from a tenth of a second to a minute', () => {
    const intervalOf = (lookNs: number): number => {
      const pace = new HotnessPace(0.01);
      pace.record(look({ lookNs }));
      return pace.intervalMs;
    };
    expect(intervalOf(1000)).toBe(100);
    expect(intervalOf(5e6)).toBeCloseTo(500);
    expect(intervalOf(100e6)).toBeCloseTo(10_000);
    expect(intervalOf(3e9)).toBe(60_000);
  });

  it('watches fewer chunks when even a look a minute is too dear, and all again when it is not', () => {
    const pace = new HotnessPace(0.01);
    expect(pace.chunks).toBe(Number.POSITIVE_INFINITY);
    pace.record(look({ lookNs: 1.2e9, watched: 1000, wanted: 1000 }));
    expect(pace.chunks).toBe(500);
    for (let i = 0; i < 30; i++) {
      const watched = Math.min(pace.chunks, 1000);
      pace.record(look({ lookNs: watched * 1000, watched, wanted: 1000 }));
    }
    expect(pace.chunks).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives what runs all the time half of the budget, by what it watches', () => {
    const pace = new HotnessPace(0.01);
    let watched = 1000;
    // A kernel thread that takes 0.004 % of a core for each chunk.
    for (let i = 0; i < 40; i++) {
      pace.record(look({ runningNs: watched * 40_000, watched, wanted: 1000 }));
      watched = Math.min(pace.chunks, 1000);
    }
    expect(watched * 40_000).toBeLessThanOrEqual(0.005 * 1e9);
    expect(watched * 40_000).toBeGreaterThan(0.002 * 1e9);
    // What it costs is not to be had for looking less often.
    expect(pace.intervalMs).toBe(100);
  });

  it('leaves what a kernel thread takes out of what looks may cost', () => {
    const pace = new HotnessPace(0.01);
    pace.record(look({ lookNs: 5e6, runningNs: 0.004 * 1e9 }));
    expect(pace.intervalMs).toBeCloseTo(5e6 / 0.006 / 1e6);
  });
});
