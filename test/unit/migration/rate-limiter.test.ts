import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRate, RateLimiter } from '../../../lib/migration/rate-limiter.ts';
import { cxl, ddr, ModelTarget, nvme } from './model-target.ts';

const MB = 1e6;

describe('the rate limiter', () => {
  it('takes 200 MB/s, or a tenth of what the slowest tier can write if that is less', () => {
    expect(defaultRate(new ModelTarget([ddr(1), cxl(1)]).tierStates())).toBe(200 * MB);
    const slow = { ...nvme(1), bytesPerSecond: 500 * MB };
    expect(defaultRate(new ModelTarget([ddr(1), slow]).tierStates())).toBe(50 * MB);
    expect(defaultRate([])).toBe(200 * MB);
  });

  it('never lets more through than the burst and the rate times the time', () => {
    const step = fc.record({ waitNs: fc.nat(1e9), wanted: fc.nat(50 * MB) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const limiter = new RateLimiter(10 * MB, 0);
        let now = 0;
        let spent = 0;
        for (const { waitNs, wanted } of steps) {
          now += waitNs;
          const bytes = Math.min(wanted, limiter.available(now));
          limiter.spend(bytes);
          spent += bytes;
          expect(spent).toBeLessThanOrEqual(10 * MB + (10 * MB * now) / 1e9 + 1);
        }
      }),
    );
  });

  it('ignores a clock that goes back', () => {
    const limiter = new RateLimiter(100 * MB, 5e9);
    limiter.spend(100 * MB);
    expect(limiter.available(4e9)).toBe(0);
    expect(limiter.available(5.1e9)).toBeCloseTo(10 * MB);
  });

  it('has no limit when the rate is infinite', () => {
    const limiter = new RateLimiter(Infinity, 0);
    limiter.spend(1e15);
    expect(limiter.available(0)).toBe(Infinity);
  });
});
