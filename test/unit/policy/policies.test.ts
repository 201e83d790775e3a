import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPlanError } from '../../../lib/migration/plan-check.ts';
import { createPolicy, policyNames } from '../../../lib/policy/policies.ts';
import type { PlacementRequest, Policy } from '../../../lib/policy/policy.ts';
import { staticPolicy } from '../../../lib/policy/static.ts';
import { fillingOf, snapshotOf, type UnitSpec } from './snapshots.ts';

const page = 4096;
const { tiers } = snapshotOf(
  [
    { capacityBytes: 100 * page, readLatencyNs: 100 },
    { capacityBytes: 1e9, readLatencyNs: 250 },
  ],
  Array.from({ length: 90 }, (_, id) => ({ id, tier: 0, heat: 1 })),
);
const request = (more: Partial<PlacementRequest> = {}): PlacementRequest => ({
  bytes: page,
  tierHint: -1,
  accessPattern: 'unknown',
  ...more,
});

describe('createPolicy', () => {
  it.each(policyNames)('makes %s by name', (name) => {
    expect(createPolicy(name).name).toBe(name);
  });

  it('passes parameters on', () => {
    const slow = createPolicy('balanced', { halfLifeTurns: 1000 });
    const usual = createPolicy('balanced');
    expect(slow.halfLifeAccesses(tiers, [90, 0])).toBeGreaterThan(
      usual.halfLifeAccesses(tiers, [90, 0]),
    );
  });

  it.each([
    ['balansed', {}, /did you mean "balanced"/],
    ['toString', {}, /must be one of balanced, cost, static, first-touch/],
    ['balanced', { margn: 1 }, /did you mean "margin"/],
    ['balanced', { margin: -1 }, /"policy.margin" must be from 0/],
    ['balanced', { margin: NaN }, /"policy.margin"/],
    ['balanced', { margin: '1' }, /"policy.margin" must be a number/],
    ['lru', { margin: 1 }, /known option/],
    ['static', { margin: 1 }, /known option/],
    ['first-touch', { margin: 1 }, /known option/],
    ['lfu', { halfLifeTurns: 0 }, /"policy.halfLifeTurns" must be from 0.1/],
    ['hemem', { hotUse: 8 }, /did you mean "hotUses"/],
    ['watermark', { lowShare: 2 }, /"policy.lowShare" must be from 0 to 1/],
    ['tiny-lfu', { halfLifeTurns: '9' }, /must be a number/],
    ['cost', { slowdown: 0.95 }, /"policy.slowdown" must be from 1/],
    ['cost', { percentile: 101 }, /"policy.percentile"/],
    ['s3fifo', {}, /did you mean "s3-fifo"/],
  ])('refuses %s with %j', (name, parameters, message) => {
    expect(() => createPolicy(name, parameters)).toThrow(message);
  });
});

describe.each<[string, () => Policy]>(
  policyNames
    .filter((name) => !['first-touch', 'interleave', 'watermark'].includes(name))
    .map((name) => [name, () => createPolicy(name)]),
)('%s admits new units', (_name, make) => {
  const policy = make();

  it('into the fastest tier while its head-room stays free', () => {
    expect(policy.admits(request({ bytes: 7 * page }), 0, tiers)).toBe(true);
    expect(policy.admits(request({ bytes: 8 * page }), 0, tiers)).toBe(false);
  });

  it('where the caller asks, head-room or not, as long as they fit', () => {
    expect(policy.admits(request({ bytes: 10 * page, tierHint: 0 }), 0, tiers)).toBe(true);
    expect(policy.admits(request({ bytes: 11 * page, tierHint: 0 }), 0, tiers)).toBe(false);
    expect(policy.admits(request({ tierHint: 1 }), 0, tiers)).toBe(false);
    expect(policy.admits(request({ tierHint: 1 }), 1, tiers)).toBe(true);
  });
});

describe.each(policyNames)('%s, given any units,', (name) => {
  const anyUnit = fc.record({
    tier: fc.nat(2),
    heat: fc.double({ min: 0.001, max: 1000, noNaN: true }),
    reads: fc.nat(20),
    writes: fc.nat(5),
    pages: fc.integer({ min: 1, max: 8 }),
    dwells: fc.boolean(),
  });

  it('makes the same plan twice, never overfills a tier, moves no unit twice and keeps within budget', () => {
    const policy = createPolicy(name);
    fc.assert(
      fc.property(fc.array(anyUnit, { maxLength: 100 }), fc.nat(400), (specs, budgetPages) => {
        const room = [60 * page, 120 * page, 1e9];
        const units: UnitSpec[] = specs.map(({ pages, dwells, ...rest }, id) => {
          let { tier } = rest;
          const bytes = pages * page;
          while (tier < 2 && room[tier] < bytes) tier++;
          room[tier] -= bytes;
          return { ...rest, id, tier, bytes, dwellUntil: dwells ? 5000 : 0 };
        });
        const snapshot = snapshotOf(
          [
            { capacityBytes: 60 * page, readLatencyNs: 100 },
            { capacityBytes: 120 * page, readLatencyNs: 250 },
            { capacityBytes: 1e9, readLatencyNs: 80_000 },
          ],
          units,
        );
        const bytes = budgetPages * page;
        const once = policy.plan(snapshot, { bytes });
        expect(findPlanError(once, snapshot)).toBeUndefined();
        expect(isDeepStrictEqual(policy.plan(snapshot, { bytes }), once)).toBe(true);
        expect(once.moves.reduce((sum, m) => sum + m.bytes, 0)).toBeLessThanOrEqual(bytes);
        for (const filling of fillingOf(snapshot, once.moves)) {
          filling.forEach((used, tier) => {
            expect(used).toBeLessThanOrEqual(snapshot.tiers[tier].capacityBytes);
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has nothing to do without units or with one tier', () => {
    const policy = createPolicy(name);
    const one = [{ capacityBytes: 1e6, readLatencyNs: 100 }];
    for (const snapshot of [
      snapshotOf(one, []),
      snapshotOf(one, [{ id: 1, tier: 0, heat: 5, reads: 5 }]),
      snapshotOf([...one, { capacityBytes: 1e9, readLatencyNs: 250 }], []),
    ]) {
      expect(policy.plan(snapshot, { bytes: Infinity }).moves).toEqual([]);
      expect(policy.halfLifeAccesses(snapshot.tiers, snapshot.unitCounts)).toBeGreaterThan(0);
    }
  });
});

describe('what is read once', () => {
  it('stays out of the fastest tier unless the caller asks for it', () => {
    const policy = createPolicy('balanced');
    expect(policy.admits(request({ accessPattern: 'one-touch' }), 0, tiers)).toBe(false);
    expect(policy.admits(request({ accessPattern: 'sequential' }), 0, tiers)).toBe(false);
    expect(policy.admits(request({ accessPattern: 'one-touch' }), 1, tiers)).toBe(true);
    expect(policy.admits(request({ accessPattern: 'one-touch', tierHint: 0 }), 0, tiers)).toBe(
      true,
    );
  });
});

describe('static', () => {
  it('never moves anything, and never cools', () => {
    const snapshot = snapshotOf(
      [
        { capacityBytes: 1e6, readLatencyNs: 100 },
        { capacityBytes: 1e9, readLatencyNs: 80_000 },
      ],
      [{ id: 1, tier: 1, heat: 1e6, reads: 1e6 }],
    );
    expect(staticPolicy().plan(snapshot, { bytes: Infinity }).moves).toEqual([]);
    expect(staticPolicy().halfLifeAccesses(snapshot.tiers, snapshot.unitCounts)).toBe(Infinity);
  });
});
