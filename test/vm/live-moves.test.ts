/** A region that other threads write wanders over all five real tiers, and nothing of it is lost. */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Policy } from '../../dist/index.js';
import { chunkBytes } from '../../dist/native.js';
import { startCheckedWords, wanderer } from './support/checked-words.ts';
import { openFiveTiers } from './support/five-tiers.ts';

const root = new URL('../../', import.meta.url);
const bytes = 8 * chunkBytes;

for (const form of ['fsdax', 'devdax'] as const) {
  it(`loses no write while its chunks go from tier to tier, PMEM as ${form}`, async () => {
    const memory = await openFiveTiers(form, [bytes, bytes, bytes, bytes, bytes], {
      tracking: false,
      policy: wanderer(5) as unknown as Policy,
    });
    const region = memory.allocate(Uint32Array, (4 * chunkBytes) / 4);
    region.touch();
    const words = await startCheckedWords(region.share(), 2, root);
    const visited = new Set<string>();
    let moved = 0;
    while (moved < 40 || words.writes() < 200_000) {
      const report = await memory.engine.step();
      moved += report.outcomes.moved;
      for (const { tier } of region.shares()) visited.add(tier);
    }
    assert.equal(await words.stop(), 0);
    assert.deepEqual([...visited].sort(), ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME']);
    const { mode, applied, failed } = memory.stats().migration;
    console.log(
      `${form}: ${mode}, moves applied ${applied}, failed ${failed}, writes ${words.writes()}`,
    );
    assert.equal(mode, 'transparent');
    await memory.close();
  });
}
