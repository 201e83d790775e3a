import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PersistentRegion } from '../../lib/memory/persistent-region.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join('/var/tmp', 'memory-tiers-persistent-'));
  path = join(folder, 'weights.f64');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a persistent region', () => {
  it('begins with zeros, and has what was written when it is opened again', async () => {
    const length = 300_000;
    {
      using region = PersistentRegion.open(Float64Array, { path, length });
      expect(region.durable).toBe(true);
      expect(region.view).toHaveLength(length);
      expect(region.view.every((value) => value === 0)).toBe(true);
      for (let i = 0; i < length; i++) region.view[i] = Math.sqrt(i);
      await region.flush();
    }
    using region = PersistentRegion.open(Float64Array, { path, length });
    expect(region.view.every((value, i) => value === Math.sqrt(i))).toBe(true);
    // Whole steps of 2 MiB.
    expect(statSync(path).size).toBe(4 * 2 ** 20);
  });

  it('is the bytes of the file and nothing else', () => {
    {
      using region = PersistentRegion.open(Uint32Array, { path, length: 4 });
      region.view.set([1, 2, 3, 0x01020304]);
    }
    using region = PersistentRegion.open(Uint8Array, { path, length: 16 });
    expect([...region.view]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 3, 2, 1]);
  });

  it('belongs to one opener at a time', () => {
    const region = PersistentRegion.open(Uint8Array, { path, length: 1 });
    const open = () => PersistentRegion.open(Uint8Array, { path, length: 1 });
    expect(open).toThrow(expect.objectContaining({ code: 'ERR_TIER_BUSY' }));
    region.close();
    open().close();
  });

  it('is empty and refuses everything once closed', async () => {
    const region = PersistentRegion.open(Uint8Array, { path, length: 100 });
    const { view } = region;
    region.close();
    region.close();
    expect(view).toHaveLength(0);
    expect(() => region.view).toThrow(expect.objectContaining({ code: 'ERR_TIER_CLOSED' }));
    await expect(region.flush()).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });

  it('names what the device lost, reads it as zeros, and does not call it flushed', async () => {
    using region = PersistentRegion.open(Uint8Array, { path, length: 4 * 2 ** 20 });
    region.view.fill(7);
    expect(region.damage()).toEqual([]);
    truncateSync(path, 3 * 2 ** 20);
    expect(region.view[4 * 2 ** 20 - 1]).toBe(0);
    expect(region.view[0]).toBe(7);
    expect(region.damage()).toEqual([
      expect.objectContaining({ chunk: 1, cause: 'lost', byteLength: expect.any(Number) }),
    ]);
    await expect(region.flush()).rejects.toMatchObject({ code: 'ERR_TIER_LOST' });
    await region.flush(0, 2 * 2 ** 20);
  });

  it('refuses what cannot be a region, with the reason', () => {
    const open = (options: object) => () => PersistentRegion.open(Uint8Array, options as never);
    expect(open({ path, length: 0 })).toThrow(RangeError);
    expect(open({ path, length: 2 ** 33 })).toThrow(RangeError);
    expect(open({ path, length: 1.5 })).toThrow(RangeError);
    expect(open({ path: '', length: 1 })).toThrow(TypeError);
    expect(open({ length: 1 })).toThrow(TypeError);
    expect(() => PersistentRegion.open(Array as never, { path, length: 1 })).toThrow(TypeError);
    expect(open({ path: join(folder, 'no/file'), length: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_UNAVAILABLE', syscall: 'open' }),
    );
    expect(open({ path: folder, length: 1 })).toThrow(
      expect.objectContaining({ code: expect.stringContaining('ERR_TIER') }),
    );
    expect(open({ path: '/dev/null', length: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_UNAVAILABLE' }),
    );
  });

  it('refuses elements that it does not have', async () => {
    using region = PersistentRegion.open(Uint8Array, { path, length: 100 });
    await expect(region.flush(101)).rejects.toThrow(RangeError);
    await expect(region.flush(50, 51)).rejects.toThrow(RangeError);
    await region.flush(100, 0);
  });
});
