import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TierError } from '../../lib/errors.ts';
import type { NativeHeap } from '../../lib/memory/heap-binding.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import { tierCodeOf } from '../support/outcomes.ts';

const capacityBytes = 16 * chunkBytes;
const reserveBytes = 64 * chunkBytes;

let heap: NativeHeap;
let memory: number;
let file: number;

beforeEach(() => {
  heap = requireNative().openHeap({ reserveBytes });
  memory = heap.addBackend({ kind: 'simulated', capacityBytes });
  file = heap.addBackend({ kind: 'file', directory: '/tmp', capacityBytes });
});

afterEach(() => heap.close());

function view(first: number, chunks: number): Uint8Array {
  return new Uint8Array(heap.buffer(first, chunks * chunkBytes));
}

/** Calls a method with arguments TypeScript would not let through. */
function callWrongly(target: object, method: string, args: readonly unknown[]): unknown {
  return (target as Record<string, (...args: readonly unknown[]) => unknown>)[method](...args);
}

describe('runs and buffers', () => {
  it('gives zero-filled bytes in one buffer for each run', () => {
    const first = heap.allocate(memory, 3);
    const bytes = view(first, 3);
    expect(bytes.length).toBe(3 * chunkBytes);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    bytes[17] = 4;
    expect(heap.buffer(first, chunkBytes)).toBe(bytes.buffer);
  });

  it('detaches the buffer of a freed run, and zeroes the memory for the next one', () => {
    const first = heap.allocate(memory, 1);
    const stale = view(first, 1).fill(7);
    heap.free(first);
    expect(stale.length).toBe(0);
    const again = heap.allocate(memory, 1);
    expect(again).toBe(first);
    expect(view(again, 1)[100]).toBe(0);
    expect(stale.length).toBe(0);
  });

  it('can make a buffer shorter than its run, and none longer', () => {
    const first = heap.allocate(memory, 1);
    expect(tierCodeOf(() => heap.buffer(first, chunkBytes + 1))).toBe('ERR_TIER_INVALID');
    expect(tierCodeOf(() => heap.buffer(first, 0))).toBe('ERR_TIER_INVALID');
    expect(heap.buffer(first, 100).byteLength).toBe(100);
  });

  it('counts what is mapped and what was refused', () => {
    heap.allocate(memory, 10);
    expect(tierCodeOf(() => heap.allocate(memory, 10))).toBe('ERR_TIER_FULL');
    expect(heap.backendStats(memory)).toEqual({
      kind: 'simulated',
      capacityBytes,
      mappedBytes: 10 * chunkBytes,
      refusedAllocations: 1,
      unverifiedChunks: 0,
      retiredChunks: 0,
      shadowChunks: 0,
      durable: false,
      fixedAddress: true,
      note: '',
    });
  });

  it('keeps memory alive whose buffer a program has moved to another one', () => {
    const first = heap.allocate(memory, 1);
    const buffer = heap.buffer(first, chunkBytes) as ArrayBuffer & { transfer?: () => ArrayBuffer };
    if (buffer.transfer === undefined) return; // Node 20
    new Uint8Array(buffer)[5] = 9;
    const moved = new Uint8Array(buffer.transfer());
    heap.free(first);
    expect(moved[5]).toBe(9);
    expect(heap.backendStats(memory).mappedBytes).toBe(chunkBytes);
  });

  it.skipIf(!('transfer' in ArrayBuffer.prototype))(
    'keeps it when the buffer that the program had first was collected, too',
    async () => {
      const first = heap.allocate(memory, 1);
      const moved = (() => {
        const buffer = heap.buffer(first, chunkBytes) as ArrayBuffer & { transfer(): ArrayBuffer };
        return new Uint8Array(buffer.transfer());
      })();
      for (let i = 0; i < 5; i++) {
        globalThis.gc?.();
        await sleep(1);
      }
      heap.free(first);
      moved[5] = 9;
      expect(moved[5]).toBe(9);
      expect(heap.backendStats(memory).mappedBytes).toBe(chunkBytes);
    },
  );

  it('outlives its own object for as long as a buffer is reachable', async () => {
    const bytes = (() => {
      const shortLived = requireNative().openHeap({ reserveBytes });
      const backend = shortLived.addBackend({ kind: 'simulated', capacityBytes });
      return new Uint8Array(shortLived.buffer(shortLived.allocate(backend, 1), chunkBytes));
    })();
    for (let i = 0; i < 20; i++) {
      new ArrayBuffer(64 * 1024 * 1024);
      await sleep(0);
    }
    bytes[chunkBytes - 1] = 1;
    expect(bytes[chunkBytes - 1]).toBe(1);
  });
});

describe('moving', () => {
  it('keeps buffer, address and contents while a chunk changes backend and back', () => {
    const first = heap.allocate(memory, 3);
    const bytes = view(first, 3);
    for (let i = 0; i < bytes.length; i += 997) bytes[i] = i % 251;
    for (const target of [file, memory, file]) {
      const result = heap.rebackChunk(first + 1, target);
      expect(result).toMatchObject({ tried: 1, applied: 1, failed: 0, copiedBytes: chunkBytes });
      expect(heap.backendOf(first + 1)).toBe(target);
      expect(heap.backendOf(first)).toBe(memory);
      for (let i = 0; i < bytes.length; i += 997)
        if (bytes[i] !== i % 251) expect.fail(`byte ${i}`);
    }
    expect(heap.backendStats(file).mappedBytes).toBe(chunkBytes);
    heap.free(first);
    expect(heap.backendStats(file).mappedBytes).toBe(0);
  });

  it('leaves a chunk alone when the target has no room', () => {
    const none = heap.addBackend({ kind: 'simulated', capacityBytes: 0 });
    const first = heap.allocate(memory, 1);
    view(first, 1)[1] = 2;
    expect(tierCodeOf(() => heap.rebackChunk(first, none))).toBe('ERR_TIER_FULL');
    expect(view(first, 1)[1]).toBe(2);
    expect(heap.backendOf(first)).toBe(memory);
  });

  it('moves pages between backends of memory and says where they lie', async () => {
    const target = heap.addBackend({ kind: 'simulated', capacityBytes });
    const first = heap.allocate(memory, 2);
    const bytes = view(first, 2).fill(3);
    const result = await heap.movePages(first, 2, target);
    expect(result.tried).toBe(2);
    expect(result.applied + result.failed).toBe(2);
    expect(heap.backendOf(first)).toBe(target);
    expect(bytes[chunkBytes]).toBe(3);
    const placement = heap.placement(first, 2);
    if (placement.errno === 0) {
      const pages = Object.values(placement.pagesByNode).reduce((sum, count) => sum + count, 0);
      expect(pages * 4096).toBeGreaterThanOrEqual(2 * chunkBytes - placement.absentPages * 4096);
      expect(pages).toBeGreaterThan(0);
    }
  });

  it('refuses to move pages of a file', () => {
    const first = heap.allocate(file, 1);
    expect(tierCodeOf(() => heap.movePages(first, 1, memory))).toBe('ERR_TIER_INVALID');
  });

  it('refuses to copy a chunk that background work is using', async () => {
    const first = heap.allocate(memory, 8);
    const pending = heap.prefault(first, 0, 8 * chunkBytes);
    expect(tierCodeOf(() => heap.rebackChunk(first, file))).toBe('ERR_TIER_BUSY');
    await pending;
    expect(heap.rebackChunk(first, file).applied).toBe(1);
  });
});

describe('background work', () => {
  it('writes bytes where they belong, also across chunks on different backends', async () => {
    const first = heap.allocate(memory, 2);
    heap.rebackChunk(first + 1, file);
    const source = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
    await heap.write(first, chunkBytes - 500, source);
    expect(view(first, 2).slice(chunkBytes - 500, chunkBytes + 500)).toEqual(source);
    await heap.write(first + 1, 7, source.subarray(1, 3));
    expect(view(first, 2)[chunkBytes + 8]).toBe(2);
  });

  it('brings in the pages of a range and no others', async () => {
    const first = heap.allocate(memory, 16);
    await heap.prefault(first, 4 * chunkBytes + 5, 4 * chunkBytes);
    const { errno, absentPages } = heap.placement(first, 16);
    if (errno !== 0) return; // a container that does not tell
    expect(absentPages).toBeLessThanOrEqual((12 * chunkBytes) / 4096);
    expect(absentPages).toBeGreaterThanOrEqual((11 * chunkBytes) / 4096 - 1);
  });

  it('gives a run back when the work on it has ended, if it was freed meanwhile', async () => {
    const first = heap.allocate(memory, 4);
    const source = new Uint8Array(4 * chunkBytes).fill(1);
    const pending = [heap.write(first, 0, source), heap.prefault(first, 0, 4 * chunkBytes)];
    heap.free(first);
    expect(tierCodeOf(() => heap.free(first))).toBe('ERR_TIER_INVALID');
    expect(heap.backendStats(memory).mappedBytes).toBe(4 * chunkBytes);
    await Promise.all(pending);
    expect(heap.backendStats(memory).mappedBytes).toBe(0);
  });

  it('ends well when the heap is closed meanwhile', async () => {
    const first = heap.allocate(memory, 4);
    const pending = [
      heap.write(first, 0, new Uint8Array(4 * chunkBytes)),
      heap.movePages(first, 4, memory).then((result) => result.tried),
      heap.calibrate(memory, 4 * chunkBytes, 20).then((figures) => figures.workingSetBytes),
    ];
    heap.close();
    const [, tried, workingSetBytes] = await Promise.all(pending);
    expect(tried).toBe(4);
    expect(workingSetBytes).toBeGreaterThan(0);
  });

  it('measures memory and drive, and keeps none of it', async () => {
    for (const backend of [memory, file]) {
      const figures = await heap
        .calibrate(backend, 4 * chunkBytes, 50)
        .catch((error: TierError) => {
          // No direct I/O on this file system.
          expect(error.code).toBe('ERR_TIER_UNAVAILABLE');
          return undefined;
        });
      if (figures !== undefined) {
        expect(figures.readLatencyNs).toBeGreaterThan(0);
        expect(figures.readBytesPerSecond).toBeGreaterThan(0);
      }
      expect(heap.backendStats(backend).mappedBytes).toBe(0);
    }
  });
});

describe('refusals', () => {
  it('answers ERR_TIER_CLOSED after close, and detaches every buffer', () => {
    const first = heap.allocate(memory, 1);
    const bytes = view(first, 1);
    heap.close();
    heap.close();
    expect(bytes.length).toBe(0);
    for (const action of [
      () => heap.allocate(memory, 1),
      () => heap.buffer(first, 1),
      () => heap.free(first),
      () => heap.backendOf(first),
      () => heap.placement(first, 1),
      () => heap.rebackChunk(first, file),
      () => heap.movePages(first, 1, memory),
      () => heap.prefault(first, 0, 1),
      () => heap.flush(first, 0, 1),
      () => heap.write(first, 0, new Uint8Array(1)),
      () => heap.calibrate(memory, chunkBytes, 1),
      () => heap.backendStats(memory),
      () => heap.addBackend({ kind: 'simulated', capacityBytes }),
    ]) {
      expect(tierCodeOf(action)).toBe('ERR_TIER_CLOSED');
    }
  });

  it('says which device, node, directory or library is missing', () => {
    for (const config of [
      { kind: 'numa', node: 1000, capacityBytes },
      { kind: 'simulated', node: 1000, capacityBytes },
      { kind: 'file', directory: '/no/such/directory', capacityBytes },
      { kind: 'dax', path: '/dev/dax77.7', capacityBytes },
      { kind: 'memkind', memkind: 'PMEM', directory: '/no/such/directory', capacityBytes },
    ] as const) {
      expect(tierCodeOf(() => heap.addBackend(config))).toBe('ERR_TIER_UNAVAILABLE');
    }
    try {
      heap.addBackend({ kind: 'file', directory: '/no/such/directory', capacityBytes });
    } catch (error) {
      expect(error).toMatchObject({ syscall: 'open', errno: 2 });
      expect((error as Error).message).toContain('/no/such/directory');
    }
  });

  it('uses memkind where it is there, and says why where it is not', () => {
    const { available, detail } = requireNative().memkindStatus();
    expect(detail).not.toBe('');
    if (!available) return;
    const backend = heap.addBackend({
      kind: 'memkind',
      memkind: 'PMEM',
      directory: '/tmp',
      capacityBytes,
    });
    const first = heap.allocate(backend, 2);
    view(first, 2).fill(1);
    expect(heap.backendStats(backend).fixedAddress).toBe(false);
    expect(tierCodeOf(() => heap.rebackChunk(first, memory))).toBe('ERR_TIER_INVALID');
    heap.free(first);
    expect(heap.backendStats(backend).mappedBytes).toBe(0);
  });

  it('refuses to run on an object that is no heap', () => {
    const { allocate } = heap;
    for (const target of [undefined, null, 1, {}, Object.create(heap), new Map(), heap.allocate]) {
      expect(tierCodeOf(() => Reflect.apply(allocate, target, [memory, 1]))).toBe(
        'ERR_TIER_INVALID',
      );
    }
  });

  it('survives a heap closed by a getter of its own arguments', () => {
    const config = {
      kind: 'simulated' as const,
      get capacityBytes() {
        heap.close();
        return capacityBytes;
      },
    };
    expect(tierCodeOf(() => heap.addBackend(config))).toBe('ERR_TIER_CLOSED');
  });

  it('throws ERR_TIER_INVALID for arguments of every wrong kind, and never crashes', () => {
    const detached = new Uint8Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const anything = fc.oneof(
      fc.constantFrom<unknown>(
        ...[undefined, null, true, '', '1', {}, [], () => 1, Symbol('s'), 1n, new Date(), detached],
        ...[NaN, Infinity, -Infinity, -0, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 47 + 1, 2 ** 53, 1e300],
        new Uint8Array(new SharedArrayBuffer(8)),
        new Float64Array(3),
        new DataView(new ArrayBuffer(8)),
        { kind: 'numa', node: -1, capacityBytes },
        { kind: 'simulated', capacityBytes: NaN },
        { kind: 'simulated', node: 1.5, capacityBytes },
        { kind: 'file', directory: '/tmp\0/x', capacityBytes },
        { kind: 'file', directory: '/tmp', dax: 1, capacityBytes },
        { kind: 'memkind', memkind: 'FAST', capacityBytes },
        { reserveBytes: -1 },
        { reserveBytes: 0 },
        { reserveBytes: 2 ** 47 },
      ),
      fc.integer({ min: 0, max: 40 }),
      fc.anything({ withTypedArray: true, withBigInt: true }),
    );
    const methods = [
      ...['addBackend', 'allocate', 'buffer', 'free', 'backendOf', 'placement', 'rebackChunk'],
      ...['movePages', 'prefault', 'flush', 'write', 'calibrate', 'backendStats'],
    ];
    const codes = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.constantFrom(...methods),
        fc.array(anything, { maxLength: 4 }),
        (method, args) => {
          if (method === 'calibrate' && typeof args[2] === 'number') args[2] = Math.min(args[2], 2);
          let code = 'none';
          try {
            const result = callWrongly(heap, method, args);
            if (result instanceof Promise) result.catch(() => {});
          } catch (error) {
            // A symbol or getter among the arguments may throw what it likes; we throw nothing else.
            code = error instanceof TierError ? error.code : 'foreign';
            if (code === 'foreign') expect(error).not.toBeInstanceOf(TierError);
          }
          codes.set(code, (codes.get(code) ?? 0) + 1);
        },
      ),
      { numRuns: 3000 },
    );
    expect(codes.get('ERR_TIER_INVALID')).toBeGreaterThan(500);
    expect(codes.get('foreign') ?? 0).toBeLessThan(100);
    for (const wrong of [
      undefined,
      {},
      { reserveBytes: 0 },
      { reserveBytes: 1.5 },
      { reserveBytes: '1' },
    ]) {
      expect(tierCodeOf(() => callWrongly(requireNative(), 'openHeap', [wrong]))).toBe(
        'ERR_TIER_INVALID',
      );
    }
    expect(tierCodeOf(() => callWrongly(requireNative(), 'adjustExternalMemory', [NaN]))).toBe(
      'ERR_TIER_INVALID',
    );
    expect(tierCodeOf(() => callWrongly(requireNative(), 'setErrorFactory', [1]))).toBe(
      'ERR_TIER_INVALID',
    );
  });
});
