import { describe, expect, it } from 'vitest';
import { readReuse, reuseHorizons } from '../../../lib/policy/reuse.ts';
import { CoolingClock, foldHeat, neverAccessed } from '../../../lib/tracking/heat.ts';
import { ReuseEstimator } from '../../../lib/tracking/reuse-estimator.ts';

const halfLife = 4096;
const interval = 64;

/** Runs rounds in which `pick` says which units are used; every unit is in the slow tier. */
function learn(
  rounds: number,
  unitCount: number,
  pick: (round: number) => number[],
  weight = 1,
): ReuseEstimator {
  const estimator = new ReuseEstimator(512);
  const clock = new CoolingClock();
  const heat = new Float32Array(unitCount).fill(neverAccessed);
  for (let round = 0; round < rounds; round++) {
    const reads = new Uint32Array(unitCount);
    for (const unit of pick(round)) reads[unit] += weight;
    clock.advance(interval * weight, halfLife * weight);
    for (let unit = 0; unit < unitCount; unit++)
      heat[unit] = foldHeat(heat[unit], clock.now, reads[unit]);
    estimator.observe({
      units: {
        length: unitCount,
        id: Float64Array.from({ length: unitCount }, (_, i) => i),
        bytes: new Float64Array(unitCount).fill(4096),
        tier: new Uint8Array(unitCount).fill(1),
        heatLog2: heat.map((stored) => stored - clock.now),
        reads,
        writes: new Uint32Array(unitCount),
      },
      accessClock: clock.accesses,
      accessesSincePlan: interval * weight,
      halfLifeAccesses: halfLife * weight,
    });
  }
  return estimator;
}

function expected(estimator: ReuseEstimator, heatLog2: number, accesses: number): number[] {
  const out = new Float64Array(reuseHorizons.length);
  readReuse(estimator.table(), heatLog2, accesses, out, 0);
  return Array.from(out);
}

describe('the reuse estimator', () => {
  it('believes before it has seen anything that use goes on as heat says', () => {
    const estimator = new ReuseEstimator(16);
    const [, , , steady] = expected(estimator, 3, 0);
    expect(steady).toBeGreaterThan(0.8 * 8 * Math.LN2);
    expect(steady).toBeLessThan(1.2 * 8 * Math.LN2);
    const [shortest, , , longest] = expected(estimator, 3, 0);
    expect(shortest).toBeCloseTo(longest / 64, 5);
  });

  it('learns that a first use is the only one', () => {
    let next = 0;
    const estimator = learn(400, 30_000, () =>
      Array.from({ length: interval }, () => next++ % 30_000),
    );
    expect(expected(estimator, 0, 1)[3]).toBeLessThan(0.1);
  });

  it('learns that a first use announces a burst', () => {
    let next = 0;
    // Each unit is used in eight rounds running and never again.
    const estimator = learn(400, 5000, (round) => {
      if (round % 8 === 0) next += 8;
      return Array.from({ length: 8 }, (_, i) => (next + i) % 5000);
    });
    const [, soon, , later] = expected(estimator, 0, 1);
    expect(soon).toBeGreaterThan(2);
    // Seven more uses are all there is, four of them within the shorter horizon; steady use would give 16 times.
    expect(later).toBeLessThan(2 * soon);
  });

  it('learns the same of a sampled stream that counts each use as twelve', () => {
    let next = 0;
    const estimator = learn(
      400,
      30_000,
      () => Array.from({ length: interval }, () => next++ % 30_000),
      12,
    );
    expect(estimator.table().step).toBeGreaterThan(6);
    expect(expected(estimator, Math.log2(12), 12)[3]).toBeLessThan(2);
  });

  it('follows no more units than it may', () => {
    const estimator = learn(300, 2000, (round) =>
      Array.from({ length: interval }, (_, i) => (round * interval + i) % 2000),
    );
    expect(estimator.watched).toBeLessThanOrEqual(512);
    expect(estimator.watched).toBeGreaterThan(0);
  });

  it('says more for hotter units and for longer horizons', () => {
    const estimator = learn(300, 200, (round) =>
      Array.from({ length: 64 }, (_, i) => (i * i + round) % 200),
    );
    let last = -1;
    for (let heat = -4; heat < 12; heat++) {
      const row = expected(estimator, heat, 0);
      for (let h = 1; h < row.length; h++) expect(row[h]).toBeGreaterThanOrEqual(row[h - 1]);
      if (heat > 8) expect(row[3]).toBeGreaterThan(last);
      last = row[3];
    }
  });
});
