import { describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { BackendSet } from '../../../lib/memory/backend-set.ts';
import type { BackendStats, DealtPages } from '../../../lib/memory/heap-binding.ts';
import type { InterleaveRequest } from '../../../lib/memory/interleaved-run.ts';
import type { LargeObject } from '../../../lib/memory/large-object.ts';
import { ObjectStore } from '../../../lib/memory/object-store.ts';
import { pinnedFlag } from '../../../lib/memory/object-table.ts';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { chunkBytes } from '../../../lib/native.ts';
import type { Tier, TierSpec } from '../../../lib/tiers/tier.ts';
import { codeOf } from '../../support/outcomes.ts';
import { modelTiers } from '../../support/stores.ts';

/** Notes what it is asked to deal out, and may refuse runs of more than so many stretches. */
class DealingHeap extends PlainHeap {
  answer: DealtPages | TierError = { method: 'pages', misplacedPages: 0, errno: 0 };
  dealt: { stripeBytes: number; nodes: Int32Array<ArrayBufferLike> } | undefined;
  deferred: boolean | undefined;
  mostStretches = Number.POSITIVE_INFINITY;
  refusesToBind = false;

  override backendStats(backend: number): BackendStats {
    const stats = super.backendStats(backend);
    return this.refusesToBind ? stats : { ...stats, unverifiedChunks: 0 };
  }

  override allocateSpread(backends: Uint32Array, deferred = false): number {
    const stretches = backends.filter((backend, i) => backend !== backends[i - 1]).length;
    if (stretches > this.mostStretches) throw new TierError('ERR_TIER_FULL', 'mappings');
    this.deferred = deferred;
    return super.allocateSpread(backends);
  }

  override dealPages(
    _firstChunk?: number,
    stripeBytes = 0,
    nodes: Int32Array<ArrayBufferLike> = new Int32Array(),
  ): DealtPages {
    this.dealt = { stripeBytes, nodes };
    if (this.answer instanceof TierError) throw this.answer;
    return this.answer;
  }
}

type Node = readonly [node: number, chunks: number];

function storeOn(nodes: readonly (readonly Node[])[], spec?: Partial<TierSpec>) {
  const tiers = modelTiers(nodes.map(() => 0)).map(
    (tier, k): Tier => ({
      ...tier,
      spec: { ...tier.spec, ...spec },
      backends: nodes[k]!.map(([node, chunks]) => ({
        kind: 'simulated',
        node,
        capacityBytes: chunks * chunkBytes,
      })),
    }),
  );
  const heap = new DealingHeap();
  const set = new BackendSet(heap, tiers);
  const store = new ObjectStore(set);
  const allocate = (chunks: number, request: Partial<InterleaveRequest> = {}): LargeObject => {
    const interleave: InterleaveRequest = {
      weights: 'equal',
      nodes: undefined,
      stripeBytes: undefined,
      firmware: () => undefined,
      ...request,
    };
    const order = { tiers: tiers.map((_, k) => k), node: -1, pinned: false, interleave };
    const id = store.allocate(8, chunks * chunkBytes, order, false);
    return store.space.largeOf(id) as LargeObject;
  };
  const usedChunks = () => set.all.map(({ usedUnits }) => usedUnits / 32);
  const nodesOf = ({ firstChunk, chunks }: LargeObject) =>
    Array.from({ length: chunks }, (_, i) => set.backendOf(firstChunk + i).node);
  return { heap, set, store, allocate, usedChunks, nodesOf };
}

const twoNodes: readonly Node[] = [
  [0, 64],
  [1, 64],
];

describe('an interleaved region of many chunks', () => {
  it('has whole chunks on each node in turn, charged where they are', () => {
    const { allocate, usedChunks, nodesOf, heap } = storeOn([twoNodes]);
    const object = allocate(16);
    expect(nodesOf(object)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    expect(usedChunks()).toEqual([8, 8]);
    expect(object.nodes).toEqual(nodesOf(object));
    expect(object.interleaving).toEqual({
      method: 'chunks',
      stripeBytes: chunkBytes,
      parts: [
        { tier: 'L1_DDR', node: 0, share: 0.5, stripes: 8 },
        { tier: 'L1_DDR', node: 1, share: 0.5, stripes: 8 },
      ],
      misplacedPages: 0,
      note: '',
      stays: false,
    });
    expect(heap.dealt).toBeUndefined();
    expect(heap.deferred).toBe(true);
  });

  it('gives all of it back when it is deleted', () => {
    const { allocate, usedChunks, store, heap } = storeOn([twoNodes]);
    store.remove(allocate(20).id);
    expect(usedChunks()).toEqual([0, 0]);
    expect(heap.backendStats(1).mappedBytes).toBe(0);
  });

  it('is spread by weights, on the nodes they name, whatever tiers these are in', () => {
    const { allocate, usedChunks } = storeOn([twoNodes, [[4, 64]]]);
    const { interleaving } = allocate(32, {
      weights: new Map([
        [1, 3],
        [4, 1],
      ]),
      nodes: [1, 4],
    });
    expect(usedChunks()).toEqual([0, 24, 8]);
    expect(interleaving?.parts.map(({ tier, share }) => [tier, share])).toEqual([
      ['L1_DDR', 0.75],
      ['L2_CXL', 0.25],
    ]);
  });

  it('goes by the bandwidth that the firmware has, else by that of the tiers', () => {
    const { allocate, usedChunks } = storeOn([twoNodes, [[4, 64]]]);
    const firmware = (nodes: readonly number[]) => nodes.map((node) => (node === 4 ? 10e9 : 30e9));
    const request = { weights: 'bandwidth', nodes: [1, 4] } as const;
    allocate(16, { ...request, firmware });
    expect(usedChunks()).toEqual([0, 12, 4]);
    // The model's second tier has half the bandwidth of its first.
    allocate(48, request);
    expect(usedChunks()).toEqual([0, 12 + 32, 4 + 16]);
  });

  it('goes by what was measured, whatever the firmware has', () => {
    const measured = { value: 50e9, source: 'measured' } as const;
    const spec = { readBytesPerSecond: measured, writeBytesPerSecond: measured };
    const { allocate, usedChunks } = storeOn([twoNodes, [[4, 64]]], spec);
    const firmware = (nodes: readonly number[]) => nodes.map((node) => 1 + node);
    allocate(16, { weights: 'bandwidth', nodes: [1, 4], firmware });
    expect(usedChunks()).toEqual([0, 8, 8]);
  });

  it('leaves what a node has no room for to the others, and says so', () => {
    const { allocate, usedChunks } = storeOn([
      [
        [0, 4],
        [1, 64],
      ],
    ]);
    const { interleaving } = allocate(20);
    expect(usedChunks()).toEqual([4, 16]);
    expect(interleaving?.note).toMatch(/no room for its share/);
    expect(interleaving?.parts.map(({ stripes }) => stripes)).toEqual([4, 16]);
  });

  it('goes to the next tier when all nodes of one together have no room', () => {
    const { allocate, usedChunks } = storeOn([
      [
        [0, 4],
        [1, 4],
      ],
      [
        [2, 64],
        [3, 64],
      ],
    ]);
    allocate(20);
    expect(usedChunks()).toEqual([0, 0, 10, 10]);
    expect(codeOf(() => allocate(200))).toBe('ERR_TIER_FULL');
    expect(usedChunks()).toEqual([0, 0, 10, 10]);
  });

  it('has several chunks a turn where mappings are short', () => {
    const { allocate, heap, usedChunks } = storeOn([twoNodes]);
    heap.mostStretches = 8;
    expect(allocate(32).interleaving?.stripeBytes).toBe(8 * chunkBytes);
    expect(usedChunks()).toEqual([16, 16]);
    heap.mostStretches = 1;
    expect(codeOf(() => allocate(32))).toBe('ERR_TIER_FULL');
    expect(usedChunks()).toEqual([16, 16]);
  });

  it('says that its chunks may be anywhere when the kernel does not bind them', () => {
    const { allocate, heap } = storeOn([twoNodes]);
    heap.refusesToBind = true;
    for (let i = 0; i < 2; i++) {
      const { interleaving } = allocate(16);
      expect(interleaving?.note).toBe('16 chunks are not known to be on their nodes.');
    }
  });

  it('says that it is on one node where there is only one', () => {
    const { allocate } = storeOn([[[0, 64]]]);
    const { interleaving } = allocate(16);
    expect(interleaving).toMatchObject({ method: 'none', note: 'L1_DDR has one backend for it.' });
  });
});

describe('an interleaved region of few chunks', () => {
  it('is dealt out by the page, charged by the same shares, and stays', () => {
    const { allocate, usedChunks, heap, store } = storeOn([twoNodes]);
    const weights = new Map([
      [0, 3],
      [1, 1],
    ]);
    const object = allocate(4, { weights, nodes: [0, 1] });
    const { stripeBytes, nodes } = heap.dealt!;
    expect(stripeBytes).toBe(4096);
    expect(nodes).toHaveLength(2048);
    expect([...nodes.subarray(0, 8)]).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
    expect(nodes.filter((node) => node === 0)).toHaveLength(1536);
    expect(usedChunks()).toEqual([3, 1]);
    expect(heap.deferred).toBe(true);
    expect(object.interleaving).toMatchObject({ method: 'pages', stripeBytes: 4096, stays: true });
    expect(object.nodes).toBeUndefined();
    expect(store.space.table.flag(object.id, pinnedFlag)).toBe(true);
  });

  it('is dealt out by whole chunks when that is asked for', () => {
    const { allocate, heap, store } = storeOn([twoNodes]);
    const { id, interleaving } = allocate(4, { stripeBytes: chunkBytes });
    expect(interleaving?.method).toBe('chunks');
    expect(heap.dealt).toBeUndefined();
    expect(heap.deferred).toBe(false);
    expect(store.space.table.flag(id, pinnedFlag)).toBe(false);
  });

  it('says what the kernel refused, and how many pages are elsewhere', () => {
    const { allocate, heap, store } = storeOn([twoNodes]);
    heap.answer = { method: 'none', misplacedPages: 0, errno: 1 };
    const { id, interleaving } = allocate(2);
    expect(interleaving?.note).toMatch(/refuses mbind \(errno 1\)/);
    // There is nothing that a move would undo.
    expect(interleaving?.stays).toBe(false);
    expect(store.space.table.flag(id, pinnedFlag)).toBe(false);
    heap.answer = { method: 'pages', misplacedPages: 7, errno: 0 };
    expect(allocate(2).interleaving).toMatchObject({
      misplacedPages: 7,
      note: '7 pages are on other nodes.',
    });
  });

  it('leaves nothing behind when it cannot be dealt out', () => {
    const { allocate, heap, usedChunks } = storeOn([twoNodes]);
    heap.answer = new TierError('ERR_TIER_LOST', 'a page');
    expect(codeOf(() => allocate(2))).toBe('ERR_TIER_FULL');
    expect(usedChunks()).toEqual([0, 0]);
    expect(heap.backendStats(0).mappedBytes).toBe(0);
  });
});
