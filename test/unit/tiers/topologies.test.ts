import { describe, expect, test } from 'vitest';
import { HardwareTierManager } from '../../../lib/tiers/hardware-tier-manager.ts';
import type { TierName } from '../../../lib/tiers/tier.ts';
import { fakeProbe } from './fake-probe.ts';
import { readTopology, scanTopology, topologyNames } from './topology-fixture.ts';

test('the fixtures are there', () => {
  expect(topologyNames.length).toBeGreaterThanOrEqual(14);
});

describe.each(topologyNames)('topology %s', (name) => {
  const fixture = readTopology(name);
  const machine = scanTopology(fixture);
  const manager = HardwareTierManager.detect({ machine, probe: fakeProbe() });
  const tierOf = (tier: string) => manager.tiers.find((entry) => entry.name === tier);
  const each = <T>(record: Partial<Record<TierName, T>> | undefined) =>
    Object.entries(record ?? {}) as [TierName, T][];

  test('is described as it is', () => {
    expect(machine).toMatchObject(fixture.expect.machine ?? {});
    expect(machine.unreadable).toEqual(fixture.expect.machine?.unreadable ?? []);
  });

  test('is put into the right tiers', () => {
    const backends = Object.fromEntries(
      manager.tiers.map((tier) => [
        tier.name,
        tier.backends.map(({ capacityBytes: _, ...backend }) => backend),
      ]),
    );
    expect(backends).toEqual(fixture.expect.tiers);
    for (const [tier, kind] of each(fixture.expect.kinds)) expect(tierOf(tier)?.kind).toBe(kind);
    if (fixture.expect.available !== undefined) {
      const available = manager.available.map((tier) => [
        tier.name,
        tier.backends.map(({ kind }) => kind),
      ]);
      expect(available).toEqual(fixture.expect.available);
    }
  });

  test('has figures, evidence and limits', () => {
    for (const [tier, figures] of each(fixture.expect.figures)) {
      expect(tierOf(tier)?.spec).toMatchObject(figures);
    }
    for (const [tier, words] of each(fixture.expect.evidence)) {
      expect(tierOf(tier)?.evidence.join('\n')).toContain(words);
    }
    const whats = manager.limits.map(({ what }) => what);
    expect(whats).toEqual(expect.arrayContaining([...(fixture.expect.limits ?? [])]));
    for (const { reason, hint } of manager.limits) {
      expect(reason).not.toBe('');
      expect(hint).toMatch(/[.]$/);
    }
  });

  test('never gets more than there is', () => {
    for (const tier of manager.tiers) {
      const sum = tier.backends.reduce((bytes, backend) => bytes + backend.capacityBytes, 0);
      expect(sum).toBe(tier.capacityBytes);
      expect(tier.capacityBytes % (64 * 2 ** 10)).toBe(0);
      for (const backend of tier.backends) {
        if (backend.kind !== 'numa') continue;
        const node = machine.nodes.find(({ id }) => id === backend.node);
        expect(backend.capacityBytes).toBeLessThan(node!.freeBytes);
      }
    }
    for (const [tier, bytes] of each(fixture.expect.mostBytes)) {
      expect(tierOf(tier)?.capacityBytes).toBeLessThanOrEqual(bytes);
    }
  });
});
