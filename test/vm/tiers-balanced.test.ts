/** The default policy on five real tiers: what is used climbs, what is not sinks, wherever it was put. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TieredMemory, TierName } from '../../dist/index.js';
import { assertWhereItSays, openFiveTiers } from './support/five-tiers.ts';
import { MiB, pattern } from './support/memory.ts';

const count = 480;
const step = 8;
const bytes = 4000;
const names: readonly TierName[] = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'];
let memory: TieredMemory;
before(async () => {
  memory = await openFiveTiers('mixed', [MiB / 8, MiB / 4, MiB / 2, MiB, 16 * MiB]);
});
after(() => memory.close());

const tierOf = (key: number): TierName => memory.get(key)?.tier as TierName;

/** Reads `keys` again and again, and now and then one of the others; lets the engine work in between. */
async function use(keys: readonly number[]): Promise<void> {
  for (let round = 0; round < 4; round++) {
    for (let pass = 0; pass < 100; pass++) {
      for (const key of keys) memory.get<Uint8Array>(key)?.borrow();
    }
    for (let i = 0; i < 20; i++) memory.get<Uint8Array>((round * 337 + i * 41) % count)?.borrow();
    await memory.optimizePlacement();
  }
}

/** How many of `keys` are on each tier. */
function spread(keys: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[tierOf(key)] = (counts[tierOf(key)] ?? 0) + 1;
  return counts;
}

const every = (remainder: number): number[] =>
  Array.from({ length: count / step }, (_, i) => i * step + remainder);

describe('the balanced policy', () => {
  it('brings a hot set from every tier up to the fastest one', async () => {
    for (let key = 0; key < count; key++) {
      // The hot set is on every tier but the fastest; what one has no room for goes to the next.
      await memory.store(pattern(key, bytes), {
        key,
        tierHint: names[1 + (Math.floor(key / step) % 4)],
      });
    }
    const hot = every(3);
    const before = spread(hot);
    assert.equal(before.L0_HBM, undefined);
    await use(hot);
    assert.ok(spread(hot).L0_HBM >= 54, JSON.stringify(spread(hot)));
    assertWhereItSays(memory.stats());
  });

  it('lets it sink when other data is used instead', async () => {
    const next = every(7);
    await use(next);
    assert.ok(spread(next).L0_HBM >= 54, JSON.stringify(spread(next)));
    assert.ok((spread(every(3)).L0_HBM ?? 0) <= 10, JSON.stringify(spread(every(3))));
    assertWhereItSays(memory.stats());
  });

  it('has every byte as it was stored', () => {
    for (let key = 0; key < count; key++) {
      assert.ok(pattern(key, bytes).equals(memory.get<Uint8Array>(key)?.borrow() as Uint8Array));
    }
  });
});
