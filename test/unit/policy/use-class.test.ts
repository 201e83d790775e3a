import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ageBin,
  ageBins,
  ageEdge,
  ageLengths,
  classesOfCount,
  countBinOf,
  gapBin,
  nextUseClass,
  useClass,
  useClasses,
  useCounts,
} from '../../../lib/policy/use-class.ts';

const positive = fc.double({ min: 0, max: 2 ** 40, noNaN: true });
const gapBins = useClasses / useCounts;

describe('a bin of age', () => {
  it('holds what lies between its edges, and nothing younger than an access is older than bin 0', () => {
    fc.assert(
      fc.property(positive, (accesses) => {
        const bin = ageBin(accesses);
        if (bin > 0) expect(ageEdge(bin)).toBeLessThanOrEqual(accesses * (1 + 1e-12));
        if (bin < ageBins - 1) expect(ageEdge(bin + 1)).toBeGreaterThan(accesses * (1 - 1e-12));
      }),
    );
    expect([0, 0.5, 1].map(ageBin)).toEqual([0, 0, 0]);
    expect([2, 4, 1024].map(ageBin)).toEqual([2, 4, 20]);
  });

  it('is half an octave, to the access', () => {
    const byLogarithm = (accesses: number): number =>
      Math.min(ageBins - 1, Math.floor(2 * Math.log2(accesses)));
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2 ** 31 }), fc.constantFrom(1, 0.5), (count, unit) => {
        expect(ageBin(count * unit)).toBe(byLogarithm(count * unit));
      }),
    );
    for (let bin = 2; bin <= ageBins + 1; bin++) {
      for (const step of [-1, -0.5, 0, 0.5, 1]) {
        const accesses = Math.round(ageEdge(bin)) + step;
        expect(ageBin(accesses)).toBe(accesses > 1 ? byLogarithm(accesses) : 0);
      }
    }
  });

  it('is the last one for ever', () => {
    expect(ageBin(2 ** 60)).toBe(ageBins - 1);
    expect(ageBin(Infinity)).toBe(ageBins - 1);
  });

  it('is as long as its edges are apart, so that the bins leave no gap', () => {
    let edge = ageEdge(0);
    for (let bin = 0; bin < ageBins; bin++) {
      expect(edge).toBeCloseTo(ageEdge(bin), 3);
      edge += ageLengths[bin];
    }
    expect(edge / ageEdge(ageBins)).toBeCloseTo(1, 12);
  });
});

describe('a class of use', () => {
  it('is one of its own for each count and gap', () => {
    const classes = new Set<number>();
    for (let octave = 0; octave < 20; octave++) {
      for (let gap = 0; gap < gapBins; gap++) {
        const c = useClass(octave, gap);
        expect(c).toBeLessThan(useClasses);
        classes.add(c);
      }
    }
    expect(classes.size).toBe(useClasses);
  });

  it('tells one use from two, and rises with the count', () => {
    const count = (uses: number): number => countBinOf(useClass(Math.log2(uses), 0));
    expect([1, 1.4, 2, 2.4, 3, 4, 6, 12].map(count)).toEqual([0, 0, 1, 1, 2, 2, 3, 4]);
    expect(count(2 ** 50)).toBe(useCounts - 1);
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        expect(count(1 + Math.max(a, b))).toBeGreaterThanOrEqual(count(1 + Math.min(a, b)));
      }),
    );
  });

  it('takes a unit without any heat for one used once', () => {
    expect(useClass(-Infinity, 0)).toBe(useClass(0, 0));
    expect(useClass(Number.NaN, 0)).toBe(useClass(0, 0));
  });

  it('belongs to exactly one range of its count', () => {
    const seen: number[] = [];
    for (let bin = 0; bin < useCounts; bin++) {
      const { first, end } = classesOfCount(bin);
      for (let c = first; c < end; c++) {
        expect(countBinOf(c)).toBe(bin);
        seen.push(c);
      }
    }
    expect(seen).toEqual(Array.from({ length: useClasses }, (_, c) => c));
  });
});

describe('a bin of the gap', () => {
  it('is kept for the first use, which has none before it', () => {
    expect(gapBin(Infinity)).toBe(0);
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        const [short, long] = [gapBin(Math.min(a, b)), gapBin(Math.max(a, b))];
        expect(short).toBeGreaterThanOrEqual(1);
        expect(long).toBeGreaterThanOrEqual(short);
        expect(long).toBeLessThan(gapBins);
      }),
    );
  });

  it('spans sixteen times the one before', () => {
    expect([0, 255, 256, 4095, 4096, 65_536, 2 ** 20, 2 ** 24, 2 ** 40].map(gapBin)).toEqual([
      1, 1, 2, 2, 3, 4, 5, 6, 6,
    ]);
  });
});

describe('the class after the next use', () => {
  const classAfter = (uses: number, gap: number, accesses: number, halfLife = 10_000): number =>
    nextUseClass(useClass(Math.log2(uses), gap), ageBin(accesses), halfLife);

  it('counts one use more when little time has passed', () => {
    expect(countBinOf(classAfter(1, 0, 100))).toBe(countBinOf(useClass(1, 0)));
    expect(countBinOf(classAfter(2, 1, 100))).toBe(countBinOf(useClass(Math.log2(3), 0)));
  });

  it('forgets old uses', () => {
    expect(countBinOf(classAfter(1000, 1, 200_000))).toBe(0);
    expect(countBinOf(classAfter(20, 1, 200_000, Infinity))).toBe(
      countBinOf(classAfter(20, 1, 100)),
    );
  });

  it('knows the gap by when the use comes, not by the gap before', () => {
    for (const before of [0, 1, 4]) {
      const c = classAfter(3, before, 5000);
      expect(c % gapBins).toBe(gapBin(5000));
    }
  });
});
