import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { paretoFront, priceOfNs, thinned } from '../../../lib/advise/pareto.ts';

const points = fc.array(fc.record({ bill: fc.nat(30), ns: fc.nat(30) }), { minLength: 1 });

describe('a Pareto front', () => {
  test('holds exactly the points that no other is better than', () => {
    fc.assert(
      fc.property(points, (all) => {
        const front = paretoFront(all);
        const beaten = (p: (typeof all)[0]) =>
          all.some((q) => q.bill <= p.bill && q.ns <= p.ns && (q.bill < p.bill || q.ns < p.ns));
        const expected = new Set(all.filter((p) => !beaten(p)).map((p) => `${p.ns}/${p.bill}`));
        expect(front.map((p) => `${p.ns}/${p.bill}`)).toEqual(
          [...expected].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
        );
      }),
    );
  });

  test('thinned keeps its ends and the point asked for', () => {
    const front = Array.from({ length: 1000 }, (_, i) => ({ ns: i, bill: 1000 - i }));
    const few = thinned(front, 50, front[333]);
    expect(few.length).toBeLessThan(60);
    expect(few).toEqual(expect.arrayContaining([front[0], front[333], front[999]]));
  });
});

describe('the price of a nanosecond', () => {
  const front = [
    { ns: 100, bill: 100 },
    { ns: 110, bill: 60 },
    { ns: 111, bill: 59.9 },
    { ns: 130, bill: 20 },
  ];

  test('is the slope of the hull towards faster, whatever single steps look like', () => {
    expect(priceOfNs(front, front[1])).toBe(4);
    expect(priceOfNs(front, front[2])).toBe(2);
    expect(priceOfNs(front, front[3])).toBe(2);
  });

  test('at the fast end is that towards slower, and without an alternative 0', () => {
    expect(priceOfNs(front, front[0])).toBe(4);
    expect(priceOfNs([front[0]], front[0])).toBe(0);
  });
});
