import { describe, expect, it } from 'vitest';
import { requireNative } from '../../../lib/native.ts';
import {
  CounterWindow,
  countedBalancingLimit,
  countersSince,
} from '../../../lib/numa/kernel-counters.ts';
import { ResidencySampler } from '../../../lib/numa/residency.ts';
import { describeShape, MachineTree } from './machine-tree.ts';

function numastat(local: number, other: number): string {
  return (
    `numa_hit ${local + other}\nnuma_miss 3\nnuma_foreign 4\ninterleave_hit 5\n` +
    `local_node ${local}\nother_node ${other}\n`
  );
}
const vmstat = (faults: number, migrated: number): string =>
  `nr_free_pages 1\nnuma_pte_updates 900\nnuma_hint_faults ${faults}\n` +
  `numa_hint_faults_local 7\nnuma_pages_migrated ${migrated}\n`;
const files = (local: number, other: number, migrated: number): Record<string, string> => ({
  '/sys/devices/system/node/online': '0-1\n',
  '/sys/devices/system/node/node0/numastat': numastat(local, other),
  '/sys/devices/system/node/node1/numastat': numastat(10, 0),
  '/proc/sys/kernel/numa_balancing': '1\n',
  '/proc/vmstat': vmstat(migrated * 2, migrated),
});

describe('the counters of the kernel', () => {
  const tree = new MachineTree(files(1000, 100, 50));
  const before = requireNative().kernelCounters(tree.root);
  tree.write(files(1060, 140, 80));
  const now = requireNative().kernelCounters(tree.root);
  tree.remove();

  it('are read as the kernel writes them', () => {
    expect(before.nodes[0]).toEqual({
      node: 0,
      hitPages: 1100,
      missPages: 3,
      foreignPages: 4,
      interleavedPages: 5,
      localPages: 1000,
      otherPages: 100,
    });
    expect(before.balancing).toEqual({
      unmappedPages: 900,
      hintFaults: 100,
      localHintFaults: 7,
      migratedPages: 50,
    });
  });

  it('are counted from a moment on, with the share that came from afar', () => {
    const since = countersSince(now, before);
    expect(
      since.nodes.map(({ node, localPages, otherPages }) => [node, localPages, otherPages]),
    ).toEqual([
      [0, 60, 40],
      [1, 0, 0],
    ]);
    expect(since.remoteShare).toBe(0.4);
    expect(since.balancing).toEqual({
      unmappedPages: 0,
      hintFaults: 60,
      localHintFaults: 0,
      migratedPages: 30,
    });
    expect(countersSince(now, now).remoteShare).toBeNull();
  });

  it('of a node that was away in between are those since it came back', () => {
    expect(countersSince(before, now).nodes[0]?.localPages).toBe(1000);
    const grown = countersSince(now, { ...before, nodes: before.nodes.slice(1) });
    expect(grown.nodes[0]?.localPages).toBe(1060);
  });

  it('are read anew each time from where a window began', () => {
    let reading = before;
    const window = new CounterWindow({ kernelCounters: () => reading });
    expect(window.read().remoteShare).toBeNull();
    reading = now;
    expect(window.read().remoteShare).toBe(0.4);
  });

  it('make a limit of balancing that is on, with what it did, and of none that is off', () => {
    const { topology } = describeShape({ sockets: 2 });
    const since = countersSince(now, before);
    expect(countedBalancingLimit(topology, since)).toMatchObject({
      what: 'The kernel moves pages too',
      reason: 'kernel.numa_balancing is 1, and the kernel has moved 30 pages since',
      hint: expect.stringContaining('sysctl kernel.numa_balancing=0'),
    });
    expect(countedBalancingLimit(topology, { ...since, balancingMode: 0 })).toBeNull();
    expect(countedBalancingLimit(topology, { ...since, balancingMode: null })).toBeNull();
    expect(countedBalancingLimit(describeShape({ sockets: 1 }).topology, since)).toBeNull();
  });

  it('are absent where there are none', () => {
    const empty = new MachineTree({});
    const nothing = requireNative().kernelCounters(empty.root);
    empty.remove();
    expect(nothing).toEqual({ nodes: [], balancingMode: null, balancing: null });
    expect(countersSince(nothing, nothing).remoteShare).toBeNull();
  });
});

describe('samples of where a thread is', () => {
  it('add up to shares by node, most first', () => {
    const path = [1, 0, 1, 1];
    const residency = new ResidencySampler(() => path.shift()!);
    expect(residency.mostly).toBeUndefined();
    expect([1, 2, 3, 4].map(() => residency.sample())).toEqual([1, 0, 1, 1]);
    expect(residency.shares()).toEqual([
      { node: 1, share: 0.75 },
      { node: 0, share: 0.25 },
    ]);
    expect(residency.mostly).toBe(1);
    residency.reset();
    expect(residency.total).toBe(0);
  });
});
