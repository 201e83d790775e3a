import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WriteBudget } from '../../../lib/migration/write-budget.ts';
import type { TierState } from '../../../lib/policy/policy.ts';
import { ddr, ModelTarget, nvme } from './model-target.ts';

const MB = 1e6;
const dayNs = 86_400e9;
const hourNs = 3600e9;
/** An hour's worth is 100 MB. */
const perDay = 2400 * MB;

function tiersWith(writeBytesPerDay: number | undefined): TierState[] {
  const [fast, slow] = new ModelTarget([ddr(1e9), nvme(1e12)]).tierStates();
  return [fast, { ...slow, name: 'L4_NVME', writeBytesPerDay }];
}

describe('the write budget', () => {
  it('limits nothing where no tier has a rating', () => {
    for (const rating of [undefined, Infinity]) {
      const budget = new WriteBudget(tiersWith(rating), 0);
      budget.moved(1, 1e15);
      budget.written([1e15, 1e15]);
      expect(budget.left(0)).toBeUndefined();
      expect(budget.stats(0)).toEqual([]);
    }
  });

  it("begins with an hour's worth and earns the rest as time passes, but never more than that hour", () => {
    const budget = new WriteBudget(tiersWith(perDay), 0);
    expect(budget.left(0)).toEqual([Infinity, 100 * MB]);
    budget.moved(1, 100 * MB);
    expect(budget.left(0)).toEqual([Infinity, 0]);
    expect(budget.left(hourNs / 2)?.[1]).toBeCloseTo(50 * MB);
    expect(budget.left(9 * hourNs)?.[1]).toBe(100 * MB);
  });

  it('has room for a few chunks whatever the rating', () => {
    expect(new WriteBudget(tiersWith(1), 0).left(0)).toEqual([Infinity, 8 * 2 ** 20]);
  });

  it('takes what the program writes from the same bucket, which may be overdrawn', () => {
    const budget = new WriteBudget(tiersWith(perDay), 0);
    budget.written([7, 130 * MB]);
    budget.written([7, 150 * MB]);
    budget.moved(1, 10 * MB);
    expect(budget.left(0)).toEqual([Infinity, 0]);
    expect(budget.stats(0)).toEqual([
      {
        tier: 'L4_NVME',
        ratedBytesPerDay: perDay,
        movedBytes: 10 * MB,
        writtenBytes: 150 * MB,
        leftBytes: -60 * MB,
      },
    ]);
    expect(budget.left(hourNs)?.[1]).toBeCloseTo(40 * MB);
  });

  it("forgives what was overdrawn by more than a day's worth", () => {
    const budget = new WriteBudget(tiersWith(perDay), 0);
    budget.written([0, 1e15]);
    expect(budget.left(dayNs)).toEqual([Infinity, 0]);
    expect(budget.left(dayNs + hourNs)?.[1]).toBeCloseTo(100 * MB);
  });

  it('never lets moves write more than the hour and what time earns', () => {
    const step = fc.record({ waitNs: fc.nat(2 * hourNs), wanted: fc.nat(200 * MB) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const budget = new WriteBudget(tiersWith(perDay), 0);
        let now = 0;
        let written = 0;
        for (const { waitNs, wanted } of steps) {
          now += waitNs;
          const bytes = Math.min(wanted, (budget.left(now) as number[])[1]);
          budget.moved(1, bytes);
          written += bytes;
          expect(written).toBeLessThanOrEqual(100 * MB + (perDay * now) / dayNs + 1);
        }
      }),
    );
  });

  it('ignores a clock that goes back', () => {
    const budget = new WriteBudget(tiersWith(perDay), hourNs);
    budget.moved(1, 100 * MB);
    expect(budget.left(0)?.[1]).toBe(0);
    expect(budget.left(hourNs * 1.5)?.[1]).toBeCloseTo(50 * MB);
  });
});
