import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TierState } from '../../../lib/policy/policy.ts';
import { firstRents, nextRents, type Rents } from '../../../lib/policy/rents.ts';
import { snapshotOf } from './snapshots.ts';

const unit = 0.01;

/** Tiers of 1000 bytes without head-room, filled by these shares; the last one is large. */
function filled(...shares: readonly number[]): TierState[] {
  const specs = [...shares.map(() => 1000), 1e9].map((capacityBytes, k) => ({
    capacityBytes,
    readLatencyNs: 100 * 4 ** k,
  }));
  return snapshotOf(specs, []).tiers.map((tier, k) => ({
    ...tier,
    headroomBytes: 0,
    usedBytes: (shares[k] ?? 0) * 1000,
  }));
}
const rents = (perByteNs: number[], kept: number[], left: number[]): Rents => ({
  perByteNs,
  kept,
  left,
});

/** Prices after `rounds` rounds in each of which the same victims were seen. */
function pricesAfter(rounds: number, tiers: TierState[], kept: number[], left: number[]): number[] {
  let state = firstRents(tiers.length);
  for (let i = 0; i < rounds; i++) {
    state = nextRents({ perByteNs: state.perByteNs, kept, left }, tiers, unit);
  }
  return [...state.perByteNs];
}

describe('rents', () => {
  it('begin at nothing, and at a fraction of the usual price once a tier is full', () => {
    expect(firstRents(3).perByteNs).toEqual([0, 0, 0]);
    const [first, second, last] = pricesAfter(1, filled(1, 0.5), [0, 0, 0], [0, 0, 0]);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(unit);
    expect([second, last]).toEqual([0, 0]);
  });

  it('rise while victims are worth keeping, and fall while they are not', () => {
    const tiers = filled(1);
    const dearer = nextRents(rents([unit, 0], [10, 0], [0, 0]), tiers, unit);
    const cheaper = nextRents(rents([unit, 0], [0, 0], [10, 0]), tiers, unit);
    expect(dearer.perByteNs[0]).toBeGreaterThan(unit);
    expect(cheaper.perByteNs[0]).toBeLessThan(unit);
    // A step up and a step down end where they began.
    expect(dearer.perByteNs[0] * cheaper.perByteNs[0]).toBeCloseTo(unit * unit, 12);
  });

  it('rest where as many victims are worth keeping as are not', () => {
    const tiers = filled(1);
    expect(nextRents(rents([unit, 0], [5, 0], [5, 0]), tiers, unit).perByteNs[0]).toBeCloseTo(unit);
  });

  it('follow the share of victims, not their number, and move by small steps', () => {
    const tiers = filled(1);
    const step = (kept: number, left: number): number =>
      nextRents(rents([unit, 0], [kept, 0], [left, 0]), tiers, unit).perByteNs[0] / unit;
    expect(step(3, 1)).toBeCloseTo(step(3000, 1000), 12);
    expect(step(3, 1)).toBeLessThan(step(4, 0));
    expect(step(1e6, 0)).toBeLessThan(2);
    expect(step(0, 1e6)).toBeGreaterThan(0.5);
  });

  it('forget a price when there is room again', () => {
    let state = rents([unit, 0], [0, 0], [0, 0]);
    for (let i = 0; i < 100; i++) state = nextRents(state, filled(0.5), unit);
    expect(state.perByteNs[0]).toBeLessThan(1e-9 * unit);
  });

  it('rise in a half-empty tier, too, when a large unit finds no room beside what is worth keeping', () => {
    const contested = rents([unit, 0], [10, 0], [0, 0]);
    expect(nextRents(contested, filled(0.5), unit).perByteNs[0]).toBeGreaterThan(unit);
  });

  it('begin where one more unit of the usual size has no room', () => {
    const { usedBytes, capacityBytes } = filled(0.5)[0];
    const none = rents([0, 0], [0, 0], [0, 0]);
    const priceFor = (bytes: number): number =>
      nextRents(none, filled(0.5), unit, bytes).perByteNs[0];
    expect(priceFor((capacityBytes - usedBytes) / 2)).toBe(0);
    expect(priceFor(capacityBytes - usedBytes + 1)).toBeGreaterThan(0);
  });

  it('recover from any fall: a price next to nothing starts again', () => {
    const fallen = pricesAfter(1000, filled(1), [0, 0], [10, 0]);
    expect(fallen[0]).toBeGreaterThan(0);
    let state = rents(fallen, [10, 0], [0, 0]);
    for (let i = 0; i < 300; i++) {
      state = { ...nextRents(state, filled(1), unit), kept: [10, 0], left: [0, 0] };
    }
    expect(state.perByteNs[0]).toBeGreaterThan(unit);
  });

  it('are never lower in a faster tier: its room does all that slower room does', () => {
    const [first, second, last] = pricesAfter(20, filled(1, 1), [0, 10, 0], [10, 0, 0]);
    expect(first).toBe(second);
    expect(first).toBeGreaterThan(unit * 0.1);
    expect(last).toBe(0);
  });

  it('count victims anew after each change', () => {
    const next = nextRents(rents([unit, 0], [7, 0], [3, 0]), filled(1), unit);
    expect([next.kept, next.left]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('are numbers from 0 up whatever was seen, also where no use saves anything', () => {
    const three = fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000));
    const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(1));
    fc.assert(
      fc.property(
        three,
        three,
        shares,
        fc.constantFrom(0, 1e-12, 1, 1e9),
        (kept, left, full, u) => {
          let state = firstRents(3);
          for (let i = 0; i < 20; i++) {
            state = { ...nextRents(state, filled(...full), u), kept, left };
            for (const price of state.perByteNs) {
              expect(price).toBeGreaterThanOrEqual(0);
              expect(price).toBeLessThan(Infinity);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
