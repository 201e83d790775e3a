import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CoolingClock,
  densityLog2,
  foldHeat,
  heatOf,
  neverAccessed,
  rebaseAfterHalfLives,
  shiftHeat,
} from '../../../lib/tracking/heat.ts';

/** Steps of one unit's life: accesses to it, then accesses elsewhere. */
const life = fc.array(fc.record({ own: fc.nat(20), others: fc.nat(500) }), {
  minLength: 1,
  maxLength: 60,
});

describe('heat', () => {
  it('equals a naive sum of halving accesses', () => {
    fc.assert(
      fc.property(life, fc.integer({ min: 10, max: 2000 }), (steps, halfLife) => {
        const clock = new CoolingClock();
        let stored = neverAccessed;
        let naive = 0;
        for (const { own, others } of steps) {
          clock.advance(own + others, halfLife);
          naive = naive * 2 ** (-(own + others) / halfLife) + own;
          stored = foldHeat(stored, clock.now, own);
        }
        expect(heatOf(stored, clock.now)).toBeCloseTo(naive, 1);
        if (naive > 0.01) expect(heatOf(stored, clock.now) / naive).toBeCloseTo(1, 2);
      }),
    );
  });

  it('halves after one half-life without being written', () => {
    const clock = new CoolingClock();
    const stored = foldHeat(neverAccessed, clock.now, 8);
    clock.advance(1000, 1000);
    expect(heatOf(stored, clock.now)).toBeCloseTo(4, 5);
  });

  it('never cools when the half-life is infinite', () => {
    const clock = new CoolingClock();
    const stored = foldHeat(neverAccessed, clock.now, 3);
    clock.advance(1e9, Infinity);
    expect(clock.now).toBe(0);
    expect(clock.accesses).toBe(1e9);
    expect(heatOf(stored, clock.now)).toBeCloseTo(3, 5);
  });

  it('keeps heat over a change of the origin', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(200), (own, age) => {
        const clock = new CoolingClock();
        clock.advance(rebaseAfterHalfLives + 50, 1);
        const column = new Float32Array([foldHeat(neverAccessed, clock.now, own), neverAccessed]);
        clock.advance(age, 100);
        const before = heatOf(column[0], clock.now);
        expect(clock.needsRebase).toBe(true);
        shiftHeat(column, clock.rebase());
        expect(clock.needsRebase).toBe(false);
        expect(heatOf(column[0], clock.now)).toBeCloseTo(before, 3);
        expect(column[1]).toBe(neverAccessed);
      }),
    );
  });

  it('still counts one access to a warm unit just before the origin moves', () => {
    const now = rebaseAfterHalfLives - 1;
    const stored = foldHeat(neverAccessed, now, 1000);
    expect(heatOf(foldHeat(stored, now, 1), now)).toBeGreaterThan(heatOf(stored, now));
  });

  it('stays as it is when nothing was accessed', () => {
    expect(foldHeat(neverAccessed, 5, 0)).toBe(neverAccessed);
    expect(foldHeat(3.5, 5, 0)).toBe(3.5);
  });

  it('survives a unit far hotter than one access', () => {
    expect(foldHeat(100, 0, 1)).toBe(100);
  });

  it('gives a small object the density of a chunk used as often for its size', () => {
    expect(densityLog2(0, 2 * 1024 * 1024)).toBe(0);
    expect(densityLog2(0, 4096)).toBe(9);
  });
});
