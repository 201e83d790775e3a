import { describe, expect, it } from 'vitest';
import { defaultPrices, mixSaving, targetMixes } from '../../../lib/cost/savings.ts';

describe('a mix of 5 % HBM, 20 % DDR and 75 % below', () => {
  it('is added up line by line', () => {
    const { lines, costPerGiBMonth, baselinePerGiBMonth, saving } = mixSaving(targetMixes.cxl);
    expect(lines).toEqual([
      { tier: 'L0_HBM', share: 0.05, costPerGiBMonth: 10, cost: 0.5 },
      { tier: 'L1_DDR', share: 0.2, costPerGiBMonth: 1, cost: 0.2 },
      { tier: 'L2_CXL', share: 0.75, costPerGiBMonth: 0.5, cost: 0.375 },
    ]);
    expect(costPerGiBMonth).toBeCloseTo(1.075, 12);
    expect(baselinePerGiBMonth).toBe(10);
    expect(saving).toBeCloseTo(0.8925, 12);
  });

  it('saves about nine tenths of all-HBM, whatever the cold data is on', () => {
    expect(mixSaving(targetMixes.pmem).saving).toBeCloseTo(0.915, 12);
    expect(mixSaving(targetMixes.nvme).saving).toBeCloseTo(0.9225, 12);
    expect(mixSaving(targetMixes.thirds).saving).toBeCloseTo(0.91, 12);
  });

  it('costs more than DDR alone when the cold data is on CXL: the saving is one on HBM', () => {
    expect(mixSaving(targetMixes.cxl, defaultPrices(), 'L1_DDR').saving).toBeCloseTo(-0.075, 12);
    expect(mixSaving(targetMixes.nvme, defaultPrices(), 'L1_DDR').saving).toBeCloseTo(0.225, 12);
  });

  it('takes the prices of whoever asks', () => {
    const prices = { ...defaultPrices(), L0_HBM: 20 };
    expect(mixSaving(targetMixes.cxl, prices).saving).toBeCloseTo(1 - 1.575 / 20, 12);
  });

  it.each([
    [{ L0_HBM: 0.5 }, /add up to 1/],
    [{ L0_HBM: 1.5, L1_DDR: -0.5 }, /mix.L0_HBM/],
    [{ L1_DDR: NaN }, /mix.L1_DDR/],
  ])('refuses %j', (mix, message) => {
    expect(() => mixSaving(mix)).toThrow(message);
  });

  it('refuses a baseline that costs nothing', () => {
    const free = { ...defaultPrices(), L0_HBM: 0 };
    expect(() => mixSaving(targetMixes.cxl, free)).toThrow(/prices.L0_HBM/);
  });
});
