import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StackDistances } from '../../../lib/advise/stack-distances.ts';

/** Units and bytes used since the last use of the last access's unit, itself included; undefined for a first use. */
function bruteForce(history: readonly number[], bytesOf: (unit: number) => number) {
  const unit = history[history.length - 1];
  const last = history.lastIndexOf(unit, history.length - 2);
  if (last < 0 || history.length < 2) return undefined;
  const between = new Set(history.slice(last, -1));
  return { units: between.size, bytes: [...between].reduce((sum, u) => sum + bytesOf(u), 0) };
}

const bytesOf = (unit: number): number => 1 + ((unit * 37) % 100);

describe('stack distances', () => {
  test('are what counting by hand gives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 80 }), (history) => {
        const distances = new StackDistances();
        for (const [i, unit] of history.entries()) {
          const known = distances.access(unit, bytesOf(unit));
          const expected = bruteForce(history.slice(0, i + 1), bytesOf);
          expect(known).toBe(expected !== undefined);
          if (expected !== undefined) {
            expect({ units: distances.units, bytes: distances.bytes }).toEqual(expected);
          }
        }
      }),
    );
  });

  test('stay right while the line is renumbered, with few units and with many', () => {
    for (const units of [3, 700, 3000]) {
      const distances = new StackDistances();
      const total = Array.from({ length: units }, (_, u) => bytesOf(u)).reduce((a, b) => a + b);
      for (let access = 0; access < units * 5 + 4000; access++) {
        const unit = access % units;
        if (!distances.access(unit, bytesOf(unit))) continue;
        // A loop: everything is used between two uses of one.
        expect(distances.units).toBe(units);
        expect(distances.bytes).toBe(total);
      }
    }
  });
});
