/**
 * Memory that is taken away in an orderly way while it is in use, and given back: the kernel moves its pages to other
 * nodes without asking or telling. Nothing is lost, what cannot be had is said, and the tier serves again afterwards.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Policy, Region, TierName } from '../../dist/index.js';
import { TieredMemory } from '../../dist/index.js';
import type { NativeHeap } from '../../dist/memory/heap-binding.js';
import { chunkBytes } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, mappedPages, openHeap, pagesPerChunk, pattern } from './support/memory.ts';

const daxctl = (...words: string[]): Promise<unknown> => promisify(execFile)('daxctl', words);

/** Sends every unit to one tier. */
const allTo = (name: TierName): Policy => ({
  name: 'all-to-one',
  halfLifeAccesses: () => Number.POSITIVE_INFINITY,
  admits: () => true,
  plan: ({ units, tiers }) => {
    const to = tiers.findIndex((tier) => tier.name === name);
    const moves = Array.from({ length: units.length }, (_, row) => row)
      .filter((row) => units.tier[row] !== to)
      .map((row) => ({
        unit: units.id[row],
        bytes: units.bytes[row],
        from: units.tier[row],
        to,
        reason: 'hint' as const,
        gainNs: 0,
        costNs: 0,
      }));
    return { moves, thresholdsLog2: tiers.slice(1).map(() => 0), refused: {} };
  },
});

for (const [name, node, device] of [
  ['L3_PMEM', machine.pmemNode, machine.pmemKmem],
  ['L2_CXL', machine.cxlNode, machine.cxlDax],
] as const) {
  describe(`${name} on node ${node}, taken away and given back`, () => {
    const [home] = machine.ddrNodes;
    const values = new Map<string, Buffer>();
    const chunks = 2;
    const bytes = pattern(5, chunks * chunkBytes);
    let memory: TieredMemory;
    let region: Region<Uint32Array>;
    let heap: NativeHeap;
    let ddr: number;
    let gone: number;
    /** Two runs of the core's heap: one on the node, one that is to go there. */
    let there: number;
    let elsewhere: number;

    async function store(key: string, byteLength: number): Promise<TierName> {
      const value = pattern(values.size, byteLength);
      values.set(key, value);
      return (await memory.store(value, { key, tierHint: name })).tier;
    }
    function assertWhole(): void {
      for (const [key, value] of values) {
        assert.ok(value.equals(memory.get<Uint8Array>(key)?.borrow() as Uint8Array), key);
      }
      for (const run of [there, elsewhere]) assert.ok(bytes.equals(bytesOf(heap, run, chunks)));
    }
    const pagesOnNode = (): number => mappedPages(new RegExp(` prefer:${node} `))[node] ?? 0;
    const limits = (): string => memory.limits.map((limit) => JSON.stringify(limit)).join('\n');

    before(async () => {
      memory = await TieredMemory.open({
        background: false,
        policy: allTo(name),
        tiers: [
          { name: 'L1_DDR', backends: [{ kind: 'numa', node: home, capacityBytes: 32 * MiB }] },
          { name, backends: [{ kind: 'numa', node, capacityBytes: 16 * MiB }] },
          {
            name: 'L4_NVME',
            backends: [{ kind: 'file', directory: machine.nvmeDirectory, capacityBytes: 32 * MiB }],
          },
        ],
      });
      for (const byteLength of [100, 5000, 70_000, 500_000, 1_500_000]) {
        assert.equal(await store(`${byteLength} bytes`, byteLength), name);
      }
      region = memory.allocate(Uint32Array, 300_000, { tierHint: name });
      heap = openHeap();
      ddr = heap.addBackend({ kind: 'numa', node: home, capacityBytes: 16 * MiB });
      gone = heap.addBackend({ kind: 'numa', node, capacityBytes: 16 * MiB });
      there = heap.allocate(gone, chunks);
      elsewhere = heap.allocate(ddr, chunks);
      for (const run of [there, elsewhere]) bytesOf(heap, run, chunks).set(bytes);
      assertWhole();
      assert.ok(pagesOnNode() > 0);
    });
    after(async () => {
      heap.close();
      await memory.close();
    });

    it('keeps what was stored, and every write that is made while it goes', async () => {
      let going = true;
      const offline = daxctl('offline-memory', device).finally(() => {
        going = false;
      });
      let round = 0;
      while (going) {
        round++;
        for (let at = round % 1024; at < region.view.length; at += 1024) region.view[at] = round;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await offline;
      assert.ok(round > 10, `only ${round} rounds of writing fell into it`);
      const expected = new Uint32Array(1024);
      for (let i = 1; i <= round; i++) expected[i % 1024] = i;
      for (let at = 0; at + 1024 <= region.view.length; at += 1024) {
        assert.deepEqual(region.view.subarray(at, at + 1024), expected);
      }
      assertWhole();
      assert.equal(pagesOnNode(), 0);
    });

    it('tells where the kernel put the pages when it is asked', () => {
      const { pagesByNode, absentPages, errno } = heap.placement(there, chunks);
      assert.deepEqual([absentPages, errno], [0, 0]);
      assert.equal(pagesByNode[node], undefined);
      const pages = Object.values(pagesByNode).reduce((sum, count) => sum + count, 0);
      assert.equal(pages, chunks * pagesPerChunk);
    });

    it('refuses new chunks for it, and says that it is not there rather than full', () => {
      const unavailable = { code: 'ERR_TIER_UNAVAILABLE' };
      assert.throws(() => heap.allocate(gone, 1), unavailable);
      assert.throws(() => heap.allocate(gone, 5), unavailable);
      assert.throws(() => heap.rebackChunk(elsewhere, gone), unavailable);
      assert.equal(heap.backendStats(gone).mappedBytes, chunks * chunkBytes);
      assertWhole();
    });

    it('counts the chunks that could not be moved to it, with a reason, and leaves them', async () => {
      const { tried, applied, failed, reasons } = await heap.movePages(elsewhere, chunks, gone);
      assert.deepEqual([tried, applied, failed], [chunks, 0, chunks]);
      assert.match(Object.keys(reasons).join(), /^(UNAVAILABLE|EINVAL|ENODEV)$/);
      for (let i = 0; i < chunks; i++) assert.equal(heap.backendOf(elsewhere + i), ddr);
      assert.deepEqual(heap.placement(elsewhere, chunks).pagesByNode, {
        [home]: chunks * pagesPerChunk,
      });
      assert.equal(heap.backendStats(ddr).unverifiedChunks, 0);
      assertWhole();
    });

    it('has what needs new memory stored on the next slower tier, and says so', async () => {
      assert.equal(await store('a large one', 1_500_000), 'L4_NVME');
      const other = memory.allocate(Uint8Array, 3 * MiB, { tierHint: name });
      assert.deepEqual(other.shares(), [{ tier: 'L4_NVME', chunks: 2 }]);
      other[Symbol.dispose]();
    });

    it('moves no chunk to it by a plan, and loses none', async () => {
      const before = memory.get('a large one')?.tier;
      const { outcomes } = await memory.optimizePlacement();
      assert.equal(memory.get('a large one')?.tier, before);
      assert.ok(outcomes.refused + outcomes.full > 0, JSON.stringify(outcomes));
      assertWhole();
    });

    it('is named among the limits, with what helps', () => {
      assert.match(limits(), new RegExp(`${name}.*node ${node}.*daxctl online-memory`));
    });

    it('takes new data on its node again when it is back, without reopening', async () => {
      await daxctl('online-memory', device);
      assertWhole();
      const before = pagesOnNode();
      assert.equal(await store('another large one', 1_500_000), name);
      assert.equal(pagesOnNode(), before + pagesPerChunk);
      assert.equal((await heap.movePages(elsewhere, chunks, gone)).applied, chunks);
      assert.deepEqual(heap.placement(elsewhere, chunks).pagesByNode, {
        [node]: chunks * pagesPerChunk,
      });
      assertWhole();
    });

    it('brings a chunk home when it is moved to the backend it is charged to', async () => {
      const { applied, copiedBytes } = await heap.movePages(there, chunks, gone);
      assert.deepEqual([applied, copiedBytes], [chunks, chunks * chunkBytes]);
      assert.deepEqual(heap.placement(there, chunks).pagesByNode, {
        [node]: chunks * pagesPerChunk,
      });
      assertWhole();
    });

    it('has its data back on its node after the next plan, and no limit any more', async () => {
      await memory.optimizePlacement();
      assertWhole();
      for (const run of [there, elsewhere]) heap.free(run);
      const { mappedBytes } = memory.stats().tiers[1].backends[0];
      assert.equal(pagesOnNode(), mappedBytes / 4096);
      assert.equal(limits(), '');
    });
  });
}
