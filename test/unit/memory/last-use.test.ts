import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapBefore, idleAccesses, packLastUse } from '../../../lib/memory/last-use.ts';

/** Accesses told apart, and after how many the clock in the word begins anew. */
const tick = 16;
const turn = tick * (2 ** 28 - 1);

const anyClock = fc.integer({ min: 0, max: 2 ** 48 });
const anyGap = fc.nat(15);

describe('the word of a last use', () => {
  it('is an unsigned 32-bit number that is 0 for no use', () => {
    fc.assert(
      fc.property(anyClock, anyGap, (clock, gap) => {
        const word = packLastUse(clock, gap);
        expect(word).toBeGreaterThan(0);
        expect(new Uint32Array([word])[0]).toBe(word);
      }),
    );
  });

  it('tells the gap, whatever the clock says', () => {
    fc.assert(
      fc.property(anyClock, anyGap, (clock, gap) => {
        expect(gapBefore(packLastUse(clock, gap))).toBe(gap);
      }),
    );
  });

  it('tells the time since, to a tick, across the wrap of its clock', () => {
    const anyIdle = fc.integer({ min: 0, max: turn - 2 * tick });
    fc.assert(
      fc.property(anyClock, anyIdle, anyGap, (clock, idle, gap) => {
        const told = idleAccesses(packLastUse(clock, gap), clock + idle);
        expect(Math.abs(told - idle)).toBeLessThan(tick);
      }),
    );
    const beforeWrap = turn - tick;
    expect(idleAccesses(packLastUse(beforeWrap, 3), beforeWrap)).toBe(0);
    expect(idleAccesses(packLastUse(beforeWrap, 3), beforeWrap + tick)).toBe(tick);
    expect(idleAccesses(packLastUse(beforeWrap, 3), beforeWrap + 1000 * tick)).toBe(1000 * tick);
  });

  it('takes a unit that was not used for a whole turn for one just used', () => {
    expect(idleAccesses(packLastUse(4096, 1), 4096 + turn)).toBe(0);
    expect(idleAccesses(packLastUse(4096, 1), 4096 + turn + 160)).toBe(160);
  });

  it('of a unit that nobody has used says that it was never used', () => {
    expect(idleAccesses(0, 0)).toBe(Infinity);
    expect(idleAccesses(0, 1e12)).toBe(Infinity);
    expect(gapBefore(0)).toBe(0);
    // A use at the very start is a use.
    expect(idleAccesses(packLastUse(0, 0), 0)).toBe(0);
  });
});
