/** The kernel finds out which chunks are used, by reads alone and without being told. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TieredMemory } from '../../dist/index.js';
import type { HotnessSample } from '../../dist/memory/hotness-binding.js';
import { chunkBytes, requireNative } from '../../dist/native.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap } from './support/memory.ts';

const kdamonds = (): string =>
  readFileSync('/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds', 'utf8').trim();

/** Reads a byte of every page. */
function readPages(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4096) sum += bytes[at];
  return sum;
}

/** Reads a part of a run again and again until something has happened. */
async function readUntil<T>(bytes: Uint8Array, something: Promise<T>): Promise<T> {
  let waiting = true;
  const result = something.finally(() => {
    waiting = false;
  });
  while (waiting) {
    readPages(bytes);
    await nextTurn();
  }
  return result;
}

describe('DAMON', () => {
  it('is the best source that root has here', () => {
    const [best] = requireNative().probeHotnessSources();
    assert.deepEqual(
      { ...best, detail: '' },
      { kind: 'damon', available: true, seesReads: true, seesWrites: true, detail: '' },
    );
    assert.equal(kdamonds(), '0');
  });

  it('finds the chunks that are read among cold ones, and follows when others are', async (test) => {
    const heap = openHeap();
    test.after(() => heap.close());
    const chunks = 12;
    const [node] = machine.ddrNodes;
    const backend = heap.addBackend({ kind: 'numa', node, capacityBytes: 32 * MiB });
    const run = heap.allocate(backend, chunks);
    const bytes = bytesOf(heap, run, chunks).fill(1);
    const chunkAt = (i: number): Uint8Array => bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes);
    const source = heap.openHotnessSource('damon');
    test.after(() => source.close());
    assert.equal(kdamonds(), '1');
    assert.throws(() => heap.openHotnessSource('damon'), { code: 'ERR_TIER_BUSY' });

    const watched = Uint32Array.from({ length: chunks }, (_, i) => run + i);
    const readsOf = ({ chunks: found, reads }: HotnessSample, i: number): number =>
      reads[found.indexOf(run + i)] ?? 0;
    source.watch(watched);
    await source.collect();
    for (const hot of [2, 9]) {
      // The first look still has what was before.
      await readUntil(chunkAt(hot), source.collect());
      const sample = await readUntil(chunkAt(hot), source.collect());
      const found = watched.reduce((sum, _, i) => sum + readsOf(sample, i), 0);
      assert.ok(readsOf(sample, hot) > 50, `${readsOf(sample, hot)} pages of the hot chunk`);
      assert.ok(readsOf(sample, hot) > 0.8 * found, `${found} pages in all`);
      assert.deepEqual([...sample.writes], [...sample.reads].fill(0));
      assert.equal(sample.scannedBytes, chunks * chunkBytes);
    }

    // What is watched changes while it runs.
    source.watch(watched.subarray(0, 6));
    await source.collect();
    const sample = await readUntil(chunkAt(9), source.collect());
    assert.equal(readsOf(sample, 9), 0);
    assert.equal(sample.scannedBytes, 6 * chunkBytes);
    source.close();
    assert.equal(kdamonds(), '0');
  });
});

describe('a region that nobody reports', () => {
  it('has the chunk that is read promoted', async (test) => {
    const memory = await TieredMemory.open({
      background: false,
      // Everything takes thirty times as long in here.
      tracking: { overhead: 0.5, sources: ['damon'] },
      policy: 'lru',
      tiers: [
        {
          name: 'L1_DDR',
          backends: [{ kind: 'numa', node: machine.ddrNodes[0], capacityBytes: 8 * MiB }],
        },
        {
          name: 'L3_PMEM',
          backends: [{ kind: 'numa', node: machine.pmemNode, capacityBytes: 64 * MiB }],
        },
      ],
    });
    test.after(() => memory.close());
    const chunks = 8;
    const { view } = memory.allocate(Uint8Array, chunks * chunkBytes, { tierHint: 'L3_PMEM' });
    view.fill(1);
    const hot = view.subarray(5 * chunkBytes, 6 * chunkBytes);
    await readUntil(
      hot,
      (async () => {
        const end = performance.now() + 20_000;
        while ((memory.stats().tracking?.collections ?? 0) < 4) {
          assert.ok(performance.now() < end, JSON.stringify(memory.stats().tracking));
          await nextTurn();
        }
      })(),
    );
    const { moves } = await memory.optimizePlacement();
    const promoted = moves.filter(({ to, outcome }) => to === 0 && outcome === 'moved');
    assert.equal(promoted.length, 1, JSON.stringify(moves));
    const tracking = memory.stats().tracking;
    assert.deepEqual(tracking?.sources, ['damon']);
    assert.equal(tracking?.errors, 0, tracking?.lastError);
    await memory.close();
    assert.equal(kdamonds(), '0');
  });
});
