import { describe, expect, it } from 'vitest';
import { BenefitLedger } from '../../../lib/migration/benefit-ledger.ts';
import type { Move } from '../../../lib/policy/policy.ts';
import { CoolingClock, foldHeat, neverAccessed } from '../../../lib/tracking/heat.ts';
import { ddr, ModelTarget, nvme } from './model-target.ts';

const tiers = new ModelTarget([ddr(1e6), nvme(1e9)]).tierStates();
const halfLife = 1000;
const move = (gainNs: number): Move => ({
  unit: 1,
  bytes: 4096,
  from: 1,
  to: 0,
  reason: 'hot',
  gainNs,
  costNs: 1,
});

/** Share after `moves` promotions of units with `accesses` accesses in the half-life that follows. */
function shareFor(accesses: number, predictedAccesses: number, moves: number): number {
  const ledger = new BenefitLedger(100);
  const clock = new CoolingClock();
  let stored = foldHeat(neverAccessed, 0, 5);
  const saved = tiers[1].readLatencyNs - tiers[0].readLatencyNs;
  for (let i = 0; i < moves; i++) {
    ledger.applied(
      move(predictedAccesses * saved),
      tiers,
      stored - clock.now,
      clock.accesses,
      halfLife,
    );
    for (let step = 0; step < 100; step++) {
      clock.advance(10, halfLife);
      stored = foldHeat(stored, clock.now, accesses / 100);
    }
    ledger.settle(clock.accesses, halfLife, () => stored - clock.now);
  }
  return ledger.realisedShare;
}

describe('the benefit ledger', () => {
  it('says 1 while nothing is known', () => {
    expect(new BenefitLedger(10).realisedShare).toBe(1);
  });

  it('finds that promises were kept', () => {
    expect(shareFor(20, 20, 100)).toBeCloseTo(1, 1);
  });

  it('finds that half was kept, that nothing was, and that more came than was promised', () => {
    expect(shareFor(10, 20, 400)).toBeGreaterThan(0.4);
    expect(shareFor(10, 20, 400)).toBeLessThan(0.6);
    expect(shareFor(0, 20, 400)).toBeLessThan(0.12);
    expect(shareFor(40, 20, 400)).toBeGreaterThan(1.8);
  });

  it('leaves units out that are gone', () => {
    const ledger = new BenefitLedger(10);
    ledger.applied(move(1e6), tiers, 0, 0, 100);
    ledger.settle(100, halfLife, () => -Infinity);
    expect(ledger.realisedShare).toBe(1);
  });

  it('stays within its bound however many moves there are', () => {
    const ledger = new BenefitLedger(2);
    for (let i = 0; i < 100; i++) ledger.applied(move(1e6), tiers, 0, 0, 100);
    let asked = 0;
    ledger.settle(100, halfLife, () => {
      asked++;
      return 0;
    });
    expect(asked).toBe(2);
  });
});
