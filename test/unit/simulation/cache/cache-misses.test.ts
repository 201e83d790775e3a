import { expect, test } from 'vitest';
import type { AccessLog } from '../../../../lib/simulation/access-log.ts';
import { cacheMisses } from '../../../../lib/simulation/cache/cache-misses.ts';
import { makeLog, randomNumbers, randomRows } from '../oracle/logs.ts';

/** The least misses of any cache that every miss fills, by trying all victims. */
function fewestMisses(log: AccessLog, capacity: number): number {
  let caches = new Map<string, { held: ReadonlySet<number>; misses: number }>([
    ['', { held: new Set(), misses: 0 }],
  ]);
  for (const unit of log.unit) {
    const next: typeof caches = new Map();
    for (const { held, misses } of caches.values()) {
      const hit = held.has(unit);
      const victims = hit || held.size < capacity ? [-1] : [...held];
      for (const victim of victims) {
        const after = new Set([...held, unit].filter((other) => other !== victim));
        const key = [...after].sort((a, b) => a - b).join();
        const total = misses + (hit ? 0 : 1);
        if ((next.get(key)?.misses ?? Infinity) > total) {
          next.set(key, { held: after, misses: total });
        }
      }
    }
    caches = next;
  }
  return Math.min(...[...caches.values()].map(({ misses }) => misses));
}

test('a loop that is one unit too long never hits in LRU, and Belady keeps most of it', () => {
  const loop = makeLog([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3], [1, 1, 1, 1]);
  expect(cacheMisses(loop, 'lru', 3)).toBe(12);
  expect(cacheMisses(loop, 'belady', 3)).toBe(6);
});

test('what was used longest ago is given up, not what came first', () => {
  const log = makeLog([0, 1, 0, 2, 0, 1], [1, 1, 1]);
  expect(cacheMisses(log, 'lru', 2)).toBe(4);
});

test('with room for all only first accesses miss', () => {
  const log = makeLog([0, 1, 0, 2, 0, 1], [1, 1, 1]);
  expect(cacheMisses(log, 'lru', 3)).toBe(3);
  expect(cacheMisses(log, 'belady', 5)).toBe(3);
});

test('Belady equals the best of all choices', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomNumbers(seed * 131);
    const log = makeLog(randomRows(random, 6, 24), Array(6).fill(1));
    for (const capacity of [1, 2, 3]) {
      expect(cacheMisses(log, 'belady', capacity)).toBe(fewestMisses(log, capacity));
    }
  }
});

test('every miss fills the cache, also one that will not be used again', () => {
  // Passing by the cache would miss three times only.
  expect(cacheMisses(makeLog([0, 1, 0, 1, 0], [1, 1]), 'belady', 1)).toBe(5);
});

test('sizes do not matter', () => {
  const rows = [0, 1, 2, 0, 1, 2];
  const log = makeLog(rows, [1, 1000, 5]);
  expect(cacheMisses(log, 'lru', 2)).toBe(cacheMisses(makeLog(rows, [1, 1, 1]), 'lru', 2));
});

test('a capacity that is no number of units is refused', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN]) {
    expect(() => cacheMisses(makeLog([0], [1]), 'lru', capacity)).toThrow(RangeError);
  }
});
