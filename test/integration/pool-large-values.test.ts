/** Values that are copied off the main thread, while JavaScript goes on with their bytes. */

import { describe, expect, it } from 'vitest';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();
const gc = (globalThis as { gc?: () => void }).gc as () => void;

describe('a pool', () => {
  it('refuses a large value whose bytes are taken away before they are copied', async () => {
    const pool = await directory.open({ capacityBytes: '64MiB' });
    for (const key of ['a', 'a', 'b']) {
      const bytes = new Uint8Array(20 * 1024 * 1024).fill(7);
      const refused = expect(pool.put(key, bytes)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARG_VALUE',
      });
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      gc();
      await refused;
    }
    expect([...pool.keys()]).toEqual([]);
    expect(await pool.check()).toMatchObject({ damages: 0, objects: 0 });
    expect(await pool.put('a', new Uint8Array(50 * 1024 * 1024))).toBeGreaterThan(0);
  });
});
