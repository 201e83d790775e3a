import { expect, test } from 'vitest';
import { RowHeap } from '../../../../lib/simulation/cache/row-heap.ts';
import { randomNumbers } from '../oracle/logs.ts';

test('numbers come out latest first, however many there are', () => {
  const random = randomNumbers(5);
  const rows = Array.from({ length: 3000 }, () => Math.floor(random() * 2 ** 32));
  const heap = new RowHeap();
  for (const row of rows) heap.push(row);
  const sorted = [...rows].sort((a, b) => b - a);
  expect(rows.map(() => heap.popLatest())).toEqual(sorted);
});

test('what is put in between pops takes its place', () => {
  const heap = new RowHeap();
  heap.push(3);
  heap.push(9);
  expect(heap.popLatest()).toBe(9);
  heap.push(5);
  heap.push(1);
  expect([heap.popLatest(), heap.popLatest(), heap.popLatest()]).toEqual([5, 3, 1]);
});
