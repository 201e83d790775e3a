import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DetectOptions,
  HardwareTierManager,
} from '../../../lib/tiers/hardware-tier-manager.ts';
import type { BlockDescription, MountDescription } from '../../../lib/tiers/machine-description.ts';
import { defaultSpecs } from '../../../lib/tiers/tier-defaults.ts';
import { type FakeProbe, fakeProbe } from './fake-probe.ts';
import { readTopology, scanTopology } from './topology-fixture.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

function detect(options: DetectOptions, probe: FakeProbe = {}): HardwareTierManager {
  return HardwareTierManager.detect({ probe: fakeProbe(probe), ...options });
}
const machineOf = (name: string) => scanTopology(readTopology(name));
const whats = (manager: HardwareTierManager) => manager.limits.map(({ what }) => what);

const mount: MountDescription = {
  path: '/data',
  device: '/dev/nvme0n1',
  fsType: 'xfs',
  options: 'rw',
  readOnly: false,
  dax: false,
  freeBytes: 100 * gib,
};
const nvme: BlockDescription = {
  name: 'nvme0n1',
  sizeBytes: 500 * gib,
  rotational: false,
  origin: 'nvme',
  node: 0,
  mounts: [mount],
};
const drive = (path: string, block: BlockDescription = nvme) => ({
  [path]: { path, medium: 'drive', fsType: 'xfs', block, mount } as const,
});

describe('without tiers', () => {
  test('the real ones are used with a share of what is free', () => {
    const manager = detect({ machine: machineOf('hbm-flat') }, { directories: drive('/tmp') });
    expect(manager.tiers.map(({ name, kind }) => [name, kind])).toEqual([
      ['L0_HBM', 'real'],
      ['L1_DDR', 'real'],
      ['L4_NVME', 'real'],
    ]);
    const ddr = manager.tiers[1];
    expect(ddr.capacityBytes).toBeGreaterThan(0.4 * 210 * gib);
    expect(ddr.capacityBytes).toBeLessThanOrEqual(0.5 * 210 * gib);
  });

  test('a tier whose nodes the process may not use is not said to be missing', () => {
    const five = machineOf('emulated-five-tiers');
    const manager = detect({ machine: { ...five, allowedNodes: [0] } });
    const reasonOf = (name: string) => manager.limits.find(({ what }) => what === name)?.reason;
    expect(reasonOf('L0_HBM')).toBe('The process may not allocate on nodes 2, 3');
    expect(reasonOf('L2_CXL')).toBe('The process may not allocate on node 5');
    // Persistent memory is a node that is closed to it, and a file system that is not.
    expect(
      manager.tiers.map(({ name, backends }) => [name, backends.map(({ kind }) => kind)]),
    ).toEqual([
      ['L1_DDR', ['numa']],
      ['L3_PMEM', ['file']],
    ]);
    const { limits } = detect({
      machine: { ...five, allowedNodes: [0] },
      tiers: [{ name: 'L0_HBM', capacityBytes: '8MiB' }],
    });
    const simulated = limits.find(({ what }) => what === 'L0_HBM is simulated');
    expect(simulated?.reason).toBe('The process may not allocate on nodes 2, 3');
    expect(simulated?.hint).toContain('cpuset');
  });

  test.each([
    ['tmpfs', { medium: 'memory', fsType: 'tmpfs' }],
    ['an overlay', { medium: 'overlay', fsType: 'overlay' }],
    ['a network', { medium: 'network', fsType: 'nfs' }],
    [
      'a spinning disk',
      { medium: 'drive', block: { ...nvme, origin: 'scsi', rotational: true }, mount },
    ],
  ] as const)('a temporary directory on %s is no L4_NVME', (_, facts) => {
    const manager = detect({ machine: machineOf('laptop') }, { directories: { '/tmp': facts } });
    expect(manager.tiers.map(({ name }) => name)).toEqual(['L1_DDR']);
    expect(manager.limits.find(({ what }) => what === 'L4_NVME')?.reason).toContain('/tmp');
  });

  test('a virtio disk is used and not taken for NVMe in silence', () => {
    const virtio: BlockDescription = { ...nvme, name: 'vda', origin: 'virtio', rotational: true };
    const manager = detect(
      { machine: machineOf('laptop') },
      { directories: drive('/tmp', virtio) },
    );
    expect(manager.tiers[1]).toMatchObject({ name: 'L4_NVME', kind: 'real' });
    expect(manager.tiers[1].evidence).toEqual(['/tmp is on vda (virtio disk, xfs)']);
    expect(whats(manager)).toContain('L4_NVME is not on an NVMe drive');
  });

  test('a physical NVMe drive has a rating by its whole size, and nothing else has one unasked', () => {
    const ratingOf = (facts: object, spec = {}): unknown => {
      const [, tier] = detect(
        {
          machine: machineOf('laptop'),
          tiers: [
            { name: 'L1_DDR', capacityBytes: '64MiB' },
            { name: 'L4_NVME', directory: '/data', capacityBytes: '64MiB', spec },
          ],
        },
        { directories: { '/data': { ...drive('/data')['/data'], ...facts } } },
      ).tiers;
      return tier.spec.writeBytesPerDay;
    };
    const physical = { model: 'Samsung SSD 990 PRO 1TB' };
    expect(ratingOf(physical)).toEqual({ value: 150 * gib, source: 'default' });
    expect(ratingOf(physical, { writeBytesPerDay: 1e12 })).toEqual({ value: 1e12, source: 'user' });
    expect(ratingOf({}, { writeBytesPerDay: Infinity })).toEqual({
      value: Infinity,
      source: 'user',
    });
    expect(ratingOf({})).toBeUndefined();
    expect(ratingOf({ model: 'Amazon Elastic Block Store' })).toBeUndefined();
    expect(ratingOf({ model: 'QEMU NVMe Ctrl' })).toBeUndefined();
    expect(ratingOf({ ...physical, block: { ...nvme, origin: 'virtio' } })).toBeUndefined();
    expect(ratingOf({ ...physical, medium: 'memory', block: null })).toBeUndefined();
    expect(detect({ machine: machineOf('laptop') }).tiers[0].spec.writeBytesPerDay).toBeUndefined();
  });

  test('a devdax device is shown but never used unasked, for it may hold data', () => {
    const machine = machineOf('devices-only');
    const asked = detect({ machine, tiers: [{ name: 'L3_PMEM', capacityBytes: '4MiB' }] });
    for (const { available, tiers, limits } of [detect({ machine }), asked]) {
      expect(available.map(({ backends }) => backends[0].kind)).toEqual(['numa', 'dax']);
      expect(tiers.flatMap(({ backends }) => backends.map(({ kind }) => kind))).not.toContain(
        'dax',
      );
      const limit = limits.find(({ what }) => what.startsWith('L3_PMEM'));
      expect(limit?.reason).toBe('dax2.0 is there, but in devdax mode, and may hold data');
      expect(limit?.hint).toContain('devicePath');
    }
    expect(asked.tiers[0].kind).toBe('simulated');
  });

  test('a directory given is used for L4_NVME', () => {
    const manager = detect(
      { machine: machineOf('laptop'), directory: '/data/app' },
      { directories: { ...drive('/tmp'), ...drive('/data/app') } },
    );
    expect(manager.tiers.at(-1)).toMatchObject({
      name: 'L4_NVME',
      kind: 'real',
      backends: [{ kind: 'file', directory: '/data/app' }],
    });
  });

  test('every absent tier has a limit that says what to do', () => {
    const manager = detect({ machine: machineOf('laptop') });
    expect(whats(manager)).toEqual(['L0_HBM', 'L2_CXL', 'L3_PMEM', 'L4_NVME']);
  });
});

describe('with tiers', () => {
  test('exactly those are used: hardware where it is, memory where it is not', () => {
    const manager = detect({
      machine: machineOf('cxl-without-hmat'),
      tiers: [
        { name: 'L2_CXL', capacityBytes: '1GiB' },
        { name: 'L1_DDR', capacityBytes: '64MiB' },
        { name: 'L3_PMEM', capacityBytes: '64MiB' },
      ],
    });
    expect(manager.tiers).toMatchObject([
      {
        name: 'L1_DDR',
        kind: 'real',
        backends: [{ kind: 'numa', node: 0, capacityBytes: 64 * mib }],
      },
      { name: 'L2_CXL', kind: 'real', capacityBytes: gib, backends: [{ kind: 'numa', node: 1 }] },
      { name: 'L3_PMEM', kind: 'simulated', backends: [{ kind: 'simulated' }] },
    ]);
    expect(whats(manager)).toEqual(['L3_PMEM is simulated']);
  });

  test('a capacity is split over the nodes of a tier and adds up', () => {
    const tiers = [{ name: 'L1_DDR', capacityBytes: 100 * mib + 1 }] as const;
    const [ddr] = detect({ machine: machineOf('two-sockets'), tiers }).tiers;
    expect(ddr.capacityBytes).toBe(100 * mib);
    expect(ddr.backends.map(({ capacityBytes }) => capacityBytes % (2 * mib))).toEqual([0, 0]);
    expect(ddr.backends.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0)).toBe(100 * mib);
  });

  test('one request beyond all bounds is cut and starves nobody', () => {
    const manager = detect({
      machine: machineOf('laptop'),
      tiers: [
        { name: 'L0_HBM' },
        { name: 'L1_DDR', capacityBytes: '1TiB' },
        { name: 'L2_CXL', capacityBytes: '1GiB' },
      ],
    });
    expect(manager.tiers.map(({ name }) => name)).toEqual(['L0_HBM', 'L1_DDR', 'L2_CXL']);
    expect(manager.tiers[2].capacityBytes).toBe(gib);
    const sum = manager.tiers.reduce((bytes, tier) => bytes + tier.capacityBytes, 0);
    expect(sum).toBeLessThan(10 * gib);
    expect(whats(manager)).toContainEqual(
      expect.stringMatching(/^L1_DDR has .* instead of 1 TiB$/),
    );
  });

  test('a cgroup limit bounds them together', () => {
    const tiers = (['L1_DDR', 'L2_CXL', 'L3_PMEM'] as const).map((name) => ({
      name,
      capacityBytes: '600MiB',
    }));
    const manager = detect({ machine: machineOf('cgroup-limit'), tiers });
    const sum = manager.tiers.reduce((bytes, tier) => bytes + tier.capacityBytes, 0);
    expect(sum).toBeLessThan(gib);
    expect(new Set(manager.tiers.map((tier) => tier.capacityBytes)).size).toBe(1);
    expect(manager.limits.some(({ what }) => what.includes('instead of 600 MiB'))).toBe(true);
  });

  test('a tier that gets nothing is an error, not a surprise later', () => {
    const { nodes, ...machine } = machineOf('laptop');
    const full = { ...machine, nodes: nodes.map((node) => ({ ...node, freeBytes: 0 })) };
    expect(() =>
      detect({ machine: full, tiers: [{ name: 'L1_DDR', capacityBytes: '2MiB' }] }),
    ).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_FULL', tier: 'L1_DDR', hint: expect.any(String) }),
    );
    expect(() => detect({ machine: full })).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_FULL' }),
    );
  });

  test('figures of the user win over firmware and defaults', () => {
    const tiers = [{ name: 'L0_HBM', spec: { readLatencyNs: 99, costPerGiBMonth: 0 } }] as const;
    const [{ spec }] = detect({ machine: machineOf('hbm-flat'), tiers }).tiers;
    expect(spec.readLatencyNs).toEqual({ value: 99, source: 'user' });
    expect(spec.costPerGiBMonth).toEqual({ value: 0, source: 'user' });
    expect(spec.writeLatencyNs).toEqual({ value: 110, source: 'firmware' });
  });

  test('kind simulated never touches hardware', () => {
    const tiers = [{ name: 'L0_HBM', kind: 'simulated', capacityBytes: '4MiB' }] as const;
    const manager = detect({ machine: machineOf('hbm-flat'), tiers });
    expect(manager.tiers[0]).toMatchObject({ kind: 'simulated', spec: defaultSpecs.L0_HBM });
    expect(manager.limits).toEqual([]);
  });
});

describe('a node', () => {
  test('of another class becomes the tier that the caller says it is', () => {
    const tiers = [{ name: 'L2_CXL', node: 1, capacityBytes: '4MiB' }] as const;
    const [cxl] = detect({ machine: machineOf('two-sockets'), tiers }).tiers;
    expect(cxl).toMatchObject({ kind: 'real', backends: [{ kind: 'numa', node: 1 }] });
    expect(cxl.evidence.at(-1)).toBe('the caller says that node 1 is L2_CXL; detected as L1_DDR');
  });

  test('can stand in for a tier', () => {
    const tiers = [{ name: 'L2_CXL', kind: 'simulated', node: 1, capacityBytes: '4MiB' }] as const;
    expect(detect({ machine: machineOf('two-sockets'), tiers }).tiers[0]).toMatchObject({
      kind: 'simulated',
      backends: [{ kind: 'simulated', node: 1 }],
    });
  });

  test.each([
    ['two-sockets', 7, 'Node 7 is not there'],
    ['memoryless-node', 1, 'Node 1 is not there, or has no memory'],
    ['memoryless-node', 2, 'may not allocate on node 2'],
    ['container', 1, 'mbind is refused'],
  ])('of %s that cannot be used (%d) leaves the tier simulated', (name, node, reason) => {
    const tiers = [{ name: 'L2_CXL', node, capacityBytes: '4MiB' }] as const;
    const manager = detect({ machine: machineOf(name), tiers });
    expect(manager.tiers[0].kind).toBe('simulated');
    const limit = manager.limits.find(({ what }) => what === 'L2_CXL is simulated');
    expect(limit?.reason).toContain(reason);
  });
});

describe('a directory or device', () => {
  test('on tmpfs is a simulated L4_NVME and draws on memory', () => {
    const directories = { '/shm': { path: '/shm', medium: 'memory', fsType: 'tmpfs' } } as const;
    const tiers = [{ name: 'L4_NVME', directory: '/shm', capacityBytes: '1TiB' }] as const;
    const manager = detect({ machine: machineOf('laptop'), tiers }, { directories });
    expect(manager.tiers[0]).toMatchObject({ kind: 'simulated', backends: [{ kind: 'file' }] });
    expect(manager.tiers[0].capacityBytes).toBeLessThan(10 * gib);
    expect(whats(manager)).toContain('L4_NVME is simulated');
  });

  test('is never larger than the free disk', () => {
    const tiers = [{ name: 'L4_NVME', directory: '/data', capacityBytes: '1TiB' }] as const;
    const manager = detect(
      { machine: machineOf('laptop'), tiers },
      { directories: drive('/data') },
    );
    expect(manager.tiers[0].capacityBytes).toBeLessThan(100 * gib);
    expect(manager.tiers[0].capacityBytes).toBeGreaterThan(98 * gib);
  });

  test('that does not exist is an error', () => {
    const tiers = [{ name: 'L4_NVME', directory: '/none' }] as const;
    expect(() => detect({ machine: machineOf('laptop'), tiers })).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_UNAVAILABLE' }),
    );
  });

  test('auto picks the writable mount of the best drive', () => {
    const machine = {
      ...machineOf('laptop'),
      blocks: [
        { ...nvme, name: 'vda', origin: 'virtio' as const, mounts: [{ ...mount, path: '/v' }] },
        nvme,
      ],
    };
    const tiers = [{ name: 'L4_NVME', directory: 'auto' }] as const;
    const directories = { ...drive('/data'), ...drive('/v') };
    expect(detect({ machine, tiers }, { directories }).tiers[0].backends).toMatchObject([
      { kind: 'file', directory: '/data' },
    ]);
    const refused = detect({ machine, tiers }, { directories, writable: false });
    expect(refused.tiers[0].kind).toBe('simulated');
  });

  test('is simulated in memory when L4_NVME names none', () => {
    const tiers = [{ name: 'L4_NVME', capacityBytes: '8MiB' }] as const;
    const manager = detect({ machine: machineOf('laptop'), tiers }, { directories: drive('/tmp') });
    expect(manager.tiers[0]).toMatchObject({
      kind: 'simulated',
      backends: [{ kind: 'simulated' }],
    });
    expect(manager.limits[0].reason).toBe('No directory was given');
  });

  test('without DAX is a simulated L3_PMEM', () => {
    const tiers = [{ name: 'L3_PMEM', directory: '/data' }] as const;
    const manager = detect(
      { machine: machineOf('laptop'), tiers },
      { directories: drive('/data') },
    );
    expect(manager.tiers[0]).toMatchObject({ kind: 'simulated', backends: [{ kind: 'file' }] });
  });

  test.each([
    ['/dev/dax2.0', 'real', undefined],
    ['/dev/dax1.0', 'simulated', 'online as system RAM'],
    ['/dev/dax9.0', 'simulated', 'is no dax device'],
  ])('%s is a %s L3_PMEM', (devicePath, kind, reason) => {
    const tiers = [{ name: 'L3_PMEM', devicePath }] as const;
    const manager = detect({ machine: machineOf('pmem-three-modes'), tiers });
    expect(manager.tiers[0].kind).toBe(kind);
    if (reason !== undefined) expect(manager.limits[0].reason).toContain(reason);
  });
});

describe('backends given by the caller', () => {
  const numa = (node: number) => ({ kind: 'numa', node, capacityBytes: 8 * mib }) as const;

  test.each([
    ['L2_CXL', '/dev/dax0.0', 'real', undefined],
    ['L3_PMEM', '/dev/dax1.0', 'real', undefined],
    ['L2_CXL', '/dev/dax1.0', 'simulated', 'a device of origin pmem'],
    ['L2_CXL', '/dev/shm/pool', 'simulated', 'no devdax device'],
  ] as const)('a pool as %s on %s is %s', (name, path, kind, reason) => {
    const dax = {
      name: 'dax0.0',
      path: '/dev/dax0.0',
      sizeBytes: gib,
      alignBytes: 2 * mib,
      targetNode: 1,
      mode: 'devdax',
      origin: 'cxl',
    } as const;
    const machine = {
      ...machineOf('laptop'),
      dax: [dax, { ...dax, path: '/dev/dax1.0', origin: 'pmem' as const }],
    };
    const backends = [{ kind: 'pool', path, capacityBytes: 8 * mib }] as const;
    const manager = detect({ machine, tiers: [{ name, backends }] });
    expect(manager.tiers[0]).toMatchObject({ kind, capacityBytes: 8 * mib });
    expect(manager.limits.map((limit) => limit.reason)).toEqual(
      reason === undefined ? [] : [`Its pool lies on ${path}, ${reason}`],
    );
  });

  test('are taken as they are, up to the capacity', () => {
    const tiers = [
      { name: 'L1_DDR', capacityBytes: '12MiB', backends: [numa(1), numa(0)] },
    ] as const;
    expect(detect({ machine: machineOf('two-sockets'), tiers }).tiers[0]).toMatchObject({
      kind: 'real',
      capacityBytes: 12 * mib,
      backends: [
        { node: 1, capacityBytes: 8 * mib },
        { node: 0, capacityBytes: 4 * mib },
      ],
    });
  });

  test('on a node that memory cannot be bound to only simulate the tier', () => {
    const machine = machineOf('two-sockets');
    const refusing = { ...machine, permissions: { ...machine.permissions, mbind: 1 } };
    const tiers = [{ name: 'L2_CXL', backends: [numa(1)] }] as const;
    const manager = detect({ machine: refusing, tiers });
    expect(manager.tiers[0]).toMatchObject({ kind: 'simulated', backends: [numa(1)] });
    expect(whats(manager)).toContain('L2_CXL is simulated');
  });

  test('on a node that is not there are an error', () => {
    const tiers = [{ name: 'L1_DDR', backends: [numa(5)] }] as const;
    expect(() => detect({ machine: machineOf('two-sockets'), tiers })).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_UNAVAILABLE' }),
    );
  });
});

describe('without a machine description', () => {
  test('tiers are simulated within the memory there is', () => {
    const tiers = [{ name: 'L1_DDR', capacityBytes: '64MiB' }, { name: 'L4_NVME' }] as const;
    const manager = detect({ machine: null, tiers }, { memoryBytes: 256 * mib });
    expect(manager.machine).toBeNull();
    expect(manager.tiers.map(({ kind }) => kind)).toEqual(['simulated', 'simulated']);
    expect(manager.available).toEqual([]);
    expect(whats(manager)).toEqual(['Only simulated tiers are used']);
  });

  test('neither files nor given backends are used, for nothing could open them', () => {
    const backends = [{ kind: 'numa', node: 0, capacityBytes: 8 * mib }] as const;
    const manager = detect(
      {
        machine: null,
        tiers: [
          { name: 'L1_DDR', backends },
          { name: 'L4_NVME', directory: '/data' },
        ],
      },
      { directories: drive('/data') },
    );
    expect(manager.tiers.map((tier) => tier.backends)).toMatchObject([
      [{ kind: 'simulated', capacityBytes: 8 * mib }],
      [{ kind: 'simulated' }],
    ]);
  });

  test('there is at least L1_DDR', () => {
    const manager = detect({ machine: null });
    expect(manager.tiers.map(({ name, kind }) => [name, kind])).toEqual([['L1_DDR', 'simulated']]);
  });
});

describe('options', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'memory-tiers-manager-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('come from a policy file unless they are given', () => {
    const policyFile = join(directory, 'policy.json');
    writeFileSync(
      policyFile,
      '{"policy": "lru", "tiers": [{"name": "L2_CXL", "capacityBytes": "4MiB"}]}',
    );
    const machine = machineOf('laptop');
    const fromFile = detect({ machine, policyFile });
    expect(fromFile.policy).toEqual({ name: 'lru', parameters: {} });
    expect(fromFile.tiers.map(({ name }) => name)).toEqual(['L2_CXL']);
    const given = detect({ machine, policyFile, tiers: [{ name: 'L1_DDR' }] });
    expect(given.tiers.map(({ name }) => name)).toEqual(['L1_DDR']);
  });

  test('that are not known are refused with a guess', () => {
    expect(() => HardwareTierManager.detect({ dir: '/d' } as never)).toThrow(
      'did you mean "directory"?',
    );
    expect(() => HardwareTierManager.detect(null as never)).toThrow(TypeError);
    expect(() => HardwareTierManager.detect({ directory: 5 as never })).toThrow(TypeError);
  });
});
