/** A memory of DDR and CXL, some values of which ask to be verified, before and after the CXL device loses its data. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { TieredMemory } from '../../../dist/index.js';
import { machine } from './machine.ts';
import { MiB, pattern } from './memory.ts';

const valueBytes = 40_000;
const values = 30;

/**
 * Fills both tiers, lets `lose` take the CXL device away, and checks what a user then sees: every verified value on
 * CXL is an error, every value on DDR is whole, and the process lives.
 */
export async function expectVerifiedValuesToTell(lose: () => Promise<void>): Promise<void> {
  const numa = (node: number) => ({ kind: 'numa', node, capacityBytes: 8 * MiB }) as const;
  const memory = await TieredMemory.open({
    background: false,
    tiers: [
      { name: 'L1_DDR', backends: [numa(machine.ddrNodes[0])] },
      { name: 'L2_CXL', backends: [numa(machine.cxlNode)] },
    ],
  });
  const content = (i: number): Buffer => pattern(i + 1, valueBytes);
  for (let i = 0; i < values; i++) {
    const tierHint = i % 2 === 0 ? 'L1_DDR' : 'L2_CXL';
    const handle = memory.storeSync(content(i), { key: i, tierHint, verify: true });
    assert.equal(handle.tier, tierHint);
  }
  const before = await memory.verify();
  assert.equal(before.checked, values);
  assert.deepEqual(before.damaged, []);

  await lose();

  // Without a signal of any kind: only the sums can tell.
  for (let i = 0; i < values; i++) {
    const read = (): Buffer => memory.get<Buffer>(i)!.read();
    if (i % 2 === 0) assert.equal(Buffer.compare(read(), content(i)), 0, `value ${i}`);
    else assert.throws(read, { code: 'ERR_TIER_CORRUPT' }, `value ${i}`);
  }
  const after = await memory.verify();
  assert.equal(after.damaged.length, values / 2);

  // Moving must not launder what is there now into good data.
  for (let round = 0; round < 50; round++) {
    for (let i = 1; i < values; i += 2) {
      assert.throws(() => memory.get<Buffer>(i)!.read(), { code: 'ERR_TIER_CORRUPT' });
    }
  }
  await memory.optimizePlacement();
  for (let i = 1; i < values; i += 2) {
    assert.throws(() => memory.get<Buffer>(i)!.read(), { code: 'ERR_TIER_CORRUPT' });
    memory.storeSync(content(i), { key: i, tierHint: 'L1_DDR', verify: true });
    assert.equal(Buffer.compare(memory.get<Buffer>(i)!.read(), content(i)), 0);
  }
  await memory.close();
}

/** Waits until a condition holds; fails after a minute. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 100) {
    if (condition()) return;
    await sleep(100);
  }
  throw new Error(`${what} did not happen`);
}
