import { expect, test } from 'vitest';
import { RecencyList } from '../../../../lib/simulation/cache/recency-list.ts';

test('units are listed by their last use', () => {
  const list = new RecencyList(4);
  for (const unit of [2, 0, 3, 2, 0]) list.touch(unit);
  expect([...list.newestFirst()]).toEqual([0, 2, 3]);
  expect(list.oldest).toBe(3);
});

test('a removed unit leaves no gap, and may come back', () => {
  const list = new RecencyList(3);
  for (const unit of [0, 1, 2]) list.touch(unit);
  list.remove(1);
  list.remove(1);
  expect([...list.newestFirst()]).toEqual([2, 0]);
  list.touch(1);
  expect([...list.newestFirst()]).toEqual([1, 2, 0]);
});

test('an empty list has no oldest unit', () => {
  const list = new RecencyList(1);
  expect(list.oldest).toBe(-1);
  list.touch(0);
  list.remove(0);
  expect(list.oldest).toBe(-1);
});
