/**
 * Accesses to a region by the threads that attached it: each counts in memory all of them share, by 2 MiB and by the
 * node it is on, and the region's owner collects before it plans. Two counters for each chunk and node, of 4 bytes.
 */

import { chunkBytes } from '../native.ts';

/** Accesses to one chunk from one node. */
export type CountedAccess = (
  index: number,
  node: number,
  accesses: { readonly reads: number; readonly writes: number },
) => void;

/** Counters before those of the chunks: whether there is anything to collect, the number of nodes, and their numbers. */
const dirtyAt = 0;
const nodesAt = 1;
const idsAt = 2;
/** A thread changes its CPU seldom: looks in between take what the last one saw. */
const touchesPerLook = 64;

/** Memory for the counts of a region. `nodes`: those to tell apart; others count as the first. */
export function makeSharedCounts(chunks: number, nodes: readonly number[]): SharedArrayBuffer {
  const words = idsAt + nodes.length + chunks * nodes.length * 2;
  const counts = new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));
  counts[nodesAt] = nodes.length;
  counts.set(nodes, idsAt);
  return counts.buffer;
}

/**
 * The owner's end: takes what was counted for its `chunks` chunks since the last time. A thread can write what it likes
 * into the counts; what makes no sense is left out. O(chunks x nodes) when anything was counted, else O(1).
 */
export function collectCounts(
  buffer: SharedArrayBuffer,
  chunks: number,
  found: CountedAccess,
): void {
  const counts = new Int32Array(buffer);
  if (Atomics.exchange(counts, dirtyAt, 0) === 0) return;
  const nodes = (counts.length - idsAt) / (1 + 2 * chunks);
  for (let at = idsAt + nodes; at < counts.length; at += 2) {
    const reads = Atomics.exchange(counts, at, 0);
    const writes = Atomics.exchange(counts, at + 1, 0);
    if (reads < 0 || writes < 0 || reads + writes === 0) continue;
    const pair = (at - idsAt - nodes) / 2;
    found(Math.floor(pair / nodes), counts[idsAt + (pair % nodes)], { reads, writes });
  }
}

/** The end of a thread that has attached the region. */
export class SharedCounter {
  readonly #counts: Int32Array;
  readonly #currentNode: () => number;
  #slot = 0;
  #left = 0;

  /** `currentNode`: asks where the calling thread is. */
  constructor(buffer: SharedArrayBuffer, currentNode: () => number) {
    this.#counts = new Int32Array(buffer);
    this.#currentNode = currentNode;
  }

  /** Counts one access to each chunk that holds bytes of the range. */
  touch(byteOffset: number, byteLength: number, write: boolean): void {
    if (this.#left-- === 0) this.#look();
    const counts = this.#counts;
    const nodes = counts[nodesAt];
    const first = Math.floor(byteOffset / chunkBytes);
    const last = Math.floor((byteOffset + Math.max(byteLength, 1) - 1) / chunkBytes);
    for (let chunk = first; chunk <= last; chunk++) {
      const at = idsAt + nodes + (chunk * nodes + this.#slot) * 2 + (write ? 1 : 0);
      if (at < counts.length) Atomics.add(counts, at, 1);
    }
    if (counts[dirtyAt] === 0) Atomics.store(counts, dirtyAt, 1);
  }

  #look(): void {
    this.#left = touchesPerLook - 1;
    const ids = this.#counts.subarray(idsAt, idsAt + this.#counts[nodesAt]);
    this.#slot = Math.max(0, ids.indexOf(this.#currentNode()));
  }
}
