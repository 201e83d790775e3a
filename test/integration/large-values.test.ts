/** Large values are copied off the main thread, while JavaScript goes on with their bytes. */

import { describe, expect, it } from 'vitest';
import { TieredMemory } from '../../lib/index.ts';

const gc = (globalThis as { gc?: () => void }).gc as () => void;
const largeBytes = 40 * 1024 * 1024;

describe('a tiered memory', () => {
  it('refuses a large value whose bytes are taken away before they are copied', async () => {
    const memory = await TieredMemory.open({
      tiers: [{ name: 'L1_DDR', capacityBytes: '128MiB', kind: 'simulated' }],
      background: false,
    });
    const usedBytes = (): number => memory.stats().tiers[0].usedBytes;
    const before = usedBytes();
    for (const key of ['a', 'a', 'b']) {
      const bytes = new Uint8Array(largeBytes).fill(7);
      const refused = expect(memory.store(bytes, { key })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
      });
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      gc();
      await refused;
    }
    expect(usedBytes()).toBe(before);
    const handle = await memory.store(new Uint8Array(largeBytes).fill(9), { key: 'a' });
    expect(handle.read()[largeBytes - 1]).toBe(9);
    await memory.close();
  });
});
