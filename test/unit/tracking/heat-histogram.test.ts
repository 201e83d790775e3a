import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { densityLog2, foldHeat, neverAccessed } from '../../../lib/tracking/heat.ts';
import { HeatHistograms, histogramBins } from '../../../lib/tracking/heat-histogram.ts';

interface Unit {
  readonly bytes: number;
  tier: number;
  heat: number;
}

/** What a histogram would be if it were counted from all units now. */
function counted(units: readonly Unit[], tier: number, minLog2: number, now: number): number[] {
  const bins = new Array<number>(histogramBins).fill(0);
  for (const unit of units) {
    if (unit.tier !== tier) continue;
    const bin = Math.floor(densityLog2(unit.heat, unit.bytes)) - Math.round(minLog2 + now);
    bins[Math.max(0, Math.min(histogramBins - 1, Number.isNaN(bin) ? 0 : bin))] += unit.bytes;
  }
  return bins;
}

const sizes = [64, 1000, 4096, 65_536, 2 * 1024 * 1024];
const action = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), size: fc.nat(4), tier: fc.nat(2) }),
  fc.record({
    kind: fc.constant('touch' as const),
    unit: fc.nat(50),
    times: fc.integer({ min: 1, max: 1000 }),
  }),
  fc.record({ kind: fc.constant('move' as const), unit: fc.nat(50), tier: fc.nat(2) }),
  fc.record({ kind: fc.constant('remove' as const), unit: fc.nat(50) }),
  fc.record({
    kind: fc.constant('pass' as const),
    halfLives: fc.double({ min: 0, max: 30, noNaN: true }),
  }),
  fc.record({ kind: fc.constant('shift' as const) }),
);

describe('heat histograms', () => {
  it('equal a count over all units after any history', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const histograms = new HeatHistograms(3);
        const units: Unit[] = [];
        let now = 0;
        for (const step of actions) {
          if (step.kind === 'add') {
            const unit = { bytes: sizes[step.size], tier: step.tier, heat: neverAccessed };
            units.push(unit);
            histograms.add(unit.tier, unit.bytes, unit.heat);
          } else if (step.kind === 'pass') now += step.halfLives;
          else if (step.kind === 'shift') {
            const by = Math.floor(now);
            now -= by;
            histograms.shift(by);
            for (const unit of units) unit.heat = Math.fround(unit.heat - by);
          } else if (units.length > 0) {
            const unit = units[step.unit % units.length];
            if (step.kind === 'touch') {
              const after = foldHeat(unit.heat, now, step.times);
              histograms.touch(unit.tier, unit.bytes, unit.heat, after);
              unit.heat = after;
            } else if (step.kind === 'move') {
              histograms.move(unit.tier, step.tier, unit.bytes, unit.heat);
              unit.tier = step.tier;
            } else {
              histograms.remove(unit.tier, unit.bytes, unit.heat);
              units.splice(units.indexOf(unit), 1);
            }
          }
        }
        histograms.view(now).forEach((view, tier) => {
          expect(Array.from(view.bins)).toEqual(counted(units, tier, view.minLog2, now));
        });
      }),
      { numRuns: 300 },
    );
  });

  it('cools without being touched: only the lower edge moves', () => {
    const histograms = new HeatHistograms(1);
    histograms.add(0, 4096, foldHeat(neverAccessed, 0, 4));
    const [young] = histograms.view(0);
    const [old] = histograms.view(3);
    expect(Array.from(old.bins)).toEqual(Array.from(young.bins));
    expect(old.minLog2).toBe(young.minLog2 - 3);
  });

  it('refuse to shift by a part of a bin', () => {
    expect(() => new HeatHistograms(1).shift(0.5)).toThrow(RangeError);
  });

  it('writes a view over one it gave before', () => {
    const histograms = new HeatHistograms(2);
    const views = histograms.view(0);
    for (let unit = 0; unit < 100; unit++) histograms.add(unit % 2, 64 + unit, unit / 3 - 20);
    histograms.viewInto(views, 7);
    expect(views).toEqual(histograms.view(7));
    expect(views[0].bins.reduce((sum, bytes) => sum + bytes)).toBeGreaterThan(0);
  });
});
