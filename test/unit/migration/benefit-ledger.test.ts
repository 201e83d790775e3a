import { describe, expect, it } from 'vitest';
import { BenefitLedger } from '../../../lib/migration/benefit-ledger.ts';
import { accessNs } from '../../../lib/policy/cost-model.ts';
import type { Move, Snapshot } from '../../../lib/policy/policy.ts';
import { CoolingClock, foldHeat, neverAccessed } from '../../../lib/tracking/heat.ts';
import { snapshotOf } from '../policy/snapshots.ts';

const halfLife = 1000;
const snapshot = snapshotOf(
  [
    { capacityBytes: 1e6, readLatencyNs: 100 },
    { capacityBytes: 1e9, readLatencyNs: 20_000 },
  ],
  [],
  { halfLifeAccesses: halfLife },
);
const at = (accessClock: number): Snapshot => ({ ...snapshot, accessClock });
const { tiers, costs } = snapshot;
const savedNs = accessNs(tiers[1], 4096, 0, costs) - accessNs(tiers[0], 4096, 0, costs);
const promotion = (unit: number, gainNs: number, costNs = 1): Move => ({
  unit,
  bytes: 4096,
  from: 1,
  to: 0,
  reason: 'hot',
  gainNs,
  costNs,
});
const demotion = (unit: number, reason: Move['reason'], costNs = 1): Move => ({
  unit,
  bytes: 4096,
  from: 0,
  to: 1,
  reason,
  gainNs: -5,
  costNs,
});

const perRound = 100;

/** Some rounds of moves of which each unit has as many accesses in the half-life that follows. */
function ledgerAfter(
  accesses: number,
  moves: (unit: number) => readonly Move[],
  fastUnits = 0,
  maxOpen = 1000,
): BenefitLedger {
  const ledger = new BenefitLedger(maxOpen);
  const clock = new CoolingClock();
  let stored = foldHeat(neverAccessed, 0, 5);
  const heat = (): number => stored - clock.now;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < perRound; i++) {
      for (const one of moves(round * perRound + i)) {
        ledger.applied(one, at(clock.accesses), heat());
      }
    }
    for (let step = 0; step < 100; step++) {
      clock.advance(10, halfLife);
      stored = foldHeat(stored, clock.now, accesses / 100);
    }
    ledger.settle(clock.accesses, halfLife, fastUnits, heat);
  }
  return ledger;
}

describe('the benefit ledger', () => {
  it('goes on with a promotion when the unit changes its node', () => {
    const moved = (unit: number): Move => ({ ...promotion(unit, 1), from: 0, node: 1 });
    const share = (moves: (unit: number) => readonly Move[]): number =>
      ledgerAfter(20, moves).paybackShare;
    expect(share((unit) => [promotion(unit, 20 * savedNs, savedNs), moved(unit)])).toBe(
      share((unit) => [promotion(unit, 20 * savedNs, savedNs)]),
    );
  });

  it('says 1 while nothing is known', () => {
    const ledger = new BenefitLedger(10);
    expect([ledger.realisedShare, ledger.paybackShare]).toEqual([1, 1]);
  });

  it('finds how much of what was promised came true', () => {
    const shareFor = (accesses: number, promised: number): number =>
      ledgerAfter(accesses, (unit) => [promotion(unit, promised * savedNs)]).realisedShare;
    expect(shareFor(20, 20)).toBeCloseTo(1, 1);
    expect(shareFor(10, 20)).toBeGreaterThan(0.4);
    expect(shareFor(10, 20)).toBeLessThan(0.6);
    expect(shareFor(0, 20)).toBeLessThan(0.12);
    expect(shareFor(40, 20)).toBeGreaterThan(1.8);
  });

  it('holds what moves brought against what they took, whatever was promised', () => {
    const paybackFor = (accesses: number, costInAccesses: number): number =>
      ledgerAfter(accesses, (unit) => [promotion(unit, 1e9 * savedNs, costInAccesses * savedNs)])
        .paybackShare;
    expect(paybackFor(20, 10)).toBeGreaterThan(1.8);
    expect(paybackFor(20, 10)).toBeLessThan(2.2);
    expect(paybackFor(5, 10)).toBeLessThan(0.6);
    expect(paybackFor(0, 10)).toBeLessThan(0.12);
  });

  it('counts the victims of a promotion: what moving them takes, and what their accesses lose', () => {
    // The victims are as hot as what comes for them.
    const exchange = (unit: number): Move[] => [
      demotion(1e6 + unit, 'victim', savedNs),
      promotion(unit, 20 * savedNs, savedNs),
    ];
    expect(ledgerAfter(20, exchange).paybackShare).toBeLessThan(0.12);
    const alone = (unit: number): Move[] => exchange(unit).slice(1);
    expect(ledgerAfter(20, alone).paybackShare).toBe(4);
  });

  it('leaves out demotions that make room for nobody, and promotions that promise nothing', () => {
    const ledger = ledgerAfter(20, (unit) => [
      demotion(1e6 + unit, 'room', savedNs),
      demotion(2e6 + unit, 'cold', savedNs),
      demotion(3e6 + unit, 'victim', savedNs),
      promotion(unit, 0, savedNs),
    ]);
    expect([ledger.realisedShare, ledger.paybackShare]).toEqual([1, 1]);
  });

  it('does not credit a promotion with accesses after its unit has left again', () => {
    const ledger = new BenefitLedger(1000);
    for (let unit = 0; unit < 200; unit++) {
      ledger.applied(promotion(unit, 20 * savedNs, savedNs), at(0), 0);
      ledger.applied(demotion(unit, 'cold'), at(0), 0);
    }
    // They are used all the time where they are now.
    ledger.settle(halfLife, halfLife, 0, () => 10);
    expect(ledger.paybackShare).toBeLessThan(0.2);
  });

  it('takes a few moves of a large tier for no evidence, but not a sample of many', () => {
    const useless = (unit: number): Move[] => [promotion(unit, savedNs, savedNs)];
    expect(ledgerAfter(0, useless, 16_000).paybackShare).toBeGreaterThan(0.9);
    expect(ledgerAfter(0, useless, 400).paybackShare).toBeLessThan(0.3);
    // A tenth of the moves was audited, and stands for all of them.
    expect(ledgerAfter(0, useless, 400, 10).paybackShare).toBeLessThan(0.6);
  });

  it('forgets bad times as accesses pass', () => {
    const ledger = ledgerAfter(0, (unit) => [promotion(unit, savedNs, savedNs)]);
    const bad = ledger.paybackShare;
    ledger.settle(4 * halfLife, halfLife, 0, () => 0);
    ledger.settle(20 * halfLife, halfLife, 0, () => 0);
    expect(bad).toBeLessThan(0.12);
    expect(ledger.paybackShare).toBeGreaterThan(0.9);
  });

  it('leaves units out that are gone', () => {
    const ledger = new BenefitLedger(10);
    ledger.applied(promotion(1, 1e6), at(0), 0);
    ledger.settle(halfLife, halfLife, 0, () => -Infinity);
    expect(ledger.realisedShare).toBe(1);
  });

  it('stays within its bound however many moves there are', () => {
    const ledger = new BenefitLedger(2);
    for (let unit = 0; unit < 100; unit++) ledger.applied(promotion(unit, 1e6), at(0), 0);
    let asked = 0;
    ledger.settle(halfLife, halfLife, 0, () => {
      asked++;
      return 0;
    });
    expect(asked).toBe(2);
  });
});
