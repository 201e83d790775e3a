import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReuseTable, reuseShares } from '../../../lib/policy/reuse.ts';
import {
  ageBins,
  ageLengths,
  classesOfCount,
  unseenClass,
  useClass,
  useClasses,
} from '../../../lib/policy/use-class.ts';
import { reuseOf } from './snapshots.ts';

const nothing = (): ReuseTable => ({
  uses: new Float64Array(useClasses * ageBins),
  atRisk: new Float64Array(useClasses * ageBins),
  lowestBin: 0,
  step: 1,
  writeShare: 0,
});
const shareOf = (table: ReuseTable | undefined, c: number, bin: number): number =>
  reuseShares(table)[c * ageBins + bin];

/** Adds what was seen of one class in one bin: units that went through it, of which `used` were used. */
function see(table: ReuseTable, c: number, bin: number, units: number, used: number): void {
  table.atRisk[c * ageBins + bin] += units * ageLengths[bin];
  table.uses[c * ageBins + bin] += used;
}

describe('shares of units that are used again', () => {
  it('are what was seen, where much was seen', () => {
    const rate = (c: number, bin: number): number => 1 / (100 * (1 + (c % 7)) * (1 + bin));
    const shares = reuseShares(reuseOf(rate));
    for (let c = 0; c < useClasses; c++) {
      for (let bin = 0; bin < ageBins; bin++) {
        const truth = 1 - Math.exp(-rate(c, bin) * ageLengths[bin]);
        expect(Math.abs(shares[c * ageBins + bin] - truth)).toBeLessThan(1e-4);
      }
    }
  });

  it('are the same for all units while nothing is known: age alone says little', () => {
    const ofUsed = (shares: Float64Array) => shares.subarray(0, useClasses * ageBins);
    const shares = ofUsed(reuseShares(undefined));
    expect(new Set(shares).size).toBe(1);
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares[0]).toBeLessThan(0.5);
    const empty = ofUsed(reuseShares(nothing()));
    expect(new Set(Array.from(empty, (share) => share.toFixed(9))).size).toBe(1);
    expect(Math.abs(empty[0] - shares[0])).toBeLessThan(0.05);
  });

  it('of units that nobody was seen using are those of first uses, at any age alike', () => {
    const rate = 1 / 5000;
    const shares = reuseShares({ ...nothing(), firstUses: 1e5, unseenAtRisk: 1e5 / rate });
    for (let bin = 0; bin < ageBins; bin++) {
      const share = shares[unseenClass * ageBins + bin];
      expect(share).toBeCloseTo(1 - Math.exp(-rate * ageLengths[bin]), 9);
    }
  });

  it('of a class that was seldom seen are those of units with as many uses', () => {
    const table = nothing();
    const [often, seldom] = [1, 2].map((gap) => useClass(3, gap));
    see(table, often, 20, 1e6, 0.9e6);
    const other = useClass(0, 1);
    see(table, other, 20, 1e6, 0.01e6);
    expect(shareOf(table, often, 20)).toBeCloseTo(1 - Math.exp(-0.9), 3);
    expect(shareOf(table, seldom, 20)).toBeCloseTo(shareOf(table, often, 20), 3);
    expect(shareOf(table, other, 20)).toBeCloseTo(1 - Math.exp(-0.01), 3);
    // Of counts nobody has had, what holds for all units.
    const unseen = shareOf(table, useClass(8, 1), 20);
    expect(unseen).toBeGreaterThan(shareOf(table, other, 20));
    expect(unseen).toBeLessThan(shareOf(table, often, 20));
  });

  it('leave what was believed step by step as evidence comes', () => {
    let last = shareOf(nothing(), 0, 30);
    for (const units of [1, 10, 100, 1000]) {
      const table = nothing();
      see(table, 0, 30, units, 0);
      const share = shareOf(table, 0, 30);
      expect(share).toBeLessThan(last);
      last = share;
    }
    expect(last).toBeLessThan(0.001);
  });

  it('go on beyond the ages seen at the rate of the oldest', () => {
    for (const rate of [1e-3, 1e-6]) {
      const table = nothing();
      for (let bin = 0; bin < 20; bin++) see(table, 0, bin, 1e6, 1e6 * rate * ageLengths[bin]);
      for (const bin of [20, 22, 24]) {
        const truth = 1 - Math.exp(-rate * ageLengths[bin]);
        expect(shareOf(table, 0, bin) / truth).toBeGreaterThan(0.98);
        expect(shareOf(table, 0, bin) / truth).toBeLessThan(1.02);
      }
    }
  });

  it('of ages that pass between two plans have the rate of the youngest age told apart', () => {
    const table: ReuseTable = { ...nothing(), lowestBin: 16 };
    see(table, 5, 16, 1e7, 0.3e7);
    const rate = 0.3 / ageLengths[16];
    const shares = reuseShares(table);
    for (const bin of [0, 5, 16]) {
      expect(shares[5 * ageBins + bin]).toBeCloseTo(1 - Math.exp(-rate * ageLengths[bin]), 4);
    }
  });

  it('are probabilities, whatever a table holds', () => {
    const cell = fc.record({
      c: fc.nat(useClasses - 1),
      bin: fc.nat(ageBins - 1),
      units: fc.double({ min: 0, max: 1e12, noNaN: true }),
      used: fc.double({ min: 0, max: 1e12, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 30 }), fc.nat(ageBins - 1), (cells, lowestBin) => {
        const table: ReuseTable = { ...nothing(), lowestBin };
        for (const { c, bin, units, used } of cells) see(table, c, bin, units, used);
        for (const share of reuseShares(table)) {
          expect(share >= 0 && share <= 1).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('pool no class with more or fewer uses before its own', () => {
    const { first, end } = classesOfCount(4);
    const table = reuseOf((c) => (c >= first && c < end ? 0.01 : 0));
    for (let c = 0; c < useClasses; c++) {
      const share = shareOf(table, c, 20);
      if (c >= first && c < end) expect(share).toBeGreaterThan(0.9);
      else expect(share).toBeLessThan(0.001);
    }
  });
});
