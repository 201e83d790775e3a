import { describe, expect, it } from 'vitest';
import { NumaTopology } from '../../../lib/numa/topology.ts';
import { readTopology } from '../tiers/topology-fixture.ts';
import { describeFiles, describeShape, machineFiles } from './machine-tree.ts';

describe.each([1, 2, 4, 8])('the topology of a machine with %i sockets', (sockets) => {
  const { topology } = describeShape({ sockets, coresPerNode: 4, threadsPerCore: 2 });

  it('has a node and eight CPUs a socket, each in one place only', () => {
    expect(topology.sockets.map(({ id }) => id)).toEqual(
      Array.from({ length: sockets }, (_, i) => i),
    );
    for (const { id, nodes, cpus, memoryNodes } of topology.sockets) {
      expect(nodes).toEqual([id]);
      expect(memoryNodes).toEqual([]);
      expect(cpus).toHaveLength(8);
      for (const cpu of cpus) expect(topology.cpu(cpu)).toMatchObject({ node: id, socket: id });
    }
    expect(topology.cpus).toHaveLength(sockets * 8);
    expect(topology.allowedCpus).toEqual(topology.cpus.map(({ id }) => id));
    expect(topology.unreadable).toEqual([]);
  });

  it('knows which CPUs are threads of one core', () => {
    expect(new Set(topology.cpus.map(({ core }) => core)).size).toBe(sockets * 4);
    expect(topology.cpu(sockets * 4)?.core).toBe(0);
  });

  it('has each cache once, with those who share it', () => {
    const levels = topology.caches.map(({ level, type }) => `${level} ${type}`);
    const count = (name: string): number => levels.filter((level) => level === name).length;
    expect(count('1 data')).toBe(sockets * 4);
    expect(count('1 instruction')).toBe(sockets * 4);
    expect(count('2 unified')).toBe(sockets * 4);
    expect(count('3 unified')).toBe(sockets);
    const last = topology.caches.at(-1);
    expect(last).toMatchObject({ level: 3, sizeBytes: 32 * 2 ** 20 });
    expect(last?.cpus).toEqual(topology.sockets.at(-1)?.cpus);
  });

  it('sees itself first and every other node after it', () => {
    const ids = topology.nodes.map(({ id }) => id);
    for (const from of ids) {
      expect(topology.byNearness(from, ids)).toEqual([from, ...ids.filter((id) => id !== from)]);
      expect(ids.filter((id) => topology.isLocal(from, id))).toEqual([from]);
    }
  });
});

describe('sub-NUMA clusters', () => {
  const { topology } = describeShape({ sockets: 2, nodesPerSocket: 4 });

  it('are nodes of one socket, nearer to each other than to the next socket', () => {
    expect(topology.sockets.map(({ nodes }) => nodes)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(topology.distance(5, 6)).toBe(12);
    expect(topology.distance(5, 1)).toBe(21);
    expect(topology.byNearness(5, [0, 1, 2, 3, 4, 5, 6, 7])).toEqual([5, 4, 6, 7, 0, 1, 2, 3]);
  });
});

describe('nodes without CPUs', () => {
  it('belong to the socket that the firmware says is next to them, whatever the distances say', () => {
    const flat = { distances: [20, 20] };
    const { topology } = describeShape({
      sockets: 2,
      memoryNodes: [{ ...flat, initiators: [1] }, { ...flat, initiators: [0] }, flat],
    });
    expect(topology.nodes.map(({ initiators }) => initiators)).toEqual([
      [0],
      [1],
      [1],
      [0],
      [0, 1],
    ]);
    expect(topology.nodes.map(({ socket }) => socket)).toEqual([0, 1, 1, 0, null]);
    expect(topology.sockets.map(({ memoryNodes }) => memoryNodes)).toEqual([[3], [2]]);
    expect(topology.byNearness(0, [2, 3, 4])).toEqual([3, 4, 2]);
    expect(topology.byNearness(1, [2, 3, 4])).toEqual([2, 4, 3]);
    expect(topology.isLocal(1, 2)).toBe(true);
    expect(topology.isLocal(0, 2)).toBe(false);
    expect(topology.isLocal(0, 4) && topology.isLocal(1, 4)).toBe(true);
    expect(topology.runnableNodes.map(({ id }) => id)).toEqual([0, 1]);
  });

  it('belong to the nearest socket where the firmware names none', () => {
    const { topology } = describeShape({
      sockets: 2,
      memoryNodes: [{ distances: [14, 24] }, { distances: [24, 14] }],
    });
    expect(topology.nodes.map(({ socket }) => socket)).toEqual([0, 1, 0, 1]);
  });

  it('are near to both clusters of their socket', () => {
    const { topology } = describeShape({
      sockets: 2,
      nodesPerSocket: 2,
      memoryNodes: [{ distances: [13, 13, 23, 23] }],
    });
    expect(topology.node(4)).toMatchObject({ initiators: [0, 1], socket: 0 });
  });
});

describe('the emulated machine with five tiers', () => {
  it('has HBM for each socket, PMEM next to the first, and CXL next to both', () => {
    const { topology } = describeFiles(readTopology('emulated-five-tiers').files);
    const shown = topology.nodes.map(({ tier, socket, initiators }) => ({
      tier,
      socket,
      initiators,
    }));
    expect(shown).toEqual([
      { tier: 'L1_DDR', socket: 0, initiators: [0] },
      { tier: 'L1_DDR', socket: 1, initiators: [1] },
      { tier: 'L0_HBM', socket: 0, initiators: [0] },
      { tier: 'L0_HBM', socket: 1, initiators: [1] },
      { tier: expect.any(String), socket: 0, initiators: [0] },
      { tier: expect.any(String), socket: null, initiators: [0, 1] },
    ]);
  });
});

describe('a cpuset', () => {
  it('takes CPUs and memory away, and leaves the rest of the picture', () => {
    const { topology } = describeShape({ sockets: 4, allowedCpus: '2-3,5', allowedNodes: '1' });
    expect(topology.allowedCpus).toEqual([2, 3, 5]);
    expect(topology.allowedNodes).toEqual([1]);
    expect(topology.runnableNodes.map(({ id }) => id)).toEqual([1, 2]);
    expect(topology.node(2)).toMatchObject({
      cpus: [4, 5],
      allowedCpus: [5],
      memoryAllowed: false,
    });
    expect(topology.cpus).toHaveLength(8);
  });
});

describe('a kernel that does not say', () => {
  it('which socket a CPU is on gets one for each node', () => {
    const { topology } = describeShape({ sockets: 2, packages: false });
    expect(topology.sockets.map(({ id, nodes }) => ({ id, nodes }))).toEqual([
      { id: 0, nodes: [0] },
      { id: 1, nodes: [1] },
    ]);
  });

  it('anything gets an empty topology that names what is missing', () => {
    const { topology } = describeFiles({});
    expect(topology.nodes).toEqual([]);
    expect(topology.sockets).toEqual([]);
    expect(topology.unreadable).toContain('/sys/devices/system/cpu/online');
    expect(new NumaTopology().runnableNodes).toEqual([]);
  });

  it('distances has none, and orders by number', () => {
    const files = machineFiles({ sockets: 2 });
    files['/sys/devices/system/node/node1/distance'] = 'far\n';
    const { topology } = describeFiles(files);
    expect(topology.distance(1, 0)).toBeNull();
    expect(topology.distance(0, 7)).toBeNull();
    expect(topology.byNearness(1, [1, 0])).toEqual([1, 0]);
    expect(topology.unreadable).toContain('/sys/devices/system/node/node1/distance');
  });
});
