import { expect, test } from 'vitest';
import { byteCacheMisses, cacheMisses } from '../../../../lib/simulation/cache/cache-misses.ts';
import { ValueCache } from '../../../../lib/simulation/cache/value-cache.ts';
import { makeLog, randomNumbers } from '../oracle/logs.ts';

const evenSizes = (units: number) => new Array<number>(units).fill(1);

/** Numbers units in the order of their first use, as a log wants them. */
function numbered(keys: readonly number[]): { rows: number[]; units: number } {
  const units = new Map<number, number>();
  const rows = keys.map((key) => {
    const unit = units.get(key) ?? units.size;
    units.set(key, unit);
    return unit;
  });
  return { rows, units: units.size };
}

test('of a loop that is longer than the cache it keeps a part, near the optimum', () => {
  const loop = Array.from({ length: 40_000 }, (_, i) => i % 400);
  const log = makeLog(loop, evenSizes(400));
  const hitsOf = (misses: number) => loop.length - misses;
  expect(hitsOf(cacheMisses(log, 'lru', 200))).toBe(0);
  const most = hitsOf(cacheMisses(log, 'belady', 200));
  expect(hitsOf(cacheMisses(log, 'value', 200))).toBeGreaterThan(0.7 * most);
});

test('popular units stay while others pass by', () => {
  const random = randomNumbers(5);
  let passing = 1000;
  const keys = Array.from({ length: 60_000 }, () =>
    random() < 0.5 ? Math.floor(random() * 100) : passing++,
  );
  const { rows, units } = numbered(keys);
  const log = makeLog(rows, evenSizes(units));
  const inherent = keys.filter((key) => key >= 1000).length;
  const missed = (misses: number) => (misses - inherent) / (rows.length - inherent);
  expect(missed(cacheMisses(log, 'value', 110))).toBeLessThan(0.05);
  expect(missed(cacheMisses(log, 'lru', 110))).toBeGreaterThan(0.3);
});

test('who is worth less than all that are there does not get in', () => {
  const rows = Array.from({ length: 8000 }, (_, i) => (i % 2 === 0 ? 0 : (i + 1) / 2));
  const log = makeLog(rows, evenSizes(4001));
  // There is one place, for a unit that is used every second time; who gave it up each time would never hit.
  expect(cacheMisses(log, 'lru', 1)).toBe(rows.length);
  expect(cacheMisses(log, 'value', 1)).toBeLessThan(0.7 * rows.length);
});

test('when other units become popular, they get the room', () => {
  const random = randomNumbers(9);
  const phase = (from: number) =>
    Array.from({ length: 30_000 }, () => from + Math.floor(100 * random() ** 2));
  const { rows, units } = numbered([...phase(0), ...phase(500)]);
  const sizes = new Float64Array(units).fill(1);
  const cache = new ValueCache({ capacity: 50, sizes });
  const hit = rows.map((unit) => cache.use(unit));
  const ratio = (from: number) => hit.slice(from, from + 10_000).filter(Boolean).length / 10_000;
  expect(ratio(50_000)).toBeGreaterThan(ratio(20_000) - 0.02);
  expect(ratio(20_000)).toBeGreaterThan(0.6);
});

test('of units that are used as often the small ones are kept', () => {
  const random = randomNumbers(21);
  const { rows, units } = numbered(
    Array.from({ length: 40_000 }, () => Math.floor(random() * 200)),
  );
  // Every second unit has ten times the size; the cache has room for the small ones.
  const sizes = Array.from({ length: units }, (_, unit) => (unit % 2 === 0 ? 10 : 100));
  const misses = byteCacheMisses(makeLog(rows, sizes), 'value', 1100);
  // Half of the uses can hit at best when no large one is kept, a tenth of them when sizes do not count.
  expect(misses / rows.length).toBeLessThan(0.6);
});

test('it holds no more than it has room for, and remembers six times as many units', () => {
  const random = randomNumbers(2);
  const sizes = Float64Array.from({ length: 2000 }, () => 4);
  const cache = new ValueCache({ capacity: 403, sizes });
  let most = 0;
  for (let i = 0; i < 50_000; i++) {
    cache.use(Math.floor(2000 * random() ** 2));
    expect(cache.used).toBeLessThanOrEqual(403);
    most = Math.max(most, cache.remembered);
  }
  expect(most).toBe(6 * 100);
});

test('units of any size come and go, also of none', () => {
  const random = randomNumbers(4);
  const sizes = Float64Array.from({ length: 500 }, (_, unit) => unit % 10);
  const cache = new ValueCache({ capacity: 100, sizes });
  let hits = 0;
  for (let i = 0; i < 20_000; i++) {
    if (cache.use(Math.floor(500 * random() ** 3))) hits++;
    expect(cache.used).toBeLessThanOrEqual(100);
  }
  expect(hits).toBeGreaterThan(5000);
});

test('the same uses make the same misses', () => {
  const random = randomNumbers(77);
  const { rows, units } = numbered(
    Array.from({ length: 20_000 }, () => Math.floor(1000 * random() ** 3)),
  );
  const log = makeLog(rows, evenSizes(units));
  expect(cacheMisses(log, 'value', 80)).toBe(cacheMisses(log, 'value', 80));
});
