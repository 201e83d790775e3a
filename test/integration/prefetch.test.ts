import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { type TieredMemory as Memory, type OpenOptions, TieredMemory } from '../../lib/index.ts';
import { cutBackingFile } from '../support/backing-file.ts';
import { makeCold } from '../support/cold-pages.ts';

const MiB = 1024 * 1024;
const pageBytes = 4096;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-tiers-test-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function openOnFile(prefetch: OpenOptions['prefetch'] = true): Promise<Memory> {
  const capacityBytes = 96 * MiB;
  return TieredMemory.open({
    tiers: [{ name: 'L4_NVME', backends: [{ kind: 'file', directory, capacityBytes }] }],
    background: false,
    prefetch,
  });
}

/** Takes everything out of memory; ends the test where that cannot be. */
function cool(context: TestContext): void {
  context.skip(!makeCold(directory), 'the temporary directory is in memory');
}

/** Page faults that waited for the drive while `action` ran. */
function majorFaults(action: () => void): number {
  const before = process.resourceUsage().majorPageFault;
  action();
  return process.resourceUsage().majorPageFault - before;
}

/** A word of each page that a device has to be asked for, in an order in which none brings in the next. */
function touchPages(view: Uint8Array, strideBytes: number): number {
  let sum = 0;
  for (let at = view.length - 1; at >= 0; at -= strideBytes) sum += view[at];
  return sum;
}

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 7 + (i >>> 12);
  return bytes;
}

/** Waits for what is read ahead to arrive. */
async function arrived(memory: Memory): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const { inFlightBytes, queuedBytes } = memory.stats().prefetch;
    if (inFlightBytes + queuedBytes === 0) return;
    await sleep(5);
  }
  throw new Error('what is read ahead never arrives');
}

describe('fetch', () => {
  it('leaves no page fault for the reader of a large value over several chunks', async (context) => {
    await using memory = await openOnFile(false);
    const value = pattern(33 * MiB + 5);
    await memory.store(value, { key: 'large' });
    cool(context);
    // What it would be without: the same walk over cold pages.
    expect(
      majorFaults(() => touchPages(memory.get<Uint8Array>('large')!.borrow(), 16 * MiB)),
    ).toBeGreaterThan(0);
    cool(context);
    const handle = await memory.fetch<Uint8Array>('large');
    const view = handle!.borrow();
    expect(majorFaults(() => touchPages(view, pageBytes))).toBe(0);
    expect(Buffer.compare(view, value)).toBe(0);
  });

  it('leaves none for the reader of small values', async (context) => {
    await using memory = await openOnFile(false);
    const value = pattern(200_000);
    for (let key = 0; key < 200; key++) memory.storeSync(value, { key });
    cool(context);
    expect(majorFaults(() => memory.get<Uint8Array>(0)!.borrow()[0])).toBe(1);
    for (const key of [50, 100, 150]) {
      const handle = await memory.fetch<Uint8Array>(key);
      const view = handle!.borrow();
      expect(majorFaults(() => touchPages(view, pageBytes))).toBe(0);
      expect(Buffer.compare(view, value)).toBe(0);
    }
  });

  it('ends with the memory that is closed meanwhile', async (context) => {
    const memory = await openOnFile();
    await memory.store(pattern(64 * MiB), { key: 'large' });
    cool(context);
    const fetched = memory.fetch('large');
    await memory.close();
    await expect(fetched).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });

  it('ends with the data that is deleted meanwhile', async () => {
    await using memory = await openOnFile();
    await memory.store(pattern(64 * MiB), { key: 'large' });
    const fetched = memory.fetch('large');
    memory.delete('large');
    expect(await fetched).toBeUndefined();
    expect(memory.stats().leases).toBe(0);
    expect(memory.stats().tiers[0].usedBytes).toBe(0);
  });
});

describe('reading ahead', () => {
  it('brings in what a hint names, for values and regions', async (context) => {
    await using memory = await openOnFile(false);
    const keys = Array.from({ length: 40 }, (_, key) => key);
    for (const key of keys) memory.storeSync(pattern(300_000), { key });
    const region = memory.allocate(Uint8Array, 24 * MiB);
    region.view.fill(3);
    cool(context);
    memory.prefetch([...keys, 'no such key']);
    region.prefetch(4 * MiB, 16 * MiB);
    await arrived(memory);
    const views = keys.map((key) => memory.get<Uint8Array>(key)!.borrow());
    const hinted = region.view.subarray(4 * MiB, 20 * MiB);
    expect(
      majorFaults(() => {
        for (const view of views) touchPages(view, pageBytes);
        touchPages(hinted, pageBytes);
      }),
    ).toBe(0);
    expect(majorFaults(() => region.view[24 * MiB - 1])).toBe(1);
    expect(memory.stats().prefetch).toMatchObject({ errors: 0, streams: 0 });
  });

  it('is ahead of a walk through a region, in order or strided', async (context) => {
    await using memory = await openOnFile();
    const region = memory.allocate(Uint8Array, 64 * MiB);
    for (const [length, stride, least] of [
      [64 * 1024, 64 * 1024, 0.9],
      [4096, 1_048_576, 0.8],
    ]) {
      cool(context);
      const { usefulBytes } = memory.stats().prefetch;
      let waited = 0;
      const steps = (64 * MiB) / stride;
      for (let i = 0; i < steps; i++) {
        region.touch({ start: i * stride, length });
        waited += majorFaults(() => region.view[i * stride]);
        await arrived(memory);
      }
      const useful = memory.stats().prefetch.usefulBytes - usefulBytes;
      expect(useful / (steps * length)).toBeGreaterThan(least);
      // Those before the stream was known.
      expect(waited).toBeLessThanOrEqual(4);
    }
    expect(memory.stats().prefetch.streams).toBe(2);
  });

  it('of what the drive lost is an error for the reader and for nobody else', async () => {
    await using memory = await openOnFile();
    await memory.store(pattern(8 * MiB), { key: 'lost' });
    cutBackingFile(directory, 2 * MiB);
    memory.prefetch(['lost']);
    await arrived(memory);
    expect(memory.stats().prefetch.errors).toBeGreaterThan(0);
    expect(() => memory.get('lost')?.read()).toThrow(
      expect.objectContaining({ code: 'ERR_TIER_LOST' }),
    );
  });

  it('goes on while regions come and go', async (context) => {
    await using memory = await openOnFile();
    for (let round = 0; round < 20; round++) {
      using region = memory.allocate(Uint8Array, 32 * MiB);
      region.view[round] = 1;
      if (round % 5 === 0) cool(context);
      for (let at = 0; at < 8 * MiB; at += MiB) region.touch({ start: at, length: MiB });
      region.prefetch();
      if (round % 3 === 0) await sleep(1);
    }
    // What was read of them keeps no memory: there is room for all of it again.
    memory.allocate(Uint8Array, 90 * MiB).dispose();
    await arrived(memory);
    expect(memory.stats().tiers[0].usedBytes).toBe(0);
  });

  it('refuses options and keys that make no sense', async () => {
    for (const prefetch of [1, 'yes', null, { maxBytes: 1000 }, {}, { maxBytes: Number.NaN }]) {
      const open = TieredMemory.open({ prefetch: prefetch as unknown as boolean });
      await expect(open).rejects.toMatchObject({ code: /^ERR_INVALID_ARG/ });
    }
    await using memory = await openOnFile({ maxBytes: '1MiB' });
    expect(() => memory.prefetch('key' as unknown as string[])).toThrow(TypeError);
  });
});
