/** Where new memory goes on two sockets: near the thread that asks, near several nodes, and spread over them exactly. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  type Handle,
  HardwareTierManager,
  NumaOptimizer,
  type TieredMemory,
  type TierName,
} from '../../dist/index.js';
import { BackendSet } from '../../dist/memory/backend-set.js';
import type { Placement } from '../../dist/memory/heap-binding.js';
import type { InterleaveRequest } from '../../dist/memory/interleaved-run.js';
import type { LargeObject } from '../../dist/memory/large-object.js';
import { ObjectStore } from '../../dist/memory/object-store.js';
import { openHeap as openHeapOf } from '../../dist/memory/open-heap.js';
import { chunkBytes } from '../../dist/native.js';
import { bandwidthsOfThisMachine } from '../../dist/numa/tier-nearness.js';
import { openFiveTiers } from './support/five-tiers.ts';
import { machine } from './support/machine.ts';
import { MiB, mappedPages, pagesPerChunk, pattern } from './support/memory.ts';

const [first, second] = machine.ddrNodes;
const [firstHbm, secondHbm] = machine.hbmNodes;
const numa = new NumaOptimizer();
const sockets = [
  { ddr: first, hbm: firstHbm },
  { ddr: second, hbm: secondHbm },
] as const;

afterEach(() => numa.unpinThread());

describe('a new value', () => {
  let memory: TieredMemory;
  beforeEach(async () => {
    memory = await openFiveTiers('kmem', [16 * MiB, 16 * MiB, 4 * MiB, 4 * MiB, 16 * MiB]);
  });
  afterEach(() => memory.close());

  /** Nodes of a tier on which something is mapped. */
  const nodesOf = (tier: TierName): number[] =>
    (memory.stats().tiers.find(({ name }) => name === tier)?.backends ?? [])
      .filter(({ mappedBytes }) => mappedBytes > 0)
      .map(({ node }) => node);

  for (const { ddr, hbm } of sockets) {
    it(`is on node ${hbm} or ${ddr}, its tier's next to the thread, when stored from node ${ddr}`, () => {
      numa.pinThread(ddr);
      const kept: Handle[] = [];
      for (const tierHint of ['L0_HBM', 'L1_DDR'] as const) {
        kept.push(memory.storeSync('small', { tierHint }));
        const region = memory.allocate(Uint8Array, 2 * MiB, { tierHint });
        region.view.fill(1);
      }
      assert.deepEqual(nodesOf('L0_HBM'), [hbm]);
      assert.deepEqual(nodesOf('L1_DDR'), [ddr]);
      assert.deepEqual(mappedPages(new RegExp(` prefer:${hbm} `)), { [hbm]: 2 * pagesPerChunk });
      assert.deepEqual(mappedPages(new RegExp(` prefer:${ddr} `)), { [ddr]: 2 * pagesPerChunk });
      assert.deepEqual(
        kept.map(({ tier }) => tier),
        ['L0_HBM', 'L1_DDR'],
      );
    });
  }

  it('follows a thread that goes from socket to socket', () => {
    for (const { ddr } of [sockets[1], sockets[0]]) {
      numa.run(ddr, () => memory.allocate(Uint8Array, 2 * MiB, { tierHint: 'L1_DDR' }));
      assert.ok(nodesOf('L1_DDR').includes(ddr));
      if (ddr === second) assert.deepEqual(nodesOf('L1_DDR'), [second]);
    }
  });

  it('goes to the other socket when its own has no room', () => {
    numa.pinThread(second);
    for (let i = 0; i < 8; i++) memory.allocate(Uint8Array, 2 * MiB, { tierHint: 'L0_HBM' });
    assert.deepEqual(nodesOf('L0_HBM'), [secondHbm]);
    memory.allocate(Uint8Array, 2 * MiB, { tierHint: 'L0_HBM' });
    assert.deepEqual(nodesOf('L0_HBM'), [firstHbm, secondHbm]);
  });

  it('is on one of several preferred nodes, the nearest of them first', () => {
    numa.pinThread(first);
    const allocate = (numaNode: number[]) =>
      memory.allocate(Uint8Array, 2 * MiB, { tierHint: 'L1_DDR', numaNode });
    allocate([second, machine.cxlNode]);
    assert.deepEqual(nodesOf('L1_DDR'), [second]);
    allocate([second, first]);
    assert.deepEqual(nodesOf('L1_DDR'), [first, second]);
    for (let i = 0; i < 7; i++) allocate([second]);
    const spilled = allocate([second]);
    assert.deepEqual(spilled.shares(), [{ tier: 'L1_DDR', chunks: 1 }]);
    const [onFirst] = memory.stats().tiers[1].backends;
    assert.equal(onFirst.mappedBytes, 2 * 2 * MiB);
  });
});

describe('an interleaved region', () => {
  const capacityBytes = 64 * MiB;
  const numaTier = (name: TierName, nodes: readonly number[]) => ({
    name,
    backends: nodes.map((node) => ({ kind: 'numa', node, capacityBytes }) as const),
  });
  const { tiers } = HardwareTierManager.detect({
    tiers: [numaTier('L0_HBM', machine.hbmNodes), numaTier('L1_DDR', machine.ddrNodes)],
  });
  const weightFile = (node: number) => `/sys/kernel/mm/mempolicy/weighted_interleave/node${node}`;
  const kernelWeights = new Map(
    [...machine.ddrNodes, ...machine.hbmNodes].map((node) => [
      node,
      readFileSync(weightFile(node), 'utf8'),
    ]),
  );

  let store: ObjectStore;
  before(() => {
    store = new ObjectStore(new BackendSet(openHeapOf(tiers), tiers));
  });
  after(() => store.close());
  afterEach(() => {
    for (const [node, weight] of kernelWeights) writeFileSync(weightFile(node), weight);
  });

  /** Takes one in L1_DDR unless nodes are named, writes all of it, and asks the kernel where its pages are. */
  function withRegion(
    chunks: number,
    request: Partial<InterleaveRequest>,
    check: (placement: Placement, object: LargeObject) => void,
  ): void {
    const interleave: InterleaveRequest = {
      weights: 'equal',
      nodes: undefined,
      stripeBytes: undefined,
      firmware: bandwidthsOfThisMachine,
      ...request,
    };
    const { heap } = store.space.set;
    const order = { tiers: [1], node: -1, pinned: false, interleave };
    const id = store.allocate(8, chunks * chunkBytes, order, false);
    try {
      const object = store.space.largeOf(id) as LargeObject;
      const bytes = new Uint8Array(heap.buffer(object.firstChunk, chunks * chunkBytes));
      assert.ok(Buffer.alloc(bytes.length).equals(bytes), 'it begins as zeros');
      const data = pattern(chunks, bytes.length);
      bytes.set(data);
      assert.ok(data.equals(bytes));
      check(heap.placement(object.firstChunk, chunks), object);
    } finally {
      store.remove(id);
    }
  }
  const pages = (...counts: [node: number, pages: number][]): Placement => ({
    pagesByNode: Object.fromEntries(counts),
    absentPages: 0,
    errno: 0,
  });
  const weights = (...by: [node: number, weight: number][]): Partial<InterleaveRequest> => ({
    weights: new Map(by),
    nodes: by.map(([node]) => node),
  });

  it('has the same number of pages on each node of its tier, by the kernel', () => {
    withRegion(2, {}, (placement, { interleaving }) => {
      assert.deepEqual(placement, pages([first, pagesPerChunk], [second, pagesPerChunk]));
      assert.equal(interleaving?.method, 'kernel');
      assert.equal(interleaving.note, '');
    });
  });

  it('has three pages on one node for each on the other, one by one', () => {
    writeFileSync(weightFile(first), '2');
    writeFileSync(weightFile(second), '5');
    withRegion(2, weights([first, 3], [second, 1]), (placement, { interleaving }) => {
      assert.deepEqual(
        placement,
        pages([first, 1.5 * pagesPerChunk], [second, 0.5 * pagesPerChunk]),
      );
      assert.equal(interleaving?.method, 'pages');
      assert.equal(interleaving.stripeBytes, 4096);
      assert.equal(interleaving.misplacedPages, 0);
    });
  });

  it('has them by the kernel when these are its weights', () => {
    writeFileSync(weightFile(first), '3');
    writeFileSync(weightFile(second), '1');
    withRegion(2, weights([first, 3], [second, 1]), (placement, { interleaving }) => {
      assert.deepEqual(
        placement,
        pages([first, 1.5 * pagesPerChunk], [second, 0.5 * pagesPerChunk]),
      );
      assert.equal(interleaving?.method, 'kernel');
      assert.ok(Object.keys(mappedPages(/ weighted interleave:/)).length === 2);
    });
  });

  it('has them exactly also where no turn of whole weights comes out even', () => {
    withRegion(3, weights([first, 1], [second, 1], [firstHbm, 5]), (placement) => {
      // 1536 pages by 1:1:5 are 219.43, 219.43 and 1097.14.
      assert.deepEqual(placement, pages([first, 220], [second, 219], [firstHbm, 1097]));
    });
  });

  it("has them by the bandwidth of the firmware's tables", () => {
    const bandwidth = (node: number): number => {
      const directory = `/sys/devices/system/node/node${node}/access0/initiators`;
      const of = (name: string) => Number(readFileSync(`${directory}/${name}`, 'utf8'));
      return Math.min(of('read_bandwidth'), of('write_bandwidth'));
    };
    const [ddr, hbm] = [bandwidth(first), bandwidth(firstHbm)];
    assert.ok(hbm > ddr && ddr > 0);
    const total = 2 * pagesPerChunk;
    const onDdr = Math.round((total * ddr) / (ddr + hbm));
    withRegion(2, { weights: 'bandwidth', nodes: [first, firstHbm] }, (placement, object) => {
      assert.deepEqual(placement, pages([first, onDdr], [firstHbm, total - onDdr]));
      assert.equal(object.interleaving?.note, '');
    });
  });

  it('has whole chunks in huge pages when it is large, and each is where it is charged', () => {
    const { set } = store.space;
    withRegion(16, weights([first, 3], [secondHbm, 1]), (placement, object) => {
      assert.deepEqual(
        placement,
        pages([first, 12 * pagesPerChunk], [secondHbm, 4 * pagesPerChunk]),
      );
      assert.equal(object.interleaving?.method, 'chunks');
      for (let i = 0; i < 16; i++) {
        const chunk = object.firstChunk + i;
        const { node } = set.backendOf(chunk);
        assert.deepEqual(set.heap.placement(chunk, 1), pages([node, pagesPerChunk]));
      }
      assert.equal(set.usedBytes(0), 4 * chunkBytes);
      assert.equal(set.usedBytes(1), 12 * chunkBytes);
    });
    assert.equal(set.usedBytes(0) + set.usedBytes(1), 0);
  });

  it('of pages on several nodes is not taken for one that strayed from its node', () => {
    const { heap, all } = store.space.set;
    withRegion(2, weights([first, 1], [second, 3]), () => {
      const strays = all.flatMap(({ index }) => heap.strayChunks(index, 0).chunks);
      assert.deepEqual(strays, []);
      assert.ok(all.every(({ index }) => heap.backendStats(index).unverifiedChunks === 0));
    });
  });

  it('can be had from a memory, which says what it did', async () => {
    await using memory = await openFiveTiers('kmem', [
      16 * MiB,
      16 * MiB,
      4 * MiB,
      4 * MiB,
      16 * MiB,
    ]);
    const region = memory.allocate(Float64Array, MiB / 2, {
      interleave: { [first]: 1, [second]: 1, [firstHbm]: 2 },
    });
    const { interleaving } = region;
    assert.equal(interleaving?.method, 'pages');
    assert.deepEqual(
      interleaving.parts.map(({ tier, node, stripes }) => [tier, node, stripes]),
      [
        ['L1_DDR', first, 256],
        ['L1_DDR', second, 256],
        ['L0_HBM', firstHbm, 512],
      ],
    );
    assert.deepEqual(mappedPages(new RegExp(` interleave:${first}-${firstHbm} `)), {
      [first]: 256,
      [second]: 256,
      [firstHbm]: 512,
    });
    assert.deepEqual((await memory.optimizePlacement()).moves, []);
    region.dispose();
    assert.deepEqual(mappedPages(/ interleave:/), {});
    assert.throws(() => memory.allocate(Uint8Array, MiB, { interleave: { 77: 1 } }), {
      code: 'ERR_TIER_UNAVAILABLE',
    });
  });
});
