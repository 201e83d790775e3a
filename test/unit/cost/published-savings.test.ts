import { describe, expect, it } from 'vitest';
import {
  cxlServerExample,
  cxlServerRatio,
  cxlServerSaving,
  movedSaving,
  movedShareFor,
  publishedSavings,
} from '../../../lib/cost/published-savings.ts';

const percent = (value: number): string => (100 * value).toFixed(2);

describe('the published figures', () => {
  it('are 67.29 % of the servers and a saving of 25.98 %', () => {
    expect(percent(cxlServerRatio(cxlServerExample))).toBe('67.29');
    expect(cxlServerRatio(cxlServerExample)).toBeCloseTo(144 / 214, 15);
    expect(percent(cxlServerSaving(cxlServerExample, 1.1))).toBe('25.98');
  });

  it('need fewer servers the faster CXL memory is, and save nothing when servers cost too much', () => {
    const at = (cxlThroughput: number): number =>
      cxlServerRatio({ ...cxlServerExample, cxlThroughput });
    expect(at(10)).toBeLessThan(at(8));
    expect(at(8)).toBeLessThan(at(2));
    expect(at(1)).toBeCloseTo(1, 12);
    expect(cxlServerSaving(cxlServerExample, 1.6)).toBeLessThan(0);
  });

  it("turn a moved share into a saving and back: TMTS' quarter at half the price, Pond's 7 %", () => {
    const [pond, tmts] = publishedSavings;
    expect(movedSaving(tmts.movedShare ?? 0, 0.5)).toBeCloseTo(0.125, 12);
    expect(movedShareFor(pond.saving ?? 0, 0.5)).toBeCloseTo(0.14, 12);
    for (const { maxSlowdown, source } of publishedSavings) {
      expect(maxSlowdown).toBe(1.05);
      expect(source).toMatch(/ASPLOS 2023/);
    }
  });

  it.each([
    () => cxlServerRatio({ ...cxlServerExample, dramThroughput: 1 }),
    () => cxlServerRatio({ ...cxlServerExample, cxlThroughput: 11 }),
    () => cxlServerRatio({ ...cxlServerExample, dramPerCxl: 0 }),
    () => cxlServerSaving(cxlServerExample, 0),
    () => movedSaving(1.1, 0.5),
    () => movedShareFor(0.1, 1),
  ])('refuse terms that make no sense (%#)', (calculate) => {
    expect(calculate).toThrow(RangeError);
  });
});
