import { describe, expect, test } from 'vitest';
import { checkTierOptions } from '../../../lib/tiers/tier-options.ts';

const check = (...tiers: unknown[]) => checkTierOptions('tiers', tiers);

describe('tier options', () => {
  test('come back fastest first with sizes in bytes', () => {
    const checked = check(
      { name: 'L4_NVME', directory: '/d' },
      { name: 'L1_DDR', capacityBytes: '1GiB' },
    );
    expect(checked).toEqual([
      { name: 'L1_DDR', kind: 'auto', capacityBytes: 2 ** 30 },
      { name: 'L4_NVME', kind: 'auto', directory: '/d' },
    ]);
  });

  test('keep backends and figures as given', () => {
    const backends = [{ kind: 'numa', node: 1, capacityBytes: '4MiB' }];
    const spec = { readLatencyNs: 90, costPerGiBMonth: 0 };
    expect(check({ name: 'L1_DDR', backends, spec })).toEqual([
      {
        name: 'L1_DDR',
        kind: 'auto',
        backends: [{ kind: 'numa', node: 1, capacityBytes: 4 * 2 ** 20 }],
        spec,
      },
    ]);
  });

  test.each<[unknown, string, typeof TypeError | typeof RangeError]>([
    [
      { name: 'L1_DDR', capacity: 5 },
      'tiers[0].capacity" must be a known option (did you mean "capacityBytes"?)',
      RangeError,
    ],
    [
      { name: 'L1_DRR' },
      'tiers[0].name" must be one of L0_HBM, L1_DDR, L2_CXL, L3_PMEM, L4_NVME (did you mean "L1_DDR"?)',
      RangeError,
    ],
    [{}, 'tiers[0].name', TypeError],
    [null, 'tiers[0]" must be an object', TypeError],
    [
      { name: 'L1_DDR', capacityBytes: 4096 },
      'tiers[0].capacityBytes" must be at least 64 KiB',
      RangeError,
    ],
    [{ name: 'L1_DDR', capacityBytes: true }, 'tiers[0].capacityBytes', TypeError],
    [{ name: 'L1_DDR', node: -1 }, 'tiers[0].node', RangeError],
    [{ name: 'L1_DDR', node: '0' }, 'tiers[0].node', TypeError],
    [{ name: 'L1_DDR', directory: '/d' }, 'tiers[0].directory', RangeError],
    [{ name: 'L4_NVME', directory: '' }, 'tiers[0].directory', RangeError],
    [{ name: 'L4_NVME', directory: '/a\0b' }, 'tiers[0].directory', RangeError],
    [{ name: 'L4_NVME', devicePath: '/dev/dax0.0' }, 'tiers[0].devicePath', RangeError],
    [{ name: 'L3_PMEM', node: 1, directory: '/d' }, 'only one of node and directory', RangeError],
    [
      { name: 'L3_PMEM', kind: 'simulated', directory: '/d' },
      "absent when kind is 'simulated'",
      RangeError,
    ],
    [{ name: 'L1_DDR', kind: 'fake' }, 'tiers[0].kind', RangeError],
    [{ name: 'L1_DDR', spec: { readLatencyNs: 0 } }, 'tiers[0].spec.readLatencyNs', RangeError],
    [{ name: 'L4_NVME', spec: { writeBytesPerDay: 0 } }, 'spec.writeBytesPerDay', RangeError],
    [{ name: 'L1_DDR', spec: { readLatencyNs: Infinity } }, 'spec.readLatencyNs', RangeError],
    [{ name: 'L1_DDR', spec: { readLatencyNs: '1' } }, 'tiers[0].spec.readLatencyNs', TypeError],
    [{ name: 'L1_DDR', spec: { latency: 1 } }, 'tiers[0].spec.latency', RangeError],
    [{ name: 'L1_DDR', backends: [] }, 'tiers[0].backends', RangeError],
    [
      { name: 'L1_DDR', backends: [{ kind: 'ram', capacityBytes: '4MiB' }] },
      'tiers[0].backends[0].kind',
      RangeError,
    ],
    [
      { name: 'L1_DDR', backends: [{ kind: 'numa', capacityBytes: '4MiB' }] },
      'tiers[0].backends[0].node',
      TypeError,
    ],
    [
      { name: 'L1_DDR', backends: [{ kind: 'file', capacityBytes: '4MiB' }] },
      'tiers[0].backends[0].directory',
      TypeError,
    ],
    [
      { name: 'L2_CXL', backends: [{ kind: 'pool', capacityBytes: '4MiB' }] },
      'tiers[0].backends[0].path',
      TypeError,
    ],
    [
      {
        name: 'L2_CXL',
        backends: [{ kind: 'pool', path: '/p', lockPath: 1, capacityBytes: 2 ** 22 }],
      },
      'tiers[0].backends[0].lockPath',
      TypeError,
    ],
    [
      { name: 'L1_DDR', backends: [{ kind: 'memkind', memkind: 'PMEM', capacityBytes: '4MiB' }] },
      'tiers[0].backends[0].directory',
      TypeError,
    ],
    [
      {
        name: 'L1_DDR',
        backends: [{ kind: 'memkind', memkind: 'HBW', directory: '/d', capacityBytes: '4MiB' }],
      },
      'tiers[0].backends[0].directory',
      RangeError,
    ],
    [
      { name: 'L1_DDR', backends: [{ kind: 'simulated', capacityBytes: 1 }] },
      'tiers[0].backends[0].capacityBytes',
      RangeError,
    ],
  ])('%j is refused by name', (tier, message, type) => {
    expect(() => check(tier)).toThrow(type);
    expect(() => check(tier)).toThrow(message);
  });

  test('name a tier once, and at least one', () => {
    expect(() => check({ name: 'L1_DDR' }, { name: 'L1_DDR' })).toThrow('tiers[1].name');
    expect(() => check()).toThrow(RangeError);
    expect(() => checkTierOptions('tiers', 'L1_DDR')).toThrow(TypeError);
  });
});
