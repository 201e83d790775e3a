import { expect, test } from 'vitest';
import { UnitQueues } from '../../../../lib/simulation/cache/unit-queues.ts';

const sizes = Float64Array.of(1, 2, 4, 8);

test('units leave in the order in which they came, each queue for itself', () => {
  const queues = new UnitQueues(sizes, 2);
  for (const unit of [2, 0, 3]) queues.push(0, unit);
  queues.push(1, 1);
  expect([...queues.units(0)]).toEqual([2, 0, 3]);
  expect([queues.oldest(0), queues.newest(0)]).toEqual([2, 3]);
  expect([queues.oldest(1), queues.newest(1)]).toEqual([1, 1]);
});

test('a unit that is put somewhere else is no longer where it was, and sizes follow it', () => {
  const queues = new UnitQueues(sizes, 2);
  for (const unit of [0, 1, 2]) queues.push(0, unit);
  queues.push(1, 1);
  queues.push(0, 0);
  expect([...queues.units(0)]).toEqual([2, 0]);
  expect([queues.has(0, 1), queues.has(1, 1)]).toEqual([false, true]);
  expect([queues.used(0), queues.used(1)]).toEqual([5, 2]);
});

test('who is in no queue can be taken out of it', () => {
  const queues = new UnitQueues(sizes, 1);
  queues.push(0, 3);
  queues.remove(3);
  queues.remove(3);
  expect([queues.oldest(0), queues.newest(0), queues.used(0)]).toEqual([-1, -1, 0]);
  expect(queues.has(0, 3)).toBe(false);
});
