/** Patterns, heaps and what the kernel says about where pages lie. */

import { readFileSync } from 'node:fs';
import type { NativeHeap } from '../../../dist/memory/heap-binding.js';
import { chunkBytes, requireNative } from '../../../dist/native.js';

export const MiB: number = 1024 * 1024;
export const pagesPerChunk: number = chunkBytes / 4096;

/** A heap with address space for what the tests of one file need. */
export function openHeap(reserveBytes: number = 8192 * MiB): NativeHeap {
  return requireNative().openHeap({ reserveBytes });
}

/** Bytes that are different for every seed and every word. */
export function pattern(seed: number, byteLength: number): Buffer {
  const words = new Uint32Array(byteLength / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 0x9e3779b1) ^ seed;
  return Buffer.from(words.buffer);
}

/** A run's bytes. */
export function bytesOf(heap: NativeHeap, run: number, chunks: number): Uint8Array {
  return new Uint8Array(heap.buffer(run, chunks * chunkBytes));
}

/** The pages of `/proc/self/numa_maps` by node, for mappings whose line matches. */
export function mappedPages(matching: RegExp): Record<number, number> {
  const pages: Record<number, number> = {};
  for (const line of readFileSync('/proc/self/numa_maps', 'utf8').split('\n')) {
    if (!matching.test(line)) continue;
    for (const [, node, count] of line.matchAll(/ N(\d+)=(\d+)/g)) {
      pages[Number(node)] = (pages[Number(node)] ?? 0) + Number(count);
    }
  }
  return pages;
}
