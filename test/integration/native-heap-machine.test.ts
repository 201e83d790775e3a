/**
 * Every pair of backends this machine has. On an ordinary machine that is a node or two and a directory; in
 * one with all the tiers, name what else may be written to: MEMTIERS_TEST_DIRECTORIES (colon-separated) and
 * MEMTIERS_TEST_DEVDAX, a device whose contents are overwritten.
 */

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NativeHeap } from '../../lib/memory/heap-binding.ts';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import type { BackendConfig } from '../../lib/tiers/tier.ts';

const capacityBytes = 8 * chunkBytes;
const machine = requireNative().describeMachine('');
const canPlace = machine.permissions.mbind === 0 && machine.permissions.movePages === 0;
const nodes = machine.nodes.filter(({ id, freeBytes }) => {
  return machine.allowedNodes.includes(id) && freeBytes > 16 * capacityBytes;
});
const configs: BackendConfig[] = [
  ...nodes.map(({ id }) => ({ kind: 'numa', node: id, capacityBytes }) as const),
  ...(process.env.MEMTIERS_TEST_DIRECTORIES ?? '/tmp')
    .split(':')
    .map((directory) => ({ kind: 'file', directory, capacityBytes, dax: true }) as const),
];
const device = process.env.MEMTIERS_TEST_DEVDAX;
if (device !== undefined) configs.push({ kind: 'dax', path: device, capacityBytes });

let heap: NativeHeap;
let backends: number[];

beforeEach(() => {
  heap = requireNative().openHeap({ reserveBytes: 64 * chunkBytes });
  backends = configs.map((config) => heap.addBackend(config));
});

afterEach(() => heap.close());

function fill(words: Uint32Array, seed: number): void {
  for (let i = 0; i < words.length; i += 16) words[i] = Math.imul(i + 1, seed);
}

function wrongWords(words: Uint32Array, seed: number): number {
  let wrong = 0;
  for (let i = 0; i < words.length; i += 16) if (words[i] !== Math.imul(i + 1, seed) >>> 0) wrong++;
  return wrong;
}

function expectPlacedBy(backend: number, first: number, chunks: number): void {
  const config = configs[backends.indexOf(backend)];
  if (config.kind !== 'numa' || !canPlace) return;
  const pages = (chunks * chunkBytes) / machine.kernel.pageBytes;
  expect(heap.placement(first, chunks)).toEqual({
    pagesByNode: { [config.node]: pages },
    absentPages: 0,
    errno: 0,
  });
}

it('copies a chunk from every backend to every other and back, whole and where it belongs', () => {
  for (const from of backends) {
    for (const to of backends) {
      const first = heap.allocate(from, 1);
      const words = new Uint32Array(heap.buffer(first, chunkBytes));
      expect(words.every((word) => word === 0)).toBe(true);
      expectPlacedBy(from, first, 1);
      fill(words, 7);
      expect(heap.rebackChunk(first, to).applied).toBe(1);
      expect(wrongWords(words, 7)).toBe(0);
      expectPlacedBy(to, first, 1);
      fill(words, 9);
      expect(heap.rebackChunk(first, from).applied).toBe(1);
      expect(wrongWords(words, 9)).toBe(0);
      heap.free(first);
    }
  }
});

it('moves pages from every node to every other', async () => {
  if (!canPlace) return;
  const numa = backends.filter((_, i) => configs[i].kind === 'numa');
  for (const from of numa) {
    for (const to of numa) {
      const first = heap.allocate(from, 2);
      const words = new Uint32Array(heap.buffer(first, 2 * chunkBytes));
      fill(words, 11);
      const result = await heap.movePages(first, 2, to);
      expect(result).toMatchObject({ tried: 2, applied: 2, failed: 0, reasons: {} });
      expect(result.copiedBytes).toBe(from === to ? 0 : 2 * chunkBytes);
      expect(wrongWords(words, 11)).toBe(0);
      expectPlacedBy(to, first, 2);
      heap.free(first);
    }
  }
});

it('refuses what a node does not have instead of taking it from elsewhere', () => {
  if (!canPlace) return;
  const [smallest] = [...nodes].sort((a, b) => a.freeBytes - b.freeBytes);
  const greedy = requireNative().openHeap({ reserveBytes: 4 * smallest.memoryBytes });
  const backend = greedy.addBackend({
    kind: 'numa',
    node: smallest.id,
    capacityBytes: 4 * smallest.memoryBytes,
  });
  const chunks = Math.ceil((2 * smallest.memoryBytes) / chunkBytes);
  expect(() => greedy.allocate(backend, chunks)).toThrowError(
    expect.objectContaining({ code: 'ERR_TIER_FULL' }),
  );
  expect(greedy.backendStats(backend).mappedBytes).toBe(0);
  greedy.close();
});

it('keeps a device to itself while its heap is open', () => {
  if (device === undefined) return;
  const config = { kind: 'dax', path: device, capacityBytes } as const;
  const other = requireNative().openHeap({ reserveBytes: chunkBytes });
  expect(() => other.addBackend(config)).toThrowError(
    expect.objectContaining({ code: 'ERR_TIER_BUSY' }),
  );
  heap.close();
  expect(other.addBackend(config)).toBe(0);
  other.close();
});
