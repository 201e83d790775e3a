/** Moving 2 MiB between tiers against copying 2 MiB in memory. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TieredMemory } from '../../dist/index.js';
import { chunkBytes, requireNative } from '../../dist/native.js';
import { sideBySide } from './harness.js';

const baseline = 'memcpy of 2 MiB';

/** Values of 4 KiB that a move of "2 MiB as small objects" copies. */
const smallBytes = 4096;

/** One table. The file lies in the system's temporary directory; its pages are in the page cache. */
export async function benchMove({ chunks, rounds }) {
  const heap = requireNative().openHeap({ reserveBytes: 8 * chunks * chunkBytes });
  const directory = mkdtempSync(join(tmpdir(), 'memory-tiers-bench-'));
  const capacityBytes = 4 * chunks * chunkBytes;
  const memory = heap.addBackend({ kind: 'numa', node: 0, capacityBytes });
  const file = heap.addBackend({ kind: 'file', directory, capacityBytes });
  const run = heap.allocate(memory, chunks);
  new Uint8Array(heap.buffer(run, chunks * chunkBytes)).fill(1);
  const source = Buffer.alloc(chunkBytes, 1);
  const target = Buffer.alloc(chunkBytes, 2);

  const tiered = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes, kind: 'simulated' },
      { name: 'L4_NVME', capacityBytes, kind: 'simulated' },
    ],
    background: false,
    policy: shuttle,
    maxUnits: Number.POSITIVE_INFINITY,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  });
  const objects = (chunks * chunkBytes) / smallBytes;
  for (let i = 0; i < objects; i++) tiered.storeSync(new Uint8Array(smallBytes), { key: i });

  const rebackAll = (backend) => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < chunks; i++) {
      if (heap.backendOf(run + i) !== backend) heap.rebackChunk(run + i, backend);
    }
    return Number(process.hrtime.bigint() - start);
  };
  const cases = {
    [baseline]: () => {
      for (let i = 0; i < chunks; i++) source.copy(target);
    },
    'a chunk from memory to a file': () => {
      rebackAll(memory);
      return rebackAll(file);
    },
    'a chunk from a file to memory': () => {
      rebackAll(file);
      return rebackAll(memory);
    },
    '512 objects of 4 KiB, planned and moved': async () => {
      const { outcomes } = await tiered.engine.step();
      if (outcomes.moved !== objects)
        throw new Error(`${outcomes.moved} of ${objects} objects moved`);
    },
  };
  const rows = await sideBySide(cases, { operations: chunks, baseline, rounds });
  heap.close();
  await tiered.close();
  rmSync(directory, { recursive: true, force: true });
  return { title: 'moving 2 MiB', baseline, rows };
}

/** Plans every unit to the other tier. */
const shuttle = {
  name: 'shuttle',
  halfLifeAccesses: () => Number.POSITIVE_INFINITY,
  admits: () => true,
  plan: ({ units }) => ({
    moves: Array.from({ length: units.length }, (_, row) => ({
      unit: units.id[row],
      bytes: units.bytes[row],
      from: units.tier[row],
      to: 1 - units.tier[row],
      reason: 'hint',
      gainNs: 0,
      costNs: 0,
    })),
    thresholdsLog2: [0],
    refused: {},
  }),
};
