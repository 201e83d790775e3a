import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TierError } from '../../lib/errors.ts';
import type { NativeHeap } from '../../lib/memory/heap-binding.ts';
import type {
  HotnessSample,
  HotnessSourceKind,
  NativeHotnessSource,
} from '../../lib/memory/hotness-binding.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';

const pageBytes = 4096;
const regionChunks = 16;

const probes = new Map(
  requireNative()
    .probeHotnessSources()
    .map((probe) => [probe.kind, probe]),
);

let heap: NativeHeap;
let memory: number;

beforeEach(() => {
  heap = requireNative().openHeap({ reserveBytes: 64 * chunkBytes });
  memory = heap.addBackend({ kind: 'simulated', capacityBytes: 32 * chunkBytes });
});

afterEach(() => heap.close());

function works(kind: HotnessSourceKind): boolean {
  return probes.get(kind)?.available === true;
}

function chunksFrom(first: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => first + index);
}

function viewOf(first: number, chunks: number): Uint8Array {
  return new Uint8Array(heap.buffer(first, chunks * chunkBytes));
}

/** Calls back with the offset of each of a chunk's first pages. */
function eachPage(chunk: number, pages: number, access: (offset: number) => void): void {
  for (let page = 0; page < pages; page++) access(chunk * chunkBytes + page * pageBytes);
}

/** A region of written chunks, and a source whose first collection is over. */
async function watchRegion(
  kind: HotnessSourceKind,
  backend: number,
): Promise<{ first: number; bytes: Uint8Array; source: NativeHotnessSource }> {
  const first = heap.allocate(backend, regionChunks);
  const bytes = viewOf(first, regionChunks).fill(1);
  const source = heap.openHotnessSource(kind);
  source.watch(chunksFrom(first, regionChunks));
  expect((await source.collect()).chunks).toHaveLength(0);
  return { first, bytes, source };
}

/** Reads and writes by place in the region. */
function found(sample: HotnessSample, first: number): Map<number, [number, number]> {
  return new Map(
    Array.from(sample.chunks, (chunk, i) => [chunk - first, [sample.reads[i], sample.writes[i]]]),
  );
}

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(TierError);
    return (error as TierError).code;
  }
  return 'nothing was thrown';
}

describe('sources', () => {
  it('are all probed, with a reason where they do not work, and open exactly where they do', async () => {
    expect([...probes.keys()].sort()).toEqual([
      'damon',
      'page-cache',
      'pmu',
      'referenced',
      'write-protect',
    ]);
    for (const { kind, available, detail } of probes.values()) {
      if (available) {
        heap.openHotnessSource(kind).close();
      } else {
        expect(detail).not.toBe('');
        expect(await codeOf(() => heap.openHotnessSource(kind))).toMatch(
          /^ERR_TIER_(UNAVAILABLE|NO_PERMISSION|BUSY)$/,
        );
      }
    }
  });

  it.runIf(works('write-protect'))('write-protect finds the chunks that views wrote', async () => {
    const { first, bytes, source } = await watchRegion('write-protect', memory);
    let sum = 0;
    const write = (offset: number) => bytes.fill(9, offset, offset + 1);
    eachPage(2, 5, write);
    eachPage(9, 512, write);
    eachPage(15, 1, write);
    eachPage(4, 512, (offset) => {
      sum += bytes[offset];
    });
    expect(sum).toBe(512);
    const sample = await source.collect();
    expect(found(sample, first)).toEqual(
      new Map([
        [2, [0, 5]],
        [9, [0, 512]],
        [15, [0, 1]],
      ]),
    );
    expect(sample.scannedBytes).toBe(regionChunks * chunkBytes);
    expect(sample.costNs).toBeGreaterThan(0);
    expect((await source.collect()).chunks).toHaveLength(0);
    source.close();
  });

  it.runIf(works('referenced'))('referenced finds the chunks that views read', async () => {
    const { first, bytes, source } = await watchRegion('referenced', memory);
    let sum = 0;
    const read = (offset: number) => {
      sum += bytes[offset];
    };
    eachPage(3, 10, read);
    eachPage(8, 512, read);
    eachPage(12, 1, read);
    expect(sum).toBe(523);
    const sample = await source.collect();
    const chunks = found(sample, first);
    expect([...chunks.keys()]).toEqual([3, 8, 12]);
    // Chunks on huge pages count as one.
    for (const [reads] of chunks.values()) expect(reads).toBeGreaterThan(0);
    expect(sample.scannedBytes).toBe(regionChunks * chunkBytes);
    source.close();
  });

  it.runIf(works('page-cache'))('page-cache finds the chunks that came from the file', async () => {
    const file = heap.addBackend({
      kind: 'file',
      directory: '/var/tmp',
      capacityBytes: regionChunks * chunkBytes,
    });
    // Nobody has touched the file, so none of it is in memory.
    const first = heap.allocate(file, regionChunks);
    const source = heap.openHotnessSource('page-cache');
    source.watch(chunksFrom(first, regionChunks));
    expect((await source.collect()).chunks).toHaveLength(0);
    const bytes = viewOf(first, regionChunks);
    const start = (chunk: number) => bytes[chunk * chunkBytes];
    expect(start(3) + start(10) + start(14)).toBe(0);
    const sample = await source.collect();
    expect([...found(sample, first).keys()]).toEqual([3, 10, 14]);
    expect(sample.scannedBytes).toBe(regionChunks * chunkBytes);
    expect(start(3)).toBe(0);
    expect((await source.collect()).chunks).toHaveLength(0);
    source.close();
  });
});

describe('a source', () => {
  it('collects one at a time, and nothing any more once it is closed', async () => {
    const { source } = await watchRegion('referenced', memory);
    const pending = source.collect();
    expect(await codeOf(() => source.collect())).toBe('ERR_TIER_BUSY');
    source.close();
    source.close();
    await pending;
    expect(await codeOf(() => source.collect())).toBe('ERR_TIER_CLOSED');
    expect(await codeOf(() => source.watch(new Uint32Array()))).toBe('ERR_TIER_CLOSED');
  });

  it('refuses chunks that are of no run, and anything that is not an array of them', async () => {
    const { first, source } = await watchRegion('referenced', memory);
    expect(await codeOf(() => source.watch(Uint32Array.of(first, 60)))).toBe('ERR_TIER_INVALID');
    const notNumbers = [first] as unknown as Uint32Array;
    expect(await codeOf(() => source.watch(notNumbers))).toBe('ERR_TIER_INVALID');
    const kind = 'guesses' as HotnessSourceKind;
    expect(await codeOf(() => heap.openHotnessSource(kind))).toBe('ERR_TIER_INVALID');
    const { collect } = source;
    expect(await codeOf(() => collect.call({} as NativeHotnessSource))).toBe('ERR_TIER_INVALID');
  });

  it('keeps no chunk from being freed while it collects, and leaves freed ones out afterwards', async () => {
    const { first, bytes, source } = await watchRegion('referenced', memory);
    const pending = source.collect();
    heap.free(first);
    expect(bytes).toHaveLength(0);
    expect(heap.backendStats(memory).mappedBytes).toBe(0);
    await pending;
    const sample = await source.collect();
    expect(sample.chunks).toHaveLength(0);
    expect(sample.scannedBytes).toBe(0);
  });

  it('can be asked for chunks while it collects, which it watches from then on', async () => {
    const { first, source } = await watchRegion('referenced', memory);
    const pending = source.collect();
    source.watch(chunksFrom(first, 2));
    expect((await pending).scannedBytes).toBe(regionChunks * chunkBytes);
    expect((await source.collect()).scannedBytes).toBe(2 * chunkBytes);
  });

  it.each(['write-protect', 'referenced', 'page-cache'] as const)(
    '%s ends with its heap, closed or collected, in any order',
    async (kind) => {
      if (!works(kind)) return;
      const other = requireNative().openHeap({ reserveBytes: 8 * chunkBytes });
      const backend = other.addBackend({ kind: 'simulated', capacityBytes: 4 * chunkBytes });
      const first = other.allocate(backend, 4);
      const source = other.openHotnessSource(kind);
      source.watch(chunksFrom(first, 4));
      const pending = source.collect();
      other.close();
      await pending;
      expect(await codeOf(() => source.collect())).toBe('ERR_TIER_CLOSED');
      source.close();
      globalThis.gc?.();
    },
  );
});
