import { describe, expect, it } from 'vitest';
import { BackendSet } from '../../../lib/memory/backend-set.ts';
import { dataCode } from '../../../lib/memory/data.ts';
import { Handle } from '../../../lib/memory/handle.ts';
import { chunkUnitBase } from '../../../lib/memory/large-object.ts';
import { NodeUse } from '../../../lib/memory/node-use.ts';
import { ObjectStore } from '../../../lib/memory/object-store.ts';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { makeSharedCounts, SharedCounter } from '../../../lib/memory/shared-counts.ts';
import { chunkBytes } from '../../../lib/native.ts';
import type { NodePlaces } from '../../../lib/numa/node-places.ts';
import { noNode } from '../../../lib/policy/policy.ts';
import { ownerOf } from '../../support/damageable-heap.ts';
import { modelTiers } from '../../support/stores.ts';

const options = { halfLifeAccesses: 1e6, maxUnits: 100 };

/** Two sockets, whose nodes are 0 and 2, and a thread that can be put on either. */
function twoSockets() {
  const thread = { node: 0 };
  const places: NodePlaces = {
    runnableNodes: [0, 2],
    distance: (from, to) => (from === to ? 10 : 21),
    isLocal: (from, node) => from === node,
    currentNode: () => thread.node,
  };
  return { thread, places };
}

/** A store whose first tier is on both sockets and the second on none. */
function storeOn(nodes: readonly number[], mebibytes = 16) {
  const capacityBytes = mebibytes * 1024 * 1024;
  const [first, second] = modelTiers([mebibytes * nodes.length, 64]);
  const backends = nodes.map((node) => ({ kind: 'simulated' as const, node, capacityBytes }));
  const tiers = [{ ...first, backends }, second];
  const store = new ObjectStore(new BackendSet(new PlainHeap(), tiers));
  const put = (key: number, bytes: number, tier: number, node: number) => {
    const order = { tiers: [tier], node, pinned: false };
    const data = new Uint8Array(bytes);
    return store.put(key, dataCode(data), data, () => order);
  };
  return { store, put };
}

function watched(nodes = [0, 2]) {
  const { thread, places } = twoSockets();
  const { store, put } = storeOn(nodes);
  const use = NodeUse.of(store.space, () => places);
  store.units.nodes = use;
  store.units.tellsNodes = true;
  return { thread, store, put, use: use as NodeUse };
}

const handleOf = (store: ObjectStore, id: number) => new Handle(ownerOf(store), id, false);
const rowOf = (store: ObjectStore, id: number) => {
  const { units, nodes } = store.units.snapshot(options);
  const row = units.id.indexOf(id);
  return {
    node: nodes?.ids[units.node?.[row] ?? noNode],
    uses: units.uses?.map((column) => column[row]),
  };
};

describe('nodes of a store', () => {
  it('are of no interest where every tier is on one, and then nobody asks where threads are', () => {
    const asked = () => {
      throw new Error('asked');
    };
    expect(NodeUse.of(storeOn([0]).store.space, asked)).toBeUndefined();
    expect(NodeUse.of(storeOn([2, 2]).store.space, asked)).toBeUndefined();
    expect(NodeUse.of(storeOn([0, 2]).store.space, () => undefined)).toBeUndefined();
  });

  it('are in the snapshots of a policy that wants them, with what is used of each', () => {
    const { store, put } = watched();
    put(1, 3 * chunkBytes, 0, 2);
    put(2, 100, 0, 0);
    const { nodes, units } = store.units.snapshot(options);
    expect(nodes).toMatchObject({ ids: [0, 2], hasCpus: [true, true] });
    expect(nodes!.distances).toEqual([
      [10, 21],
      [21, 10],
    ]);
    const [rooms, below] = nodes!.rooms;
    expect(rooms).toMatchObject([{ node: 0 }, { node: 1, usedBytes: 3 * chunkBytes }]);
    expect(rooms[0].usedBytes).toBeGreaterThan(0);
    expect(rooms.every(({ capacityBytes }) => capacityBytes === 16 * 1024 * 1024)).toBe(true);
    expect(below).toEqual([]);
    expect(Array.from(units.node!.subarray(0, units.length)).sort()).toEqual([0, 1, 1, 1]);
    store.units.tellsNodes = false;
    expect(store.units.snapshot(options).nodes).toBeUndefined();
  });

  it('are no matter of chunks that their owner has spread over several', () => {
    const { store, put } = watched();
    const object = store.space.largeOf(put(1, 2 * chunkBytes, 0, 0))!;
    object.nodes = [0, 2];
    // Known users would have it brought to them when it comes back from another tier.
    expect(rowOf(store, chunkUnitBase + object.firstChunk)).toEqual({
      node: undefined,
      uses: [0, 0],
    });
  });

  it('are unknown of what is in a file', () => {
    const { store, put } = watched();
    const id = put(1, 100, 1, -1);
    expect(rowOf(store, id).node).toBeUndefined();
  });
});

describe('the users of what a thread holds', () => {
  it('are where the thread was when it used anything', () => {
    const { store, put, thread } = watched();
    const [a, b] = [put(1, 100, 0, 0), put(2, 100, 0, 0)];
    expect(rowOf(store, a)).toEqual({ node: 0, uses: [1, 0] });
    thread.node = 2;
    for (let look = 0; look < 30; look++) {
      handleOf(store, a).read();
      store.units.snapshot(options);
    }
    // Wherever it used this one before: it is there now.
    const { uses } = rowOf(store, b);
    expect(uses![1]).toBeGreaterThan(0.99);
    expect(store.units.nodes!.threadShares()[0].node).toBe(2);
  });

  it('are shared by the nodes of a thread that goes to and fro', () => {
    const { store, put, thread } = watched();
    const id = put(1, 100, 0, 0);
    for (let look = 0; look < 40; look++) {
      thread.node = look % 2 === 0 ? 0 : 2;
      handleOf(store, id).read();
      store.units.snapshot(options);
    }
    const { uses } = rowOf(store, id);
    expect(Math.abs(uses![0] - 0.5)).toBeLessThan(0.1);
  });

  it('are nobody before the first access, and on a node that has no memory of the tier', () => {
    const { store, put, thread } = watched();
    thread.node = 7;
    store.units.snapshot(options);
    const id = put(1, 100, 0, 0);
    expect(rowOf(store, id).uses).toEqual([0, 0]);
    expect(store.units.nodes!.threadShares()).toEqual([]);
  });
});

describe('accesses', () => {
  it('are remote when another node of the tier is nearer', () => {
    const { store, put, thread, use } = watched();
    const [here, there, file] = [put(1, 100, 0, 0), put(2, 100, 0, 2), put(3, 100, 1, -1)];
    store.units.snapshot(options);
    const before = { ...use.accesses[0] };
    for (let i = 0; i < 3; i++) handleOf(store, here).read();
    handleOf(store, there).read();
    handleOf(store, file).read();
    store.units.snapshot(options);
    expect(use.accesses[0].near - before.near).toBe(3);
    expect(use.accesses[0].far - before.far).toBe(1);
    thread.node = 2;
    store.units.snapshot(options);
    for (let i = 0; i < 3; i++) handleOf(store, here).read();
    store.units.snapshot(options);
    expect(use.accesses[0].far - before.far).toBe(4);
    expect(use.accesses[1]).toEqual({ near: 0, far: 0 });
  });

  it('count once, however often a dry run looks at them', () => {
    const { store, put, use } = watched();
    const id = put(1, 100, 0, 0);
    store.units.snapshot(options);
    const before = use.accesses[0].near;
    for (let i = 0; i < 5; i++) handleOf(store, id).read();
    for (let i = 0; i < 3; i++) store.units.snapshot({ ...options, dryRun: true });
    store.units.snapshot(options);
    expect(use.accesses[0].near - before).toBe(5);
  });

  it('of other threads to a shared chunk are theirs, and the rest is ours', () => {
    const { store, put, use } = watched();
    const id = put(1, 2 * chunkBytes, 0, 0);
    const object = store.space.largeOf(id)!;
    store.units.snapshot(options);
    for (let i = 0; i < 1000; i++) store.ledger.noteLarge(object, 0, 8, false);
    store.ledger.noteForeign(object, 0, 2000, 0);
    use.noteShared(object, 0, 2, 2000);
    const unit = chunkUnitBase + object.firstChunk;
    const { uses } = rowOf(store, unit);
    expect(uses![0]).toBeCloseTo(1 / 3, 2);
    expect(uses![1]).toBeCloseTo(2 / 3, 2);
    // The other chunk: nobody since it was stored.
    expect(rowOf(store, unit + 1).uses).toEqual([0, 0]);
  });

  it("that the kernel saw in a shared region are nobody's: it does not tell which thread it was", () => {
    const { store } = watched();
    const order = { tiers: [0], node: 2, pinned: false };
    const object = store.space.largeOf(store.allocate(0, 2 * chunkBytes, order, false))!;
    object.sharedCounts = makeSharedCounts(2, [0, 2]);
    store.space.shared.add(object);
    const there = new SharedCounter(object.sharedCounts, () => 2);
    const unit = chunkUnitBase + object.firstChunk;
    for (let look = 0; look < 8; look++) {
      there.touch(0, 1, true);
      for (const chunk of [0, 1]) store.ledger.noteChunk(object, chunk, 0, 512);
      store.units.snapshot(options);
    }
    const { uses } = rowOf(store, unit);
    expect(uses![1]).toBeGreaterThan(uses![0]);
    expect(rowOf(store, unit + 1).uses).toEqual([0, 0]);
    // What the owner reports is known to be its own.
    store.ledger.noteLarge(object, chunkBytes, 1, false);
    expect(rowOf(store, unit + 1).uses![0]).toBeGreaterThan(0.5);
  });

  it('of all threads count alike when they are more than can be counted', () => {
    const { store, put } = watched();
    const object = store.space.largeOf(put(1, chunkBytes, 0, 0))!;
    store.units.snapshot(options);
    object.sharedCounts = makeSharedCounts(1, [0, 2]);
    store.space.shared.add(object);
    const words = new Int32Array(object.sharedCounts);
    words[0] = 1;
    words[words.length - 2] = 2 ** 30;
    for (let i = 0; i < 70_000; i++) store.ledger.noteLarge(object, 0, 1, false);
    const { uses } = rowOf(store, chunkUnitBase + object.firstChunk);
    expect(uses![0]).toBeCloseTo(0.5, 1);
  });

  it.each([0, -1, 1000, 2 ** 31 - 1])(
    'are left out when a thread wrote %i over how they are laid out',
    (nodes) => {
      const { store, put } = watched();
      const object = store.space.largeOf(put(1, 2 * chunkBytes, 0, 0))!;
      store.units.snapshot(options);
      object.sharedCounts = makeSharedCounts(2, [0, 2]);
      store.space.shared.add(object);
      const words = new Int32Array(object.sharedCounts).fill(7);
      words[1] = nodes;
      const { units } = store.units.snapshot(options);
      const heat = Array.from(units.heatLog2.subarray(0, units.length));
      expect(heat.every((one) => !Number.isNaN(one))).toBe(true);
      expect(store.ledger.clock.accesses).toBeLessThan(1000);
    },
  );
});

describe('a move to another node', () => {
  it('takes a small object there, with its bytes and within its tier', async () => {
    const { store, put } = watched();
    const id = put(1, 100, 0, 0);
    expect(await store.units.move(id, 0, 0, undefined, 2)).toBe('moved');
    expect(rowOf(store, id).node).toBe(2);
    expect(store.space.tierOf(id)).toBe(0);
    expect(handleOf(store, id).read()).toEqual(new Uint8Array(100));
  });

  it('takes a chunk there, and charges the node', async () => {
    const { store, put } = watched();
    const id = put(1, 2 * chunkBytes, 0, 0);
    const { firstChunk } = store.space.largeOf(id)!;
    expect(await store.units.move(chunkUnitBase + firstChunk, 0, 0, undefined, 2)).toBe('moved');
    expect(store.space.set.backendOf(firstChunk).node).toBe(2);
    expect(store.space.set.backendOf(firstChunk + 1).node).toBe(0);
    expect(store.space.set.all.map(({ usedUnits }) => usedUnits)).toEqual([32, 32, 0]);
  });

  it('does not happen when the unit is there already, or the node is full', async () => {
    const { thread, places } = twoSockets();
    const { store, put } = storeOn([0, 2], 4);
    store.units.nodes = NodeUse.of(store.space, () => places);
    thread.node = 0;
    const [a, large] = [put(1, 100, 0, 2), put(2, chunkBytes, 0, 2)];
    expect(await store.units.move(a, 0, 0, undefined, 2)).toBe('elsewhere');
    const { firstChunk } = store.space.largeOf(large)!;
    const unit = chunkUnitBase + firstChunk;
    expect(await store.units.move(unit, 0, 0, undefined, 2)).toBe('elsewhere');
    put(3, 2 * chunkBytes, 0, 0);
    expect(await store.units.move(unit, 0, 0, undefined, 0)).toBe('full');
    expect(store.space.set.backendOf(firstChunk).node).toBe(2);
  });
});
