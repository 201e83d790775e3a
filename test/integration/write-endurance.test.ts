import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TierEndurance } from '../../lib/migration/write-budget.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import type { Policy } from '../../lib/policy/policy.ts';
import { TieredMemory } from '../../lib/tiered-memory.ts';

const transparent = requireNative().describeMachine('').userfaultfd.via !== null;
const MiB = 2 ** 20;
const rated = 240 * MiB;

let directory: string;
let memory: TieredMemory;
/** Where every unit is sent next. */
let to = 1;
const sender: Policy = {
  name: 'sender',
  halfLifeAccesses: () => 1000,
  admits: () => true,
  plan: ({ units }) => ({
    moves: Array.from({ length: units.length }, (_, row) => row)
      .filter((row) => units.tier[row] !== to)
      .map((row) => ({
        unit: units.id[row],
        bytes: units.bytes[row],
        from: units.tier[row],
        to,
        reason: 'cold' as const,
        gainNs: 0,
        costNs: 0,
      })),
    thresholdsLog2: [0],
    refused: {},
  }),
};

async function send(tier: number) {
  to = tier;
  return await memory.engine.step();
}
const endurance = (): TierEndurance => memory.stats().migration.endurance[0];

beforeEach(async () => {
  // On a drive: a file system in memory keeps no shadows.
  directory = mkdtempSync('/var/tmp/memory-tiers-endurance-');
  memory = await TieredMemory.open({
    tiers: [
      { name: 'L1_DDR', capacityBytes: '32MiB', kind: 'simulated' },
      {
        name: 'L4_NVME',
        backends: [{ kind: 'file', directory, capacityBytes: 32 * MiB }],
        spec: { writeBytesPerDay: rated },
      },
    ],
    background: false,
    tracking: false,
    policy: sender,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  });
});

afterEach(async () => {
  await memory.close();
  rmSync(directory, { recursive: true });
});

describe('a drive with a rated endurance', () => {
  it('is written by moves until an hour of its rating is used up, and then they are refused', async () => {
    expect(memory.tiers[1].spec.writeBytesPerDay).toEqual({ value: rated, source: 'user' });
    memory.allocate(Uint8Array, 6 * chunkBytes, { ownerThreadOnly: true }).touch();
    const { outcomes, failures, refused } = await send(1);
    expect({ moved: outcomes.moved, failures, refused }).toEqual({
      moved: 5,
      failures: {},
      refused: { endurance: 1 },
    });
    const { tier, movedBytes, leftBytes } = endurance();
    expect({ tier, movedBytes }).toEqual({ tier: 'L4_NVME', movedBytes: 5 * chunkBytes });
    expect(leftBytes).toBeLessThan(chunkBytes);
  });

  it('counts what the program stores and rewrites there, each value once a plan', async () => {
    to = 1;
    const value = new Uint8Array(3 * chunkBytes);
    const small = new Uint8Array(1000);
    await memory.store(value, { key: 'large', tierHint: 'L4_NVME' });
    const handle = await memory.store(small, { key: 'small', tierHint: 'L4_NVME' });
    for (let i = 0; i < 100; i++) handle.write(small);
    await memory.engine.step();
    const { movedBytes, writtenBytes, leftBytes } = endurance();
    expect(movedBytes).toBe(0);
    expect(writtenBytes).toBeGreaterThanOrEqual(value.byteLength + small.byteLength);
    expect(writtenBytes).toBeLessThan(value.byteLength + 2 * small.byteLength);
    expect(leftBytes).toBeLessThanOrEqual(rated / 24 - writtenBytes + rated / 1000);
  });

  it('counts a checkpoint that is written to it', async () => {
    to = 0;
    await memory.store(new Uint8Array(MiB), { key: 'k', tierHint: 'L1_DDR' });
    const { bytes } = await memory.checkpoint(join(directory, 'checkpoint'));
    await memory.engine.step();
    expect(bytes).toBeGreaterThan(MiB);
    expect(endurance().writtenBytes).toBe(bytes);
  });

  it.runIf(transparent)('takes nothing for a chunk that goes back unwritten', async () => {
    const region = memory.allocate(Uint8Array, chunkBytes, { ownerThreadOnly: true });
    region.view.fill(7);
    region.touch();
    await send(1);
    expect(endurance().movedBytes).toBe(chunkBytes);
    await send(0);
    const back = await send(1);
    expect(back.outcomes.moved).toBe(1);
    expect(endurance().movedBytes).toBe(chunkBytes);
    await send(0);
    region.view[5] = 8;
    await send(1);
    expect(endurance().movedBytes).toBeGreaterThan(chunkBytes);
    expect(region.view[5]).toBe(8);
  });
});
