import { describe, expect, it } from 'vitest';
import { createPolicy, policyNames } from '../../../lib/policy/policies.ts';
import type { PlacementRequest, Policy } from '../../../lib/policy/policy.ts';
import { staticPolicy } from '../../../lib/policy/static.ts';
import { snapshotOf } from './snapshots.ts';

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
    ['toString', {}, /must be one of balanced, lru, static/],
    ['balanced', { margn: 1 }, /did you mean "margin"/],
    ['balanced', { margin: -1 }, /"policy.margin" must be from 0/],
    ['balanced', { margin: NaN }, /"policy.margin"/],
    ['balanced', { margin: '1' }, /"policy.margin" must be a number/],
    ['lru', { margin: 1 }, /known option/],
    ['static', { margin: 1 }, /known option/],
  ])('refuses %s with %j', (name, parameters, message) => {
    expect(() => createPolicy(name, parameters)).toThrow(message);
  });
});

describe.each<[string, () => Policy]>([
  ['balanced', () => createPolicy('balanced')],
  ['lru', () => createPolicy('lru')],
  ['static', () => createPolicy('static')],
])('%s admits new units', (_name, make) => {
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
