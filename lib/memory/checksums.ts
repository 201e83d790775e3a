/**
 * CRC-32 of the objects that asked for it. The sums are kept in ordinary memory, not beside the data: a device
 * that loses a write, or a link reset that brings older bytes back, would bring their sum back with them.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { chunkBytes } from '../native.ts';
import type { Slices } from '../slices.ts';
import { chunksFor } from './large-object.ts';
import { segmentMask, segmentShift } from './object-table.ts';

/** CRC-32 of bytes; `before` is the sum of what came before them. About 3 GB/s. */
export function checksum(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/** Chunk `index` of the bytes of a run. */
export function chunkOfBytes(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
}

/** One sum for each chunk of a large object: that is what moves. */
export function chunkSums(bytes: Uint8Array): Uint32Array {
  const length = chunksFor(bytes.byteLength);
  return Uint32Array.from({ length }, (_, i) => checksum(chunkOfBytes(bytes, i)));
}

/** The same with the event loop in between. The bytes must not change until it resolves. */
export async function chunkSumsInTurns(bytes: Uint8Array): Promise<Uint32Array> {
  const sums = new Uint32Array(chunksFor(bytes.byteLength));
  for (let i = 0; i < sums.length; i++) {
    sums[i] = checksum(chunkOfBytes(bytes, i));
    await nextTurn();
  }
  return sums;
}

/** What is summed between two looks at the clock: about 30 us. */
const stepBytes = 64 * 1024;

/**
 * CRC-32 of bytes, from the next turn of the event loop on and in slices; of `copy`, when given, which takes the bytes.
 * They can change meanwhile, and then it is the sum of neither.
 */
export async function checksumInSlices(
  slices: Slices,
  bytes: Uint8Array,
  copy?: Uint8Array,
): Promise<number> {
  await nextTurn();
  return slices.during(async () => {
    let sum = 0;
    for (let at = 0; at < bytes.byteLength; at += stepBytes) {
      const part = bytes.subarray(at, at + stepBytes);
      copy?.set(part, at);
      sum = checksum(copy?.subarray(at, at + part.byteLength) ?? part, sum);
      if (slices.spent) await slices.yield();
    }
    return sum;
  });
}

/** Sums of small objects by id: a column beside the records, made for the segments that have any. */
export class Checksums {
  readonly #segments: (Uint32Array | undefined)[] = [];

  /** Bytes of the column. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + (segment?.byteLength ?? 0), 0);
  }

  /** The sum of an object that has one. */
  get(id: number): number {
    return this.#segments[id >>> segmentShift]?.[id & segmentMask] ?? 0;
  }

  set(id: number, sum: number): void {
    const at = id >>> segmentShift;
    this.#segments[at] ??= new Uint32Array(1 << segmentShift);
    this.#segments[at][id & segmentMask] = sum;
  }
}
