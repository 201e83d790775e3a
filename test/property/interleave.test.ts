import fc from 'fast-check';
import { expect, it } from 'vitest';
import { interleaveOrder, interleaveShares } from '../../lib/numa/interleave.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const weight = fc.oneof(
  fc.integer({ min: 1, max: 255 }),
  fc.double({ min: 1e-3, max: 1e12, noNaN: true }),
);
const weights = fc.array(weight, { minLength: 1, maxLength: 8 });
const total = fc.integer({ min: 0, max: 100_000 });

it('shares are whole, add up, and are less than one part off', () => {
  fc.assert(
    fc.property(total, weights, (parts, by) => {
      const shares = interleaveShares(parts, by)!;
      expect(sum(shares)).toBe(parts);
      shares.forEach((share, i) => {
        expect(Number.isInteger(share)).toBe(true);
        expect(Math.abs(share - (parts * by[i]!) / sum(by))).toBeLessThan(1 + 1e-6);
      });
    }),
  );
});

it('shares by whole weights are exact when these divide the whole', () => {
  const small = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(small, fc.integer({ min: 1, max: 500 }), (by, turns) => {
      const exact = by.map((one) => one * turns);
      expect(interleaveShares(sum(by) * turns, by)).toEqual(exact);
    }),
  );
});

it('shares keep to the room there is, and are there exactly when it suffices', () => {
  const sided = weights.chain((by) =>
    fc.tuple(
      fc.constant(by),
      fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: by.length, maxLength: by.length }),
      fc.integer({ min: 0, max: 5000 }),
    ),
  );
  fc.assert(
    fc.property(sided, ([by, rooms, parts]) => {
      const shares = interleaveShares(parts, by, rooms);
      expect(shares !== undefined).toBe(sum(rooms) >= parts);
      if (shares === undefined) return;
      expect(sum(shares)).toBe(parts);
      shares.forEach((share, i) => {
        expect(share).toBeLessThanOrEqual(rooms[i]!);
      });
    }),
  );
});

it('an order has every share exactly, and no stretch from its beginning is far from them', () => {
  const few = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(few, fc.integer({ min: 1, max: 16 }), (shares, run) => {
      const order = interleaveOrder(shares, run);
      const given = shares.map(() => 0);
      let worst = 0;
      order.forEach((part, at) => {
        given[part]!++;
        const ideal = (shares[part]! * (at + 1)) / order.length;
        worst = Math.max(worst, Math.abs(given[part]! - ideal));
      });
      expect(worst).toBeLessThanOrEqual(run * shares.length);
      expect(given).toEqual(shares);
    }),
  );
});
