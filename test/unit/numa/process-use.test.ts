import { afterEach, describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { requireNative } from '../../../lib/native.ts';
import type { ProcessThread } from '../../../lib/numa/numa-binding.ts';
import { describeUse, ThreadWatch } from '../../../lib/numa/process-use.ts';
import { watchProcess } from '../../../lib/numa/process-watch.ts';
import { describeTopology, NumaTopology } from '../../../lib/numa/topology.ts';
import { describeShape, MachineTree, machineFiles } from './machine-tree.ts';
import { memoryFile, threadFiles } from './process-tree.ts';

const cxl = { initiators: [0, 1], distances: [30, 30] };
// CPUs 0 and 1 are on node 0, 2 and 3 on node 1; node 2 has memory only, next to both.
const { topology } = describeShape({ sockets: 2, memoryNodes: [cxl] });
const MiB = 2 ** 20;

function thread(threadId: number, cpu: number, cpuTicks: number): ProcessThread {
  return { threadId, name: 'node', cpu, cpus: [0, 1, 2, 3, 9], cpuTicks };
}
function watched(...looks: ProcessThread[][]): ThreadWatch {
  const watch = new ThreadWatch(topology);
  for (const look of looks) watch.look(look);
  return watch;
}
const memory = (...bytes: number[]) =>
  bytes.map((value, node) => ({ node, bytes: value, placedBytes: value / 2 }));

describe('threads that are watched', () => {
  it('have their CPU time counted for the node they are seen on, from the first look on', () => {
    const watch = watched([thread(1, 0, 500)], [thread(1, 1, 530)], [thread(1, 2, 540)]);
    expect(watch.threads()).toEqual([
      {
        threadId: 1,
        name: 'node',
        cpus: [0, 1, 2, 3],
        mayRunOn: [0, 1],
        ranOn: [
          { node: 0, share: 0.75 },
          { node: 1, share: 0.25 },
        ],
        cpuTicks: 40,
      },
    ]);
  });

  it('that start meanwhile count whole, those that ended not at all', () => {
    const watch = watched([thread(1, 0, 5)], [thread(1, 0, 9), thread(2, 2, 7)], [thread(2, 2, 7)]);
    expect(watch.threads().map(({ threadId, cpuTicks }) => [threadId, cpuTicks])).toEqual([[2, 7]]);
    expect(watch.cpuTime()).toEqual({ idle: false, shares: [{ node: 1, share: 1 }] });
  });

  it('whose number was given out again are others', () => {
    const watch = watched([thread(1, 0, 5)], [thread(1, 0, 50)], [thread(1, 2, 3)]);
    expect(watch.threads()[0]).toMatchObject({ ranOn: [{ node: 1, share: 1 }], cpuTicks: 3 });
  });

  it('that do nothing are where they ran last, by all the time they took', () => {
    const look = [thread(1, 0, 30), thread(2, 3, 10), thread(3, 77, 10)];
    const watch = watched(look, look);
    expect(watch.cpuTime()).toEqual({
      idle: true,
      shares: [
        { node: 0, share: 0.75 },
        { node: 1, share: 0.25 },
      ],
    });
    expect(watch.threads().map(({ ranOn }) => ranOn[0]?.node)).toEqual([0, 1, undefined]);
  });
});

describe('a process', () => {
  it('has a share that is remote for certain, and one if all use all alike', () => {
    const watch = watched([thread(1, 0, 0)], [thread(1, 0, 30)]);
    const use = describeUse(7, 1000, watch, memory(6 * MiB, 2 * MiB, 8 * MiB), topology);
    expect(use.nodes).toEqual([
      { node: 0, bytes: 6 * MiB, placedBytes: 3 * MiB, threads: 1, cpuShare: 1, remoteShare: 0 },
      { node: 1, bytes: 2 * MiB, placedBytes: MiB, threads: 0, cpuShare: 0, remoteShare: 1 },
      { node: 2, bytes: 8 * MiB, placedBytes: 4 * MiB, threads: 0, cpuShare: 0, remoteShare: 0 },
    ]);
    expect(use.remote).toEqual({ least: 2 / 16, even: 2 / 16 });
  });

  it('with threads on both nodes has nothing that is remote for certain', () => {
    const watch = watched([thread(1, 0, 0), thread(2, 2, 0)], [thread(1, 0, 30), thread(2, 2, 10)]);
    const use = describeUse(7, 1000, watch, memory(4 * MiB, 4 * MiB), topology);
    expect(use.remote).toEqual({ least: 0, even: 0.5 * 0.25 + 0.5 * 0.75 });
  });

  it('has no remote share where its memory or the CPUs are not known', () => {
    const watch = watched([thread(1, 0, 5)]);
    const hidden = describeUse(7, 0, watch, { problem: 'refused' }, topology);
    expect(hidden).toMatchObject({ remote: null, memoryProblem: 'refused', nodes: [{ node: 0 }] });
    const blind = new ThreadWatch(new NumaTopology());
    blind.look([thread(1, 0, 5)]);
    const use = describeUse(7, 0, blind, memory(MiB), new NumaTopology());
    expect(use.remote).toBeNull();
    expect(use.nodes).toMatchObject([{ node: 0, bytes: MiB, remoteShare: null }]);
  });
});

describe('watching', () => {
  let tree: MachineTree | undefined;
  afterEach(() => {
    tree?.remove();
    tree = undefined;
  });

  it('reads threads and memory of another process as the kernel writes them', async () => {
    tree = new MachineTree({
      ...machineFiles({ sockets: 2 }),
      ...threadFiles(4711, { id: 4711, name: 'a (b) c', cpu: 3, cpus: '2-3', ticks: 12 }),
      ...memoryFile(4711, [{ pages: { 0: 512 } }, { policy: 'bind:1', pages: { 1: 256 } }]),
    });
    const { root } = tree;
    const use = await watchProcess(requireNative(), topology, 4711, { durationMs: 0, root });
    expect(use).toMatchObject({
      pid: 4711,
      idle: true,
      threads: [{ threadId: 4711, name: 'a (b) c', cpus: [2, 3], mayRunOn: [1] }],
      nodes: [
        { node: 0, bytes: 2 * MiB, placedBytes: 0, remoteShare: 1 },
        { node: 1, bytes: MiB, placedBytes: MiB, remoteShare: 0 },
      ],
      memoryProblem: null,
    });
  });

  it('goes on without its memory where that is not to be read', async () => {
    tree = new MachineTree(threadFiles(4711, { id: 4711, cpu: 0, cpus: '0', ticks: 1 }));
    const { root } = tree;
    const use = await watchProcess(requireNative(), topology, 4711, { durationMs: 0, root });
    expect(use.memoryProblem).toContain('numa_maps');
    expect(use.threads).toHaveLength(1);
  });

  it('looks again and again, and ends with the process', async () => {
    let looks = 0;
    const native = {
      processThreads: () => {
        if (looks === 3) throw new TierError('ERR_TIER_UNAVAILABLE', 'gone');
        looks += 1;
        return [thread(1, 0, looks * 10)];
      },
      processMemory: async () => memory(MiB),
    };
    const use = await watchProcess(native, topology, 7, { durationMs: 60_000 });
    expect(looks).toBe(3);
    expect(use.threads[0]?.cpuTicks).toBe(20);
    expect(use.watchedMs).toBeLessThan(60_000);
  });

  it('of a process that is not there is an error', async () => {
    const watching = watchProcess(requireNative(), topology, 2147483600, { durationMs: 0 });
    await expect(watching).rejects.toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      message: 'There is no process 2147483600 to be seen.',
    });
  });

  it('sees the work and the memory of this very process', async () => {
    const native = requireNative();
    const machine = native.describeMachine('');
    const here = describeTopology(machine, native.describeCpus(''));
    const watching = watchProcess(native, here, process.pid, { durationMs: 200 });
    const end = performance.now() + 100;
    while (performance.now() < end);
    const use = await watching;
    expect(use.threads.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0)).toBeGreaterThan(0);
    if (use.memoryProblem === null) {
      expect(use.nodes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(MiB);
    }
  });
});
