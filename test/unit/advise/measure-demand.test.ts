import { describe, expect, test } from 'vitest';
import { requestsOf } from '../../../lib/advise/access-mass.ts';
import { curveDistance } from '../../../lib/advise/curve-error.ts';
import { curveSize } from '../../../lib/advise/demand-curve.ts';
import { measureDemand } from '../../../lib/advise/measure-demand.ts';
import { type Access, listWorkload, lruHits, zipfAccesses } from './workloads.ts';

const small = zipfAccesses(300, 6000, 0.8);
const large = zipfAccesses(20_000, 200_000, 0.9);

describe('the miss curve by recency', () => {
  test('equals an exact LRU store at every size tried', async () => {
    const demand = await measureDemand(listWorkload(small));
    expect(demand.rate).toBe(1);
    for (let share = 1 / 256; share <= 1; share *= 1.7) {
      const capacity = curveSize(demand.footprintBytes * share);
      expect(requestsOf(demand.recency.within(capacity))).toBe(lruHits(small, capacity));
    }
  });

  test('counts objects as well as bytes', async () => {
    const demand = await measureDemand(listWorkload(small));
    const units = small.map((access) => ({ ...access, bytes: 1 }));
    for (const objects of [1, 10, 64, 200]) {
      expect(requestsOf(demand.recencyObjects.within(objects))).toBe(lruHits(units, objects));
    }
  });

  test('of the second half is that of an LRU store which the first half has warmed', async () => {
    const demand = await measureDemand(listWorkload(small));
    const capacity = curveSize(demand.footprintBytes / 4);
    expect(requestsOf(demand.lateRecency.within(capacity))).toBe(
      lruHits(small, capacity) - lruHits(small.slice(0, 3000), capacity),
    );
  });
});

/** Requests beyond the first of each key, by key. */
function repeats(accesses: readonly Access[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { key } of accesses) counts.set(key, (counts.get(key) ?? -1) + 1);
  return counts;
}

describe('the curve by frequency', () => {
  test('covers what the densest keys that fit are asked for', async () => {
    const demand = await measureDemand(listWorkload(small));
    const sizes = new Map(small.map(({ key, bytes }) => [key, bytes]));
    const counts = [...repeats(small)].sort(
      ([a, n], [b, m]) => (m + 1) / sizes.get(b)! - (n + 1) / sizes.get(a)!,
    );
    const capacity = curveSize(demand.footprintBytes / 5);
    let room = 0;
    let covered = 0;
    for (const [key, count] of counts) {
      room += sizes.get(key)!;
      if (room <= capacity) covered += count;
    }
    // Ties at the edge may fall either way: one object with the fewest accesses of those inside.
    expect(Math.abs(requestsOf(demand.frequency.within(capacity)) - covered)).toBeLessThan(20);
    expect(covered).toBeGreaterThan(2000);
  });

  test('of the second half ranks by the first half only', async () => {
    const first = Array.from({ length: 99 }, () => ({ key: 1, bytes: 100 }));
    const second = Array.from({ length: 100 }, () => ({ key: 2, bytes: 100 }));
    const demand = await measureDemand(listWorkload([{ key: 2, bytes: 100 }, ...first, ...second]));
    const atOne = requestsOf(demand.lateFrequency.within(100));
    const atBoth = requestsOf(demand.lateFrequency.within(200));
    // Key 1 was hot; what is asked for now is key 2, which comes after it.
    expect([atOne, atBoth]).toEqual([0, 100]);
  });
});

describe('a sample', () => {
  test.each([
    [0.3, 0.012],
    [0.1, 0.02],
    [0.03, 0.04],
  ])('of %d of the keys is within %d of the exact curves on Zipf', async (rate, bound) => {
    const exact = await measureDemand(listWorkload(large));
    const sampled = await measureDemand(listWorkload(large), { rate });
    const { requests, footprintBytes } = exact;
    expect(sampled.sampledKeys).toBeLessThan(1024 + exact.sampledKeys * rate * 1.1);
    for (const name of ['recency', 'frequency'] as const) {
      const error = curveDistance(exact[name], sampled[name], requests, footprintBytes);
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(bound);
      // The estimate is of the right size: neither hides an error nor invents one.
      expect(sampled.error[name]).toBeGreaterThan(error / 4);
      expect(sampled.error[name]).toBeLessThan(bound * 2);
    }
    expect(Math.abs(sampled.footprintBytes / footprintBytes - 1)).toBeLessThan(0.1);
  });

  test('of a fixed size follows no more keys than that and as many of the hottest', async () => {
    const demand = await measureDemand(listWorkload(large), { maxKeys: 500 });
    expect(demand.sampledKeys).toBeGreaterThan(900);
    expect(demand.sampledKeys).toBeLessThanOrEqual(1000);
    const distinct = new Set(large.map(({ key }) => key)).size;
    expect(Math.abs(demand.objects / distinct - 1)).toBeLessThan(0.1);
  });

  test('holds the hottest keys whatever their hash, so that they are neither missed nor multiplied', async () => {
    // One key has half of the requests: sampled by its hash it would count 20-fold or not at all.
    const accesses = large
      .slice(0, 40_000)
      .flatMap((access) => [{ key: -1 >>> 0, bytes: 512 }, access]);
    const exact = await measureDemand(listWorkload(accesses));
    const sampled = await measureDemand(listWorkload(accesses), { rate: 0.05 });
    const hits = requestsOf(exact.recency.within(2 ** 14)) / accesses.length;
    const estimate = requestsOf(sampled.recency.within(2 ** 14)) / accesses.length;
    expect(hits).toBeGreaterThan(0.5);
    expect(Math.abs(estimate - hits)).toBeLessThan(0.02);
  });

  test('is exact, and says so, when all keys fit', async () => {
    const demand = await measureDemand(listWorkload(small), { maxKeys: 300 });
    expect(demand).toMatchObject({ rate: 1, parts: [], error: { recency: 0, frequency: 0 } });
  });
});

test('a key that changes its size is refused by name', async () => {
  const accesses = [
    { key: 5, bytes: 10 },
    { key: 5, bytes: 11 },
  ];
  await expect(measureDemand(listWorkload(accesses))).rejects.toMatchObject({
    code: 'ERR_TIER_TRACE',
    message: expect.stringContaining('Key 5 has 11 bytes here and 10 before'),
  });
});

test.each([{ maxKeys: 3 }, { maxKeys: 1.5 }, { rate: 0 }, { rate: 1.5 }, { rate: Number.NaN }])(
  'options out of range are refused: %o',
  async (options) => {
    await expect(measureDemand(listWorkload(small), options)).rejects.toThrow(RangeError);
  },
);
