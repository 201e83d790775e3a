import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireNative } from '../../../lib/native.ts';
import { type TopologyBinding, TopologySource } from '../../../lib/numa/topology-source.ts';
import { MachineTree, machineFiles } from './machine-tree.ts';

describe('a source of the topology', () => {
  let tree: MachineTree;
  let nowMs: number;
  let calls: { stamps: number; descriptions: number };
  let source: TopologySource;

  beforeEach(() => {
    tree = new MachineTree(machineFiles({ sockets: 2 }));
    nowMs = 0;
    calls = { stamps: 0, descriptions: 0 };
    const native = requireNative();
    const counting: TopologyBinding = {
      describeMachine: (root) => {
        calls.descriptions += 1;
        return native.describeMachine(root);
      },
      describeCpus: (root) => native.describeCpus(root),
      topologyStamp: (root) => {
        calls.stamps += 1;
        return native.topologyStamp(root);
      },
    };
    source = new TopologySource(counting, { root: tree.root, now: () => nowMs });
  });
  afterEach(() => tree.remove());

  it('looks once while nothing changes, and asks for changes once a second', () => {
    const first = source.topology;
    for (nowMs = 0; nowMs < 10_000; nowMs += 10) expect(source.topology).toBe(first);
    expect(calls).toEqual({ stamps: 10, descriptions: 1 });
  });

  it('sees a CPU go offline within a second', () => {
    expect(source.topology.node(1)?.cpus).toEqual([2, 3]);
    tree.write({
      '/sys/devices/system/cpu/online': '0-2\n',
      '/sys/devices/system/node/node1/cpulist': '2\n',
    });
    nowMs += 999;
    expect(source.topology.node(1)?.cpus).toEqual([2, 3]);
    nowMs += 1;
    expect(source.topology.node(1)?.cpus).toEqual([2]);
    expect(source.topology.allowedCpus).toEqual([0, 1, 2]);
  });

  it('sees a node come, and its memory go online later', () => {
    const files = machineFiles({ sockets: 2, memoryNodes: [{ distances: [20, 20] }] });
    const memory = '/sys/devices/system/node/node2/meminfo';
    const hasMemory = '/sys/devices/system/node/has_memory';
    tree.write({
      ...files,
      [memory]: 'Node 2 MemTotal: 0 kB\nNode 2 MemFree: 0 kB\n',
      [hasMemory]: '0-1\n',
    });
    expect(source.topology.node(2)).toMatchObject({ memoryAllowed: false, tier: null });
    tree.write({ [memory]: files[memory]!, [hasMemory]: files[hasMemory]! });
    nowMs += 1000;
    expect(source.topology.node(2)).toMatchObject({ memoryAllowed: true, tier: 'L2_CXL' });
  });

  it('sees the cpuset change', () => {
    expect(source.topology.allowedCpus).toEqual([0, 1, 2, 3]);
    tree.write({
      '/proc/self/status': 'Cpus_allowed_list:\t0-1\nMems_allowed_list:\t0\n',
    });
    nowMs += 1000;
    expect(source.topology.allowedCpus).toEqual([0, 1]);
    expect(source.topology.allowedNodes).toEqual([0]);
  });

  it('looks again at what no change shows when told to', () => {
    expect(source.topology.node(0)?.freeBytes).toBe(512 * 2 ** 20);
    tree.write({
      '/sys/devices/system/node/node0/meminfo':
        'Node 0 MemTotal: 1048576 kB\nNode 0 MemFree: 262144 kB\n',
    });
    nowMs += 5000;
    expect(source.topology.node(0)?.freeBytes).toBe(512 * 2 ** 20);
    expect(source.refresh().node(0)?.freeBytes).toBe(256 * 2 ** 20);
    expect(source.machine.nodes[0]?.freeBytes).toBe(256 * 2 ** 20);
  });
});
