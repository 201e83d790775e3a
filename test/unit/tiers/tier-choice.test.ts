import { describe, expect, test } from 'vitest';
import {
  type DetectOptions,
  HardwareTierManager,
} from '../../../lib/tiers/hardware-tier-manager.ts';
import { fakeProbe } from './fake-probe.ts';
import { readTopology, scanTopology } from './topology-fixture.ts';

const detect = (options: DetectOptions) =>
  HardwareTierManager.detect({ probe: fakeProbe(), ...options });

const five = detect({
  machine: null,
  tiers: [
    { name: 'L0_HBM', capacityBytes: '4MiB' },
    { name: 'L1_DDR', capacityBytes: '16MiB' },
    { name: 'L3_PMEM', capacityBytes: '64MiB' },
    { name: 'L4_NVME', capacityBytes: '256MiB' },
  ],
});
const mib = 2 ** 20;

describe('the tier for new data', () => {
  test.each([
    ['unknown', 'L0_HBM'],
    ['random', 'L1_DDR'], // HBM's latency is above DDR's
    ['strided', 'L1_DDR'],
    ['write-mostly', 'L1_DDR'],
    ['sequential', 'L0_HBM'], // and its bandwidth too
    ['one-touch', 'L4_NVME'],
  ] as const)('of the pattern %s is %s', (accessPattern, name) => {
    expect(five.selectTier(mib, { accessPattern }).name).toBe(name);
  });

  test('is the fastest that is large enough', () => {
    expect(five.selectTier(8 * mib).name).toBe('L1_DDR');
    expect(five.selectTier(32 * mib).name).toBe('L3_PMEM');
    expect(five.selectTier(256 * mib).name).toBe('L4_NVME');
  });

  test('is the one hinted at, or the next slower one', () => {
    expect(five.selectTier(mib, { tierHint: 'L3_PMEM' }).name).toBe('L3_PMEM');
    expect(five.selectTier(mib, { tierHint: 'L2_CXL' }).name).toBe('L3_PMEM');
    expect(five.selectTier(8 * mib, { tierHint: 'L0_HBM' }).name).toBe('L1_DDR');
  });

  test('is a faster one when no slower one holds it', () => {
    const tiers = [{ name: 'L1_DDR', capacityBytes: '16MiB' }] as const;
    expect(detect({ machine: null, tiers }).selectTier(mib, { tierHint: 'L4_NVME' }).name).toBe(
      'L1_DDR',
    );
  });

  test('does not exist for data larger than every tier', () => {
    expect(() => five.selectTier(257 * mib)).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_FULL', hint: expect.any(String) }),
    );
  });

  test('has its nearest backend first for a node', () => {
    const manager = detect({ machine: scanTopology(readTopology('hbm-flat')) });
    const nodes = (numaNode: number) =>
      manager
        .selectTier(mib, { tierHint: 'L0_HBM', numaNode })
        .backends.map((b) => 'node' in b && b.node);
    expect(nodes(0)).toEqual([2, 3]);
    expect(nodes(1)).toEqual([3, 2]);
    expect(nodes(9)).toEqual([2, 3]);
  });

  test.each([
    [-1, {}, 'bytes'],
    [1.5, {}, 'bytes'],
    ['1', {}, 'bytes'],
    [1, { tierHint: 'DDR' }, 'request.tierHint'],
    [1, { accessPattern: 'often' }, 'request.accessPattern'],
    [1, { numaNode: -1 }, 'request.numaNode'],
    [1, { hint: 'L1_DDR' }, 'request.hint'],
  ])('is refused for %j %j', (bytes, request, name) => {
    expect(() => five.selectTier(bytes as number, request as never)).toThrow(name);
  });
});
