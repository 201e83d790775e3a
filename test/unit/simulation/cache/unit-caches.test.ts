import { describe, expect, test } from 'vitest';
import { byteCacheMisses, cacheMisses } from '../../../../lib/simulation/cache/cache-misses.ts';
import { makeUnitCache, unitCachePolicies } from '../../../../lib/simulation/cache/unit-caches.ts';
import { makeLog, randomNumbers, randomRows } from '../oracle/logs.ts';

const evenSizes = (units: number) => new Array<number>(units).fill(1);

/** Which of the uses hit. */
function hits(policy: (typeof unitCachePolicies)[number], capacity: number, uses: number[]) {
  const sizes = new Float64Array(Math.max(...uses) + 1).fill(1);
  const cache = makeUnitCache(policy, { capacity, sizes });
  return uses.map((unit) => cache.use(unit));
}

describe.each(unitCachePolicies)('%s', (policy) => {
  test('with room for all only first uses miss', () => {
    const rows = randomRows(randomNumbers(7), 20, 400);
    // Some policies keep a share of the room for what comes, so room for all is a little more than all.
    expect(cacheMisses(makeLog(rows, evenSizes(20)), policy, 200)).toBe(20);
  });

  test('no choice is better than the optimum with a place more', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const log = makeLog(randomRows(randomNumbers(seed * 977), 40, 2000), evenSizes(40));
      for (const capacity of [10, 17, 25]) {
        // The place more is for what an online policy does not let in.
        const least = cacheMisses(log, 'belady', capacity + 1);
        expect(cacheMisses(log, policy, capacity)).toBeGreaterThanOrEqual(least);
      }
    }
  });

  test('a scan does not take the room of what is used all the time', () => {
    const random = randomNumbers(13);
    const rows = Array.from({ length: 20 }, (_, i) => i);
    for (let next = 20; next < 6000; ) {
      rows.push(random() < 0.5 ? Math.floor(random() * 20) : next++);
    }
    const log = makeLog(rows, evenSizes(6000));
    // What passes by misses whatever happens.
    const others = (misses: number) => misses - 6000;
    expect(others(cacheMisses(log, policy, 30))).toBeLessThan(
      others(cacheMisses(log, 'lru', 30)) / 2,
    );
  });

  test('sizes that are all the same change next to nothing', () => {
    const rows = randomRows(randomNumbers(3), 300, 9000);
    const log = makeLog(rows, new Array<number>(300).fill(4096));
    // Shares of the room are rounded to bytes instead of units, and ARC's least step is a byte.
    const ratio = byteCacheMisses(log, policy, 100 * 4096) / cacheMisses(log, policy, 100);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.03);
  });

  test('what is larger than the cache passes by, and nobody has to go for it', () => {
    const sizes = [5000, ...new Array<number>(20).fill(1)];
    const rows = [0];
    for (let round = 0; round < 50; round++) {
      for (let unit = 1; unit <= 20; unit++) rows.push(unit);
      rows.push(0);
    }
    expect(byteCacheMisses(makeLog(rows, sizes), policy, 200)).toBe(51 + 20);
  });
});

test('S3-FIFO: who was used twice in the small queue stays, and who was not is remembered', () => {
  // Ten places, one of them the small queue's; 0 is used again twice, 1 never.
  const fill = [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  expect(hits('s3-fifo', 20, fill)).toEqual(fill.map((unit, at) => unit === 0 && at > 0));
  const cache = makeUnitCache('s3-fifo', { capacity: 20, sizes: new Float64Array(40).fill(1) });
  for (const unit of [0, 0, 0, 1]) cache.use(unit);
  for (let unit = 1; unit <= 20; unit++) cache.use(unit);
  // The twenty-first took a place: 0 went on to the main queue, 1 had to go.
  expect(cache.use(0)).toBe(true);
  expect(cache.use(1)).toBe(false);
  for (let unit = 21; unit < 40; unit++) cache.use(unit);
  // 1 came back as one that is known: into the main queue, past all that followed.
  expect(cache.use(1)).toBe(true);
});

test('2Q: uses while a unit is queued do not keep it, a use after that does', () => {
  const cache = makeUnitCache('2q', { capacity: 8, sizes: new Float64Array(40).fill(1) });
  for (const unit of [0, 0, 0, 0]) cache.use(unit);
  for (let unit = 1; unit <= 8; unit++) cache.use(unit);
  expect(cache.use(0)).toBe(false);
  for (let unit = 10; unit < 30; unit++) cache.use(unit);
  expect(cache.use(0)).toBe(true);
});

test('ARC: a use of what the first list gave up makes room for recency', () => {
  // Units used twice fill the cache; then new ones are used again soon after they had to go.
  const cache = makeUnitCache('arc', { capacity: 4, sizes: new Float64Array(20).fill(1) });
  for (const unit of [0, 1, 2, 3, 0, 1, 2, 3]) cache.use(unit);
  // 5 takes the place of 4; when 4 comes back it is one of the frequent that goes for it, not 5.
  expect([4, 5, 4, 5].map((unit) => cache.use(unit))).toEqual([false, false, false, true]);
  expect([4, 5, 2, 3].map((unit) => cache.use(unit))).toEqual([true, true, true, true]);
});

test('LIRS: of a loop that is longer than the cache most of a cache full hits', () => {
  const loop = Array.from({ length: 30 * 120 }, (_, i) => i % 120);
  const log = makeLog(loop, evenSizes(120));
  expect(cacheMisses(log, 'lru', 100)).toBe(loop.length);
  // 99 of the 100 places are for units of low inter-reference recency, and those stay.
  expect(cacheMisses(log, 'lirs', 100)).toBe(120 + 29 * (120 - 99));
});

test('W-TinyLFU: who is used more often than who would have to go gets in', () => {
  const cache = makeUnitCache('w-tinylfu-1%', { capacity: 4, sizes: new Float64Array(9).fill(1) });
  for (const unit of [0, 1, 2, 3, 0, 1, 2, 3]) cache.use(unit);
  for (const unit of [4, 5, 6]) cache.use(unit);
  expect([0, 1, 2].map((unit) => cache.use(unit))).toEqual([true, true, true]);
  for (let i = 0; i < 9; i++) cache.use(i % 2 === 0 ? 7 : 8);
  expect(cache.use(7)).toBe(true);
});
