import { describe, expect, it } from 'vitest';
import { BackendSet, type Near } from '../../../lib/memory/backend-set.ts';
import { ObjectStore } from '../../../lib/memory/object-store.ts';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { backendsByNearness } from '../../../lib/numa/backend-nearness.ts';
import type { Nearness } from '../../../lib/numa/tier-nearness.ts';
import type { Tier } from '../../../lib/tiers/tier.ts';
import { modelTiers } from '../../support/stores.ts';
import { describeShape } from '../numa/machine-tree.ts';

const MiB = 1024 * 1024;

// Two sockets of two clusters, HBM for each socket, CXL behind the second.
const { machine, topology } = describeShape({
  sockets: 2,
  nodesPerSocket: 2,
  memoryNodes: [
    { initiators: [0, 1], distances: [13, 13, 23, 23] },
    { initiators: [2, 3], distances: [23, 23, 13, 13] },
    { distances: [30, 30, 17, 17] },
  ],
});

function tiersOn(nodes: readonly (readonly number[])[], mebibytes = 8): Tier[] {
  return modelTiers(nodes.map(() => 8)).map((tier, k) => ({
    ...tier,
    backends: nodes[k]!.map((node) => ({
      kind: 'simulated',
      node,
      capacityBytes: mebibytes * MiB,
    })),
  }));
}

/** A store on the machine, and where its thread is. */
function storeOn(nodes: readonly (readonly number[])[], mebibytes?: number) {
  const tiers = tiersOn(nodes, mebibytes);
  const caller = { node: 0, asked: 0, looked: 0, orders: 0 };
  const nearness: Nearness = {
    callerNode: () => {
      caller.asked++;
      return caller.node;
    },
    lookForCaller: () => {
      caller.looked++;
      return caller.node;
    },
    order: (tier, from) => {
      caller.orders++;
      return backendsByNearness(topology, machine, tiers[tier]!, from).map(({ index }) => index);
    },
  };
  const set = new BackendSet(new PlainHeap(), tiers, nearness);
  const store = new ObjectStore(set);
  const put = (bytes: number, node: Near = -1): number => {
    const order = { tiers: [0], node, pinned: false };
    const id = store.put(undefined, 1, new Uint8Array(bytes), () => order);
    return set.backendOf(store.space.chunkOf(id)).node;
  };
  const near = (tier: number, where: Near) => set.preferred(tier, where).map(({ node }) => node);
  return { caller, near, put };
}

describe('a new value', () => {
  it('goes to the node of the thread that stores it', () => {
    const { caller, put } = storeOn([[0, 1, 2, 3]]);
    for (const node of [2, 0, 3, 1]) {
      caller.node = node;
      expect(put(1000)).toBe(node);
      expect(put(3 * MiB)).toBe(node);
    }
  });

  it('goes to the next nearest node when that has no room, and so on', () => {
    const { caller, put } = storeOn([[0, 1, 2, 3]], 2);
    caller.node = 3;
    expect(Array.from({ length: 4 }, () => put(2 * MiB))).toEqual([3, 2, 0, 1]);
  });

  it('goes near the node it is wanted near, wherever the thread is', () => {
    const { caller, put } = storeOn([[4, 5]]);
    caller.node = 3;
    expect(put(1000)).toBe(5);
    expect(put(1000, 1)).toBe(4);
    expect(put(1000, 4)).toBe(4);
  });

  it('has the thread looked for when it is large, and not when it is small', () => {
    const { caller, put } = storeOn([[0, 1]]);
    put(1000);
    expect(caller.looked).toBe(0);
    put(3 * MiB);
    expect(caller.looked).toBe(1);
  });

  it('costs nothing where its tier has one backend', () => {
    const { caller, put } = storeOn([[0], [1, 2]]);
    put(1000);
    put(1000, [1, 2]);
    expect(caller).toEqual({ node: 0, asked: 0, looked: 0, orders: 0 });
  });

  it('has the order worked out once for each node', () => {
    const { caller, put } = storeOn([[0, 1, 2, 3]]);
    for (let i = 0; i < 10; i++) put(100);
    expect(caller.orders).toBe(1);
  });
});

describe('several preferred nodes', () => {
  it('all come before the others, those nearer to the thread first', () => {
    const { caller, near } = storeOn([[0, 1, 2, 3]]);
    caller.node = 3;
    expect(near(0, [0, 2])).toEqual([2, 0, 3, 1]);
    caller.node = 0;
    expect(near(0, [2, 0])).toEqual([0, 2, 1, 3]);
    expect(near(0, [2])).toEqual([2, 3, 0, 1]);
  });

  it('stand for what is nearest to any of them in a tier that has none of them', () => {
    const { caller, near } = storeOn([[4, 5]]);
    caller.node = 0;
    expect(near(0, [2, 3])).toEqual([5, 4]);
    caller.node = 3;
    expect(near(0, [0, 2])).toEqual([5, 4]);
    caller.node = 1;
    expect(near(0, [0, 2])).toEqual([4, 5]);
  });
});

describe('without a topology', () => {
  it('the preferred nodes come first, and the rest in their order', () => {
    const set = new BackendSet(new PlainHeap(), tiersOn([[0, 1, 2]]));
    const near = (where: Near) => set.preferred(0, where).map(({ node }) => node);
    expect(near(-1)).toEqual([0, 1, 2]);
    expect(near(1)).toEqual([1, 0, 2]);
    expect(near([2, 1])).toEqual([1, 2, 0]);
    expect(near(9)).toEqual([0, 1, 2]);
  });
});
