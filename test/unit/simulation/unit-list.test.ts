import { expect, test } from 'vitest';
import { UnitList } from '../../../lib/simulation/unit-list.ts';

test('a list grows, and the last entry takes the place of one that is removed', () => {
  const list = new UnitList();
  for (let unit = 0; unit < 3000; unit++) expect(list.push(unit * 2)).toBe(unit);
  expect(list.removeAt(10)).toBe(5998);
  expect(list.units[10]).toBe(5998);
  expect(list.length).toBe(2999);
  expect(list.removeAt(2998)).toBe(-1);
  expect([...list.units.subarray(0, list.length)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 3000 }, (_, i) => i * 2).filter((unit) => unit !== 20 && unit !== 5996),
  );
});
