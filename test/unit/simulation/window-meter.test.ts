import { expect, test } from 'vitest';
import { WindowMeter } from '../../../lib/simulation/window-meter.ts';

test('windows fill up with 256 accesses, and the last may be shorter', () => {
  const meter = new WindowMeter();
  for (let i = 0; i < 300; i++) meter.add(i < 256 ? 100 : 250, 1);
  const { accesses, counts, meanNs } = meter.windows();
  expect(accesses).toBe(256);
  expect(counts).toEqual([256, 44]);
  expect(meanNs).toEqual([100, 250]);
});

test('moves are charged to the accesses before them, and told apart', () => {
  const meter = new WindowMeter();
  for (let i = 0; i < 256; i++) meter.add(100, 1);
  meter.charge(512);
  expect(meter.windows()).toEqual({
    accesses: 256,
    counts: [256],
    meanNs: [102],
    meanMoveNs: [2],
  });
  meter.add(100, 1);
  meter.charge(50);
  expect(meter.windows().meanNs).toEqual([102, 150]);
  expect(meter.windows().meanMoveNs).toEqual([2, 50]);
});

test('an access may stand for many, and then a window has a few more', () => {
  const meter = new WindowMeter();
  for (let i = 0; i < 44; i++) meter.add(1200, 12);
  expect(meter.windows()).toMatchObject({ counts: [264, 264], meanNs: [100, 100] });
});

test.each([262_143, 262_144, 262_145, 1_000_000])(
  'a run of %d accesses keeps its sum, its accesses and its course in 1024 windows',
  (total) => {
    const meter = new WindowMeter();
    let ns = 0;
    for (let i = 0; i < total; i++) {
      const each = i < total / 2 ? 100 : 300;
      meter.add(each, 1);
      ns += each;
      if (i % 1000 === 0) {
        meter.charge(50);
        ns += 50;
      }
    }
    const { accesses, counts, meanNs, meanMoveNs } = meter.windows();
    expect(counts.length).toBeLessThanOrEqual(1024);
    expect(counts.length).toBeGreaterThanOrEqual(512);
    expect(counts.slice(0, -1).every((count) => count === accesses)).toBe(true);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total);
    const sum = meanNs.reduce((all, mean, i) => all + mean * counts[i], 0);
    expect(Math.abs(sum / ns - 1)).toBeLessThan(1e-9);
    const half = Math.floor(counts.length / 2) - 1;
    expect(meanNs.slice(0, half).every((mean) => mean < 101)).toBe(true);
    expect(meanNs.slice(half + 2).every((mean) => mean > 299)).toBe(true);
    expect(Math.max(...meanMoveNs)).toBeLessThan(1);
  },
);

test('a meter without accesses has no windows', () => {
  expect(new WindowMeter().windows()).toEqual({
    accesses: 256,
    counts: [],
    meanNs: [],
    meanMoveNs: [],
  });
});
