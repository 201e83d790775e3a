/** In every variant of the machine, stored data lies on the tier it is said to lie on, or on a declared stand-in. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { TieredMemory, type TierName, tierNames } from '../../dist/index.js';
import { machine } from './support/machine.ts';
import { MiB, mappedPages, pagesPerChunk, pattern } from './support/memory.ts';
import { variants } from './support/variants.ts';

const variant = variants[machine.topology];
const nodesOf = (tier: TierName): number[] =>
  variant.nodes.flatMap((node, id) => (node.tier === tier ? [id] : []));

/** Pages of memory bound to a node, by the node they lie on. */
const boundTo = (node: number) => mappedPages(new RegExp(` prefer[^:]*:${node} `));
const total = (pages: Record<number, number>): number =>
  Object.values(pages).reduce((sum, count) => sum + count, 0);
const filesIn = (directory: string): number =>
  readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${directory}/`)).length;

/** The tier a hint stands for: itself, else the nearest slower one there is, else the nearest faster. */
const standIns: Readonly<Record<string, Partial<Record<TierName, TierName>>>> = {
  'no-hbm': { L0_HBM: 'L1_DDR' },
  'cxl-devdax': { L2_CXL: 'L3_PMEM' },
  'no-pmem': { L3_PMEM: 'L4_NVME' },
};

describe(`data stored on ${machine.topology}`, () => {
  for (const [seed, hint] of tierNames.entries()) {
    const tier = standIns[machine.topology]?.[hint] ?? hint;
    it(`with the hint ${hint} lies on ${tier}`, async () => {
      await using memory = await TieredMemory.open({
        background: false,
        directory: machine.nvmeDirectory,
      });
      const data = pattern(seed, 100_000);
      const handle = await memory.store(data, { tierHint: hint });
      assert.equal(handle.tier, tier);
      assert.equal(memory.tiers.find(({ name }) => name === tier)?.kind, 'real');
      assert.ok(data.equals(handle.read()));
      const bound = new Map(variant.nodes.map((_, node) => [node, boundTo(node)]));
      for (const [node, pages] of bound) {
        assert.deepEqual(
          pages,
          nodesOf(tier).includes(node) && total(pages) > 0 ? { [node]: pagesPerChunk } : {},
        );
      }
      const chunks = [...bound.values()].filter((pages) => total(pages) > 0).length;
      assert.equal(chunks, tier === 'L4_NVME' ? 0 : 1);
      assert.equal(filesIn(machine.nvmeDirectory), tier === 'L4_NVME' ? 1 : 0);
    });
  }

  it('is kept on all five tiers that a program names, and those not here are `simulated`', async () => {
    await using memory = await TieredMemory.open({
      background: false,
      tiers: tierNames.map((name) => ({ name, capacityBytes: 8 * MiB })),
    });
    const kinds = memory.tiers.map(({ name, kind }) => `${name} ${kind}`);
    const isHere = (name: TierName) => nodesOf(name).length > 0;
    assert.deepEqual(
      kinds,
      tierNames.map((name) => `${name} ${isHere(name) ? 'real' : 'simulated'}`),
    );
    for (const { name, reason } of variant.missing) {
      const limit = memory.limits.find(({ what }) => what === `${name} is simulated`);
      assert.ok(limit, name);
      // Of L4_NVME it only says that no directory was given: the temporary one was not looked at.
      assert.match(limit.reason, name === 'L4_NVME' ? /^No directory was given$/ : reason);
      assert.notEqual(limit.hint, '');
    }
    const stored = [];
    for (const [seed, name] of tierNames.entries()) {
      const handle = await memory.store(pattern(seed, 40_000), { tierHint: name });
      assert.equal(handle.tier, name);
      stored.push(handle);
    }
    for (const [seed, handle] of stored.entries()) {
      assert.ok(pattern(seed, 40_000).equals(handle.read()));
    }
    // On one node of each tier: the one that this thread happens to be near.
    const bound = variant.nodes.map((_, node) => boundTo(node));
    for (const name of tierNames) {
      const used = nodesOf(name).filter((node) => total(bound[node]) > 0);
      assert.equal(used.length, isHere(name) ? 1 : 0, name);
      for (const node of used) assert.deepEqual(bound[node], { [node]: pagesPerChunk });
    }
    for (const [node, { tier }] of variant.nodes.entries()) {
      if (tier === null) assert.deepEqual(bound[node], {}, `node ${node}`);
    }
  });
});
