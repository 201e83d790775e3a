import { expect, test } from 'vitest';
import { HardwareTierManager } from '../../../lib/tiers/hardware-tier-manager.ts';
import type { BlockDescription, MountDescription } from '../../../lib/tiers/machine-description.ts';
import type { BackendConfig, TierName } from '../../../lib/tiers/tier.ts';
import { type FakeProbe, fakeProbe } from './fake-probe.ts';
import { readTopology, scanTopology } from './topology-fixture.ts';

type MemkindName = Extract<BackendConfig, { kind: 'memkind' }>['memkind'];

const machine = scanTopology(readTopology('emulated-five-tiers'));
const capacityBytes = 8 * 2 ** 20;

function detect(name: TierName, memkind: MemkindName, directory?: string, probe: FakeProbe = {}) {
  const backend = { kind: 'memkind', memkind, capacityBytes, ...(directory && { directory }) };
  const tiers = [{ name, backends: [backend as BackendConfig] }];
  return HardwareTierManager.detect({ machine, tiers, probe: fakeProbe(probe) });
}

test('DAX_KMEM is said to take CXL memory too, and how to keep it to persistent memory', () => {
  expect(detect('L3_PMEM', 'DAX_KMEM').limits).toEqual([
    {
      what: 'L3_PMEM may lie on other memory',
      reason:
        "memkind's DAX_KMEM takes the dax memory nearest to each CPU, of nodes 4 (L3_PMEM), 5 (L2_CXL)",
      hint: 'Set MEMKIND_DAX_KMEM_NODES=4 before the program starts, or give `numa` backends.',
    },
  ]);
});

test('DAX_KMEM is taken at its word once its nodes are named', () => {
  const environment = { MEMKIND_DAX_KMEM_NODES: '4' };
  expect(detect('L3_PMEM', 'DAX_KMEM', undefined, { environment }).limits).toEqual([]);
});

test('HIGHEST_CAPACITY is said to be the largest node, whatever the tier', () => {
  const [limit] = detect('L3_PMEM', 'HIGHEST_CAPACITY').limits;
  expect(limit.reason).toBe(
    "memkind's HIGHEST_CAPACITY takes the largest node, here node 0 (L1_DDR)",
  );
  expect(detect('L1_DDR', 'HIGHEST_CAPACITY').limits).toEqual([]);
});

test('HBW needs no warning: without such memory it does not open', () => {
  expect(detect('L0_HBM', 'HBW').limits).toEqual([]);
});

test('PMEM in a directory that is not there names the directory', () => {
  expect(() => detect('L3_PMEM', 'PMEM', '/nowhere')).toThrow(
    expect.objectContaining({
      code: 'ERR_TIER_UNAVAILABLE',
      message: expect.stringContaining('"/nowhere"'),
    }),
  );
});

test('PMEM off persistent memory is said to be so, on it there is nothing to say', () => {
  const mount = { path: '/d', device: '/dev/x', fsType: 'ext4', dax: true } as MountDescription;
  const block = { name: 'pmem0', origin: 'pmem', mounts: [mount] } as unknown as BlockDescription;
  const on = (facts: object) => ({ directories: { '/d': { medium: 'drive', ...facts } as const } });
  expect(detect('L3_PMEM', 'PMEM', '/d', on({ block, mount })).limits).toEqual([]);
  const drive = { ...block, name: 'nvme0n1', origin: 'nvme' };
  const [limit] = detect('L3_PMEM', 'PMEM', '/d', on({ block: drive, mount })).limits;
  expect(limit.what).toBe('L3_PMEM is not on persistent memory');
  expect(limit.reason).toContain('/d is on nvme0n1');
});

test('PMEM gets no more than its directory has', () => {
  const facts = { medium: 'drive', freeBytes: 4 * 2 ** 20, totalBytes: 32 * 2 ** 20 } as const;
  const { tiers, limits } = detect('L3_PMEM', 'PMEM', '/d', { directories: { '/d': facts } });
  expect(tiers[0].capacityBytes).toBeLessThanOrEqual(4 * 2 ** 20);
  expect(limits.map(({ what }) => what)).toContainEqual(
    expect.stringMatching(/^L3_PMEM's memkind backend has .* instead of 8 MiB$/),
  );
});
