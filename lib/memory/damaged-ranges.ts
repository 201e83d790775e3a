/**
 * Which bytes of the heap's chunks the device has lost: they read as zeros until their chunk is freed. Asking
 * whether anything new was lost is one comparison; only then is the heap asked what.
 */

import { chunkBytes } from '../native.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { DamagedRange, NativeHeap } from './heap-binding.ts';

/** A lost range, in bytes from the start of a run. */
export interface LostRange extends ByteRange {
  readonly cause: DamagedRange['cause'];
}

/** The ranges of one heap. */
export class DamagedRanges {
  /** The heap's live counter, and its value at the last `refresh`. Public because the read path compares them. */
  readonly count: Uint32Array;
  seen: number;
  readonly #heap: NativeHeap;
  readonly #byChunk: Map<number, DamagedRange[]> = new Map();

  constructor(heap: NativeHeap) {
    this.#heap = heap;
    this.count = heap.damageCount;
    this.seen = this.count[0];
  }

  /** Whether bytes were lost since the last `refresh`. */
  get moved(): boolean {
    return this.count[0] !== this.seen;
  }

  /** Whether a chunk has lost bytes, as of the last `refresh`. */
  has(chunk: number): boolean {
    return this.#byChunk.has(chunk);
  }

  /** Lost ranges of a chunk, as of the last `refresh`. */
  of(chunk: number): readonly DamagedRange[] {
    return this.#byChunk.get(chunk) ?? [];
  }

  /** Asks the heap, and returns the chunks that have lost more than was known. */
  refresh(): number[] {
    // Before asking: what is lost from here on moves the counter once more.
    this.seen = this.count[0];
    const before = new Map([...this.#byChunk].map(([chunk, ranges]) => [chunk, sizeOf(ranges)]));
    this.#byChunk.clear();
    for (const range of this.#heap.damagedRanges()) {
      const ranges = this.#byChunk.get(range.chunk);
      if (ranges === undefined) this.#byChunk.set(range.chunk, [range]);
      else ranges.push(range);
    }
    return [...this.#byChunk]
      .filter(([chunk, ranges]) => sizeOf(ranges) !== before.get(chunk))
      .map(([chunk]) => chunk);
  }

  /** Lost parts of a run's bytes `from` to `to`, as of the last `refresh`. */
  within(firstChunk: number, from: number, to: number): LostRange[] {
    const lost: LostRange[] = [];
    if (this.#byChunk.size === 0) return lost;
    for (let i = Math.floor(from / chunkBytes); i * chunkBytes < to; i++) {
      for (const { byteOffset, byteLength, cause } of this.of(firstChunk + i)) {
        const start = Math.max(from, i * chunkBytes + byteOffset);
        const end = Math.min(to, i * chunkBytes + byteOffset + byteLength);
        if (start < end) lost.push({ from: start, to: end, cause });
      }
    }
    return lost;
  }

  /** Whether a run's bytes `from` to `to` have lost parts now, without taking note of anything. */
  hitsNow(firstChunk: number, from: number, to: number): boolean {
    return this.#heap.damagedRanges().some(({ chunk, byteOffset, byteLength }) => {
      const start = (chunk - firstChunk) * chunkBytes + byteOffset;
      return start < to && start + byteLength > from;
    });
  }

  /** Forgets chunks that were freed: what gets their place is whole. */
  forget(firstChunk: number, chunks: number): void {
    if (this.#byChunk.size === 0) return;
    for (let i = 0; i < chunks; i++) this.#byChunk.delete(firstChunk + i);
  }
}

function sizeOf(ranges: readonly DamagedRange[]): number {
  return ranges.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
