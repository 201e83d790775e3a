import { describe, expect, it } from 'vitest';
import {
  collectCounts,
  makeSharedCounts,
  SharedCounter,
} from '../../../lib/memory/shared-counts.ts';
import { chunkBytes } from '../../../lib/native.ts';

const collected = (buffer: SharedArrayBuffer, chunks = 1) => {
  const found: unknown[] = [];
  collectCounts(buffer, chunks, (index, node, { reads, writes }) => {
    found.push({ index, node, reads, writes });
  });
  return found;
};

describe('counts of a shared region', () => {
  it('tell chunks, nodes, reads and writes apart, and are collected once', () => {
    const buffer = makeSharedCounts(3, [0, 4]);
    const here = new SharedCounter(buffer, () => 0);
    const there = new SharedCounter(buffer, () => 4);
    for (let i = 0; i < 5; i++) here.touch(100, 8, false);
    there.touch(2 * chunkBytes, 8, true);
    // Over a border: an access to both.
    there.touch(chunkBytes - 4, 8, false);
    expect(collected(buffer, 3)).toEqual([
      { index: 0, node: 0, reads: 5, writes: 0 },
      { index: 0, node: 4, reads: 1, writes: 0 },
      { index: 1, node: 4, reads: 1, writes: 0 },
      { index: 2, node: 4, reads: 0, writes: 1 },
    ]);
    expect(collected(buffer, 3)).toEqual([]);
    here.touch(0, 0, false);
    expect(collected(buffer, 3)).toEqual([{ index: 0, node: 0, reads: 1, writes: 0 }]);
  });

  it('follow a thread to another node, without asking at every access', () => {
    const buffer = makeSharedCounts(1, [0, 4]);
    let asked = 0;
    const counter = new SharedCounter(buffer, () => (asked++ < 2 ? 0 : 4));
    for (let i = 0; i < 256; i++) counter.touch(0, 1, false);
    expect(asked).toBe(4);
    expect(collected(buffer)).toEqual([
      { index: 0, node: 0, reads: 128, writes: 0 },
      { index: 0, node: 4, reads: 128, writes: 0 },
    ]);
  });

  it('of a node nobody knows are those of the first', () => {
    const buffer = makeSharedCounts(1, [3]);
    new SharedCounter(buffer, () => 9).touch(0, 1, true);
    expect(collected(buffer)).toEqual([{ index: 0, node: 3, reads: 0, writes: 1 }]);
  });

  it('ignore what is beyond the region', () => {
    const buffer = makeSharedCounts(1, [0]);
    new SharedCounter(buffer, () => 0).touch(5 * chunkBytes, 1, true);
    expect(collected(buffer)).toEqual([]);
  });
});
