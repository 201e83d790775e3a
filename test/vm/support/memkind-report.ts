/**
 * A program, for tests that run one bound to a socket: of each memkind kind in the argument, a list of names and
 * directories in JSON, it fills a run, frees it, fills a second one, and prints as JSON where pages lay.
 */

import assert from 'node:assert/strict';
import type { BackendStats, Placement } from '../../../dist/memory/heap-binding.js';
import { bytesOf, MiB, mappedPages, openHeap, pattern } from './memory.ts';

/** What it prints of each kind; `error` alone when that could not be opened. */
export interface MemkindReport {
  readonly error?: { readonly code: string; readonly message: string; readonly errno?: number };
  /** By move_pages. */
  readonly placement: Placement;
  /** By /proc/self/numa_maps, for what has a policy of its own. */
  readonly boundPages: Readonly<Record<number, number>>;
  readonly stats: BackendStats;
}

/** A kind, PMEM with a directory. */
export type MemkindRequest = readonly [Memkind, string?];
type Memkind = 'HBW' | 'DAX_KMEM' | 'HIGHEST_CAPACITY' | 'PMEM';

function report([memkind, directory]: MemkindRequest): Partial<MemkindReport> {
  const heap = openHeap(256 * MiB);
  const config = { kind: 'memkind', memkind, capacityBytes: 8 * MiB } as const;
  try {
    const backend = heap.addBackend(directory === undefined ? config : { ...config, directory });
    for (const seed of [1, 2]) {
      const run = heap.allocate(backend, 1);
      const bytes = bytesOf(heap, run, 1);
      // memkind hands out what was freed without clearing it.
      assert.ok(bytes.every((byte) => byte === 0));
      const data = pattern(seed, bytes.length);
      bytes.set(data);
      assert.ok(data.equals(bytes));
      const placement = heap.placement(run, 1);
      const boundPages = mappedPages(/ (bind|prefer)/);
      const stats = heap.backendStats(backend);
      heap.free(run);
      if (seed === 2) return { placement, boundPages, stats };
    }
    return {};
  } catch (error) {
    const { code, message, errno } = error as { code: string; message: string; errno?: number };
    if (!code?.startsWith('ERR_TIER_')) throw error;
    return { error: { code, message, ...(errno !== undefined && { errno }) } };
  } finally {
    heap.close();
  }
}

const requests: readonly MemkindRequest[] = JSON.parse(process.argv[2]);
process.stdout.write(JSON.stringify(requests.map(report)));
