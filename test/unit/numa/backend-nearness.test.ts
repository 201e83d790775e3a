import { describe, expect, it } from 'vitest';
import {
  backendNode,
  backendsByNearness,
  nearestBySocket,
} from '../../../lib/numa/backend-nearness.ts';
import type { BackendConfig, Tier, TierName } from '../../../lib/tiers/tier.ts';
import { describeShape } from './machine-tree.ts';

const capacityBytes = 2 ** 30;
const numa = (node: number): BackendConfig => ({ kind: 'numa', node, capacityBytes });

function tier(name: TierName, backends: readonly BackendConfig[]): Tier {
  const figure = { value: 1, source: 'default' } as const;
  const spec = {
    readLatencyNs: figure,
    writeLatencyNs: figure,
    readBytesPerSecond: figure,
    writeBytesPerSecond: figure,
    costPerGiBMonth: figure,
  };
  return { name, kind: 'real', capacityBytes, spec, backends, evidence: [] };
}

// Two sockets of two clusters; HBM for each socket, CXL behind the second.
const { machine, topology } = describeShape({
  sockets: 2,
  nodesPerSocket: 2,
  memoryNodes: [
    { initiators: [0, 1], distances: [13, 13, 23, 23] },
    { initiators: [2, 3], distances: [23, 23, 13, 13] },
    { distances: [30, 30, 17, 17] },
  ],
});
const tiers = [
  tier('L0_HBM', [numa(4), numa(5)]),
  tier('L1_DDR', [numa(0), numa(1), numa(2), numa(3)]),
  tier('L2_CXL', [numa(6)]),
  tier('L4_NVME', [{ kind: 'file', directory: '/nowhere/at/all', capacityBytes }]),
];

describe('the backends of a tier', () => {
  it('are ordered by how near they are to the one who asks', () => {
    const order = (from: number) =>
      backendsByNearness(topology, machine, tiers[1]!, from).map(({ index }) => index);
    expect(order(0)).toEqual([0, 1, 2, 3]);
    expect(order(1)).toEqual([1, 0, 2, 3]);
    expect(order(3)).toEqual([3, 2, 0, 1]);
  });

  it('say whether they are next to the CPUs of who asks', () => {
    const [own, other] = backendsByNearness(topology, machine, tiers[0]!, 2);
    expect(own).toEqual({ index: 1, node: 5, distance: 13, local: true });
    expect(other).toEqual({ index: 0, node: 4, distance: 23, local: false });
  });

  it('come last when nobody knows where they are', () => {
    const mixed = tier('L1_DDR', [{ kind: 'simulated', capacityBytes }, numa(2), numa(0)]);
    const order = backendsByNearness(topology, machine, mixed, 3).map(({ node }) => node);
    expect(order).toEqual([2, 0, null]);
  });

  it('are at the node of their device, where the kernel names one', () => {
    const dax = {
      name: 'dax0.0',
      path: '/dev/dax0.0',
      sizeBytes: capacityBytes,
      alignBytes: 2 ** 21,
      targetNode: 6,
      mode: 'devdax',
      origin: 'cxl',
    } as const;
    const withDevice = { ...machine, dax: [dax, { ...dax, path: '/dev/dax1.0', targetNode: -1 }] };
    const nodeOf = (path: string) => backendNode(withDevice, { kind: 'dax', path, capacityBytes });
    expect(nodeOf('/dev/dax0.0')).toBe(6);
    expect(nodeOf('/dev/dax1.0')).toBeNull();
    expect(nodeOf('/dev/dax2.0')).toBeNull();
    const pool = { kind: 'pool', path: '/dev/dax0.0', capacityBytes } as const;
    expect(backendNode(withDevice, pool)).toBe(6);
  });
});

describe('the nearest backend for each socket', () => {
  it("is its own where it has one, and of its clusters' the first", () => {
    const shown = nearestBySocket(topology, machine, tiers).map(({ socket, tiers: nearest }) => ({
      socket,
      nodes: nearest.map(({ tier: name, node, local }) => [name, node, local]),
    }));
    expect(shown).toEqual([
      {
        socket: 0,
        nodes: [
          ['L0_HBM', 4, true],
          ['L1_DDR', 0, true],
          ['L2_CXL', 6, false],
          ['L4_NVME', null, false],
        ],
      },
      {
        socket: 1,
        nodes: [
          ['L0_HBM', 5, true],
          ['L1_DDR', 2, true],
          ['L2_CXL', 6, true],
          ['L4_NVME', null, false],
        ],
      },
    ]);
  });

  it('is found for eight sockets', () => {
    const eight = describeShape({ sockets: 8 });
    const ddr = tier(
      'L1_DDR',
      Array.from({ length: 8 }, (_, node) => numa(7 - node)),
    );
    const nearest = nearestBySocket(eight.topology, eight.machine, [ddr]);
    expect(nearest.map(({ tiers: found }) => found[0]?.node)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(nearest.map(({ tiers: found }) => found[0]?.index)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });
});
