import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NativeHeap } from '../../lib/memory/heap-binding.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import { cutBackingFile } from '../support/backing-file.ts';
import { tierCodeOf } from '../support/outcomes.ts';

const capacityBytes = 4 * chunkBytes;
const pageBytes = 4096;

let directory: string;
let heap: NativeHeap;
let memory: number;
let file: number;

beforeEach(() => {
  directory = mkdtempSync(join('/var/tmp', 'memory-tiers-damage-'));
  heap = requireNative().openHeap({ reserveBytes: 64 * chunkBytes });
  memory = heap.addBackend({ kind: 'simulated', capacityBytes });
  file = heap.addBackend({ kind: 'file', directory, capacityBytes });
});

afterEach(() => {
  heap.close();
  rmSync(directory, { recursive: true });
});

function view(first: number, chunks: number): Uint8Array {
  return new Uint8Array(heap.buffer(first, chunks * chunkBytes));
}

describe('a backing file that becomes shorter', () => {
  it('costs the bytes behind its end, which is counted and named, and not the process', () => {
    const first = heap.allocate(file, 3);
    const bytes = view(first, 3).fill(7);
    cutBackingFile(directory, chunkBytes + 8 * pageBytes);
    expect(heap.damageCount[0]).toBe(0);
    expect(heap.damagedRanges()).toEqual([]);

    expect(bytes[chunkBytes + 8 * pageBytes + 1]).toBe(0);
    expect(heap.damageCount[0]).toBe(1);
    expect(heap.damagedRanges()).toEqual([
      { chunk: first + 1, byteOffset: 8 * pageBytes, byteLength: pageBytes, cause: 'lost' },
    ]);

    bytes.fill(9);
    expect(heap.damageCount[0]).toBeGreaterThan(1);
    expect(heap.damagedRanges()).toEqual([
      {
        chunk: first + 1,
        byteOffset: 8 * pageBytes,
        byteLength: chunkBytes - 8 * pageBytes,
        cause: 'lost',
      },
      { chunk: first + 2, byteOffset: 0, byteLength: chunkBytes, cause: 'lost' },
    ]);
    expect(bytes.every((byte) => byte === 9)).toBe(true);
  });

  it('leaves its chunks where they are, and the others movable', () => {
    const runs = [heap.allocate(file, 1), heap.allocate(file, 1)] as const;
    for (const first of runs) view(first, 1).fill(7);
    cutBackingFile(directory, chunkBytes + pageBytes);
    // Nobody has touched the loss yet: the copy is what finds it.
    expect(tierCodeOf(() => heap.rebackChunk(runs[1], memory))).toBe('ERR_TIER_LOST');
    expect(heap.damagedRanges()).not.toEqual([]);
    expect(tierCodeOf(() => heap.rebackChunk(runs[1], memory))).toBe('ERR_TIER_LOST');
    expect(heap.backendOf(runs[1])).toBe(file);
    expect(
      view(runs[1], 1)
        .subarray(0, pageBytes)
        .every((byte) => byte === 7),
    ).toBe(true);
    expect(heap.backendStats(memory).mappedBytes).toBe(0);

    expect(heap.rebackChunk(runs[0], memory).applied).toBe(1);
    expect(view(runs[0], 1).every((byte) => byte === 7)).toBe(true);
  });

  it('costs the places it lost, for good, and no others', () => {
    const [kept, lost] = [heap.allocate(file, 1), heap.allocate(file, 1)];
    cutBackingFile(directory, chunkBytes);
    expect(view(lost, 1)[0]).toBe(0);
    heap.free(lost);
    expect(heap.damagedRanges()).toEqual([]);
    expect(heap.backendStats(file)).toMatchObject({ retiredChunks: 1, mappedBytes: chunkBytes });
    heap.free(kept);
    expect(heap.backendStats(file)).toMatchObject({ retiredChunks: 1, mappedBytes: 0 });
    expect(tierCodeOf(() => heap.allocate(file, 4))).toBe('ERR_TIER_FULL');
    const first = heap.allocate(file, 3);
    expect(view(first, 3).every((byte) => byte === 0)).toBe(true);
    expect(heap.damagedRanges()).toEqual([]);
  });

  it('rejects background work on bytes that are gone, wherever it runs', async () => {
    const first = heap.allocate(file, 2);
    cutBackingFile(directory, chunkBytes);
    const source = new Uint8Array(pageBytes).fill(5);
    const lost = { code: 'ERR_TIER_LOST' };
    await expect(heap.prefault(first, chunkBytes, pageBytes)).rejects.toMatchObject(lost);
    expect(heap.damagedRanges()).toEqual([
      { chunk: first + 1, byteOffset: 0, byteLength: pageBytes, cause: 'lost' },
    ]);
    const elsewhere = chunkBytes + 16 * pageBytes;
    await expect(heap.write(first, elsewhere, source)).rejects.toMatchObject(lost);
    await expect(heap.flush(first, elsewhere, 1)).rejects.toMatchObject(lost);
    expect(heap.damageCount[0]).toBe(2);
    await heap.write(first, 0, source);
    expect(await heap.flush(first, 0, pageBytes)).toBe(true);
    await heap.prefault(first, 0, chunkBytes);
  });

  it('keeps its count readable after close', () => {
    const first = heap.allocate(file, 1);
    const { damageCount } = heap;
    cutBackingFile(directory, 0);
    expect(view(first, 1)[0]).toBe(0);
    heap.close();
    expect(damageCount[0]).toBe(1);
    expect(heap.damagedRanges()).toEqual([]);
  });
});

describe('flush', () => {
  it('says whether the bytes are on a medium', async () => {
    const onFile = heap.allocate(file, 2);
    const inMemory = heap.allocate(memory, 1);
    view(onFile, 2).fill(1);
    expect(await heap.flush(onFile, 5, 2 * chunkBytes - 5)).toBe(true);
    expect(await heap.flush(inMemory, 0, chunkBytes)).toBe(false);
    heap.rebackChunk(onFile + 1, memory);
    expect(await heap.flush(onFile, 0, chunkBytes)).toBe(true);
    expect(await heap.flush(onFile, 0, chunkBytes + 1)).toBe(false);
    expect(tierCodeOf(() => heap.flush(onFile, 0, 2 * chunkBytes + 1))).toBe('ERR_TIER_INVALID');
  });
});

describe('the handler', () => {
  it('outlives the last environment that loaded the addon', async () => {
    const script = fileURLToPath(new URL('../fixtures/damage-worker.js', import.meta.url));
    const run = promisify(execFile)(process.execPath, [script]);
    // Nobody's fault: it ends the process as ever. A handler that was unloaded would be a SIGSEGV.
    await expect(run).rejects.toMatchObject({ signal: 'SIGBUS', stdout: 'worker exited with 0\n' });
  });
});
