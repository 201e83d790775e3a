import { describe, expect, test } from 'vitest';
import { parseWorkload } from '../../../../lib/simulation/workloads/parse-workload.ts';
import { ZipfRanks } from '../../../../lib/simulation/workloads/zipf.ts';
import { keysOf } from './read-keys.ts';

function share(keys: readonly number[], belongs: (key: number) => boolean): number {
  return keys.filter(belongs).length / keys.length;
}

/** Share of the accesses that the most popular keys get. */
function topShare(keys: readonly number[], count: number): number {
  const counts = new Map<number, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const sorted = [...counts.values()].sort((a, b) => b - a);
  return sorted.slice(0, count).reduce((sum, n) => sum + n, 0) / keys.length;
}

describe('the published streams', () => {
  test.each([
    ['gups,seed=1', [64_615, 51_467, 62_080, 62_837]],
    ['gups-shift:25,seed=1', [64_615, 51_467, 62_080, 62_837]],
    ['zipf:0.99,seed=2', [61_621, 23_416, 27_829, 33_975]],
    ['zipf-drift:0.99,seed=2', [61_621, 23_416, 27_829, 33_975]],
    ['zipf-scan:0.99,seed=2', [61_621, 23_416, 27_829, 33_975]],
  ])('%s begins with their keys', async (text, keys) => {
    expect(await keysOf(parseWorkload(text), 4)).toEqual(keys);
  });

  // Accesses that the 7281 most popular of 65,536 pages get, as the best static placement of the tables shows it.
  test.each([
    ['gups,seed=1', 0.892],
    ['gups-shift:25,seed=1', 0.8905],
    ['gups-shift:100,seed=1', 0.8],
    ['zipf,seed=2', 0.8153],
    ['zipf-drift,seed=2', 0.6633],
    ['zipf-scan,seed=2', 0.7636],
  ])('%s has their counts to the last digit', async (text, expected) => {
    const counts = new Uint32Array(65_536);
    let requests = 0;
    for await (const { key, length } of parseWorkload(text).batches()) {
      for (let row = 0; row < length; row++) counts[key[row]]++;
      requests += length;
    }
    const top = counts.sort().slice(-7281);
    const served = top.reduce((sum, count) => sum + count, 0);
    expect((served / requests).toFixed(4)).toBe(expected.toFixed(4));
  });
});

describe('gups', () => {
  test('gives nine of ten accesses, and a sixteenth of the others, to the hot set', async () => {
    const keys = await keysOf(parseWorkload('gups,units=1600,accesses=100000,hot=0.0625'));
    expect(share(keys, (key) => key >= 1500)).toBeCloseTo(0.9 + 0.1 / 16, 2);
  });

  test('replaces a part of the hot set at half time, and says when', async () => {
    const workload = parseWorkload('gups-shift:25,units=1600,accesses=100000');
    expect(workload.shifts).toEqual([1600 + 50_000]);
    const keys = await keysOf(workload);
    const moved = (key: number): boolean => key >= 1400 && key < 1425;
    const left = (key: number): boolean => key >= 1500 && key < 1525;
    expect(share(keys.slice(0, 50_000), moved)).toBeLessThan(0.01);
    expect(share(keys.slice(50_000), moved)).toBeGreaterThan(0.2);
    expect(share(keys.slice(50_000), left)).toBeLessThan(0.01);
  });
});

describe('Zipf ranks', () => {
  const harmonic = (count: number, theta: number): number => {
    let sum = 0;
    for (let i = 1; i <= count; i++) sum += i ** -theta;
    return sum;
  };

  test.each([0.5, 0.8, 0.99, 1.2])(
    'with theta %d have the share of the top 1 %% that the formula says',
    (theta) => {
      const count = 100_000;
      const ranks = new ZipfRanks(count, theta);
      let top = 0;
      // Numbers in even steps instead of random ones: no noise, so the tolerance is the formula's own.
      const draws = 200_000;
      for (let i = 0; i < draws; i++) if (ranks.rank((i + 0.5) / draws) < count / 100) top++;
      const expected = harmonic(count / 100, theta) / harmonic(count, theta);
      expect(Math.abs(top / draws - expected)).toBeLessThan(0.02);
    },
  );

  test.each([1, 2, 3, 10])('of %d items are never out of range', (count) => {
    const ranks = new ZipfRanks(count, 0.99);
    for (const unit of [0, 0.25, 0.5, 0.9, 1 - 2 ** -53]) {
      expect(ranks.rank(unit)).toBeGreaterThanOrEqual(0);
      expect(ranks.rank(unit)).toBeLessThan(count);
    }
  });

  test('give the first rank its exact share', () => {
    const ranks = new ZipfRanks(1000, 0.99);
    const first = 1 / harmonic(1000, 0.99);
    expect(ranks.rank(first * 0.999)).toBe(0);
    expect(ranks.rank(first * 1.001)).toBe(1);
  });
});

describe('zipf streams', () => {
  test('give the popular keys of a drift their turn', async () => {
    const keys = await keysOf(parseWorkload('zipf-drift,units=1000,accesses=200000'));
    const hottest = (part: readonly number[]): number => {
      const counts = new Map<number, number>();
      for (const key of part) counts.set(key, (counts.get(key) ?? 0) + 1);
      return [...counts].sort((a, b) => b[1] - a[1])[0][0];
    };
    expect(hottest(keys.slice(0, 10_000))).not.toBe(hottest(keys.slice(10_000, 20_000)));
    expect(topShare(keys.slice(0, 10_000), 10)).toBeGreaterThan(0.3);
  });

  test('scan a quarter of the pages at every tenth of the run, each time the next one', async () => {
    const keys = await keysOf(parseWorkload('zipf-scan,units=1000,accesses=20000'));
    for (let scan = 1; scan < 10; scan++) {
      const first = (250 * scan) % 1000;
      const expected = Array.from({ length: 250 }, (_, i) => (first + i) % 1000);
      expect(keys.slice(2000 * scan, 2000 * scan + 250)).toEqual(expected);
    }
    const plain = await keysOf(parseWorkload('zipf,units=1000,accesses=20000'));
    expect(keys.slice(250 + 2000, 4000)).toEqual(plain.slice(250 + 2000, 4000));
  });
});

describe('adversaries', () => {
  test('scan and loop sweep all pages or a share of them', async () => {
    const scan = await keysOf(parseWorkload('scan,units=10,accesses=25'));
    expect(scan).toEqual(Array.from({ length: 25 }, (_, i) => i % 10));
    const loop = await keysOf(parseWorkload('loop:0.3,units=10,accesses=8'));
    expect(loop).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
  });

  test('ping-pong alternates between two sets that do not overlap', async () => {
    const keys = await keysOf(parseWorkload('ping-pong:500,units=1000,hot=0.1,accesses=2000'));
    for (let phase = 0; phase < 4; phase++) {
      const part = keys.slice(500 * phase, 500 * (phase + 1));
      const first = phase % 2 === 0 ? 900 : 800;
      expect(share(part, (key) => key >= first && key < first + 100)).toBeGreaterThan(0.85);
    }
  });

  test('one-hit sends its share to keys that never come back', async () => {
    const keys = await keysOf(parseWorkload('one-hit:0.5,units=1000,accesses=20000'));
    const fresh = keys.filter((key) => key >= 1000);
    expect(fresh.length / keys.length).toBeCloseTo(0.5, 1);
    expect(new Set(fresh).size).toBe(fresh.length);
  });
});
