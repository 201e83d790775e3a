/** Moving 2 MiB of small objects between tiers against copying 2 MiB in memory. Chunks: bench/migration. */

import { TieredMemory } from '../../dist/index.js';
import { chunkBytes } from '../../dist/native.js';
import { sideBySide } from './harness.js';

const baseline = 'memcpy of 2 MiB';

/** Values of 4 KiB that a move of "2 MiB as small objects" copies. */
const smallBytes = 4096;

/** One table. */
export async function benchMove({ chunks, rounds }) {
  const capacityBytes = 4 * chunks * chunkBytes;
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

  const cases = {
    [baseline]: () => {
      for (let i = 0; i < chunks; i++) source.copy(target);
    },
    '512 objects of 4 KiB, planned and moved': async () => {
      const { outcomes } = await tiered.engine.step();
      if (outcomes.moved !== objects)
        throw new Error(`${outcomes.moved} of ${objects} objects moved`);
    },
  };
  const rows = await sideBySide(cases, { operations: chunks, baseline, rounds });
  await tiered.close();
  return { title: 'moving 2 MiB of small objects', baseline, rows };
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
