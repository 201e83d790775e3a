/** Small workloads for tests, from lists of accesses. */

import type { Workload } from '../../../lib/simulation/workload.ts';

export interface Access {
  readonly key: number;
  readonly bytes: number;
  readonly write?: boolean;
}

/** A workload that plays a list, in batches of an odd size. */
export function listWorkload(accesses: readonly Access[], weight = 1): Workload {
  const rows = 37;
  return {
    name: 'list',
    weight,
    *batches() {
      for (let from = 0; from < accesses.length; from += rows) {
        const part = accesses.slice(from, from + rows);
        yield {
          length: part.length,
          firstLine: from + 2,
          key: Float64Array.from(part, ({ key }) => key),
          sizeBytes: Float64Array.from(part, ({ bytes }) => bytes),
          write: Uint8Array.from(part, ({ write }) => (write ? 1 : 0)),
          time: new Float64Array(part.length),
        };
      }
    },
  };
}

/** `count` accesses to `keys` keys, Zipf-distributed by inversion of the sum, deterministic. */
export function zipfAccesses(keys: number, count: number, exponent: number, seed = 1): Access[] {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let i = 0; i < keys; i++) sums[i] = sum += (i + 1) ** -exponent;
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const target = ((state >>> 0) / 2 ** 32) * sum;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > target) high = middle;
      else low = middle + 1;
    }
    // Keys of several sizes, independent of their rank.
    return { key: low * 7919, bytes: 512 << (low % 4), write: low % 3 === 0 };
  });
}

/** An LRU store of some capacity, as a list: which accesses after the first one to a key it serves. */
export function lruHits(accesses: readonly Access[], capacityBytes: number): number {
  const stack: Access[] = [];
  let used = 0;
  let hits = 0;
  for (const access of accesses) {
    const at = stack.findIndex(({ key }) => key === access.key);
    if (at >= 0) {
      hits++;
      used -= stack.splice(at, 1)[0].bytes;
    }
    stack.unshift(access);
    used += access.bytes;
    while (used > capacityBytes) used -= stack.pop()!.bytes;
  }
  return hits;
}
