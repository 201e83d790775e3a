import { describe, expect, it } from 'vitest';
import { TieredMemory } from '../../lib/index.ts';

const MiB = 1024 * 1024;

/** Two simulated tiers, the first of two backends; on several nodes it is tested in the emulated machine. */
function open(node?: number) {
  const backend = { kind: 'simulated', capacityBytes: 64 * MiB, ...(node === 0 ? { node } : {}) };
  return TieredMemory.open({
    background: false,
    tiers: [
      { name: 'L1_DDR', backends: [backend, backend] as never },
      { name: 'L4_NVME', backends: [{ kind: 'simulated', capacityBytes: 256 * MiB }] },
    ],
  });
}

const mapped = (memory: TieredMemory) =>
  memory.stats().tiers.map(({ backends }) => backends.map(({ mappedBytes }) => mappedBytes / MiB));

describe('an interleaved region', () => {
  it('lies half on each backend of its tier, holds data, and gives all back', async () => {
    await using memory = await open();
    const region = memory.allocate(Uint32Array, 10 * MiB, { interleave: true });
    expect(region.interleaving).toMatchObject({ method: 'chunks', stripeBytes: 2 * MiB });
    expect(mapped(memory)).toEqual([[20, 20], [0]]);
    expect(region.shares()).toEqual([{ tier: 'L1_DDR', chunks: 20 }]);
    region.view.forEach((_, i) => {
      region.view[i] = i;
    });
    expect(region.view.every((value, i) => value === i)).toBe(true);
    region.dispose();
    expect(mapped(memory)).toEqual([[0, 0], [0]]);
  });

  it('goes to another tier as a whole when its own cannot take all of it', async () => {
    await using memory = await open();
    memory.allocate(Uint8Array, 100 * MiB, { tierHint: 'L1_DDR', interleave: true });
    const region = memory.allocate(Uint8Array, 60 * MiB, { interleave: true });
    expect(region.shares()).toEqual([{ tier: 'L4_NVME', chunks: 30 }]);
    expect(region.interleaving?.method).toBe('none');
  });

  it('moves chunk by chunk with its contents', async () => {
    await using memory = await open();
    const region = memory.allocate(Uint32Array, 8 * MiB, {
      interleave: true,
      tierHint: 'L4_NVME',
    });
    region.view.fill(7);
    for (let i = 0; i < 50; i++) region.touch({ start: 0, length: 4 * MiB });
    await memory.optimizePlacement();
    expect(region.shares().map(({ tier }) => tier)).toContain('L1_DDR');
    expect(region.view.every((value) => value === 7)).toBe(true);
  });

  it('of single pages is left where it is', async () => {
    await using memory = await open(0);
    const region = memory.allocate(Uint8Array, 8 * MiB, {
      tierHint: 'L1_DDR',
      interleave: true,
    });
    // A container may refuse to place anything; then there is nothing that a move would undo.
    if (region.interleaving?.method === 'none') {
      expect(region.interleaving).toMatchObject({
        note: expect.stringMatching(/mbind/),
        stays: false,
      });
      return;
    }
    expect(region.interleaving).toMatchObject({ method: 'kernel', stays: true });
    region.touch();
    expect((await memory.explain(region))?.text).toMatch(/^stays in L1_DDR .*a pin/);
  });

  it('is refused over nodes that no tier is on', async () => {
    await using memory = await open(0);
    const allocate = () => memory.allocate(Uint8Array, MiB, { interleave: { 0: 1, 77: 1 } });
    expect(allocate).toThrow(/node 77/);
  });
});
