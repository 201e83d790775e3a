import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../../lib/simulation/key-table.ts';

test('keys are numbered by first appearance, like in a Map', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.maxSafeNat())), (keys) => {
      const table = new KeyTable();
      const model = new Map<number, number>();
      for (const key of keys) {
        if (!model.has(key)) model.set(key, model.size);
        expect(table.add(key)).toBe(model.get(key));
      }
      expect(table.size).toBe(model.size);
      for (const [key, index] of model) {
        expect(table.indexOf(key)).toBe(index);
        expect(table.keyAt(index)).toBe(key);
      }
      expect(table.indexOf(2 ** 53 - 1)).toBe(model.get(2 ** 53 - 1) ?? -1);
    }),
  );
});

test('it grows, also with keys that differ only in their high bits', () => {
  const table = new KeyTable();
  for (let i = 0; i < 20_000; i++) expect(table.add(i * 2 ** 33)).toBe(i);
  for (let i = 0; i < 20_000; i++) expect(table.indexOf(i * 2 ** 33)).toBe(i);
  expect(table.indexOf(2 ** 32)).toBe(-1);
});
