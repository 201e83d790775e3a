import { describe, expect, it } from 'vitest';
import {
  firstBlock,
  lastBlock,
  mergeBlocks,
  noBlocks,
  overlap,
  packBlocks,
} from '../../../lib/numa/replica-range.ts';
import { maxReplicaThreads, ReplicaTable } from '../../../lib/numa/replica-table.ts';

const GiB = 1024 ** 3;

describe('a packed range of blocks', () => {
  const ends = [0, 1, 2, 32_767, 32_768, 65_534, 65_535];
  const ranges = ends.flatMap((first) =>
    ends.filter((last) => last >= first).map((last) => ({ first, last })),
  );

  it('is a different word for every range, which an Int32 keeps, and none is that of no blocks', () => {
    const words = ranges.map(({ first, last }) => packBlocks(first, last));
    expect(new Set([...words, noBlocks]).size).toBe(ranges.length + 1);
    expect([...Int32Array.from(words)]).toEqual(words);
    expect(words.map((word) => ({ first: firstBlock(word), last: lastBlock(word) }))).toEqual(
      ranges,
    );
  });

  it('overlaps what shares a block with it, and merges with anything', () => {
    for (const a of ranges) {
      const one = packBlocks(a.first, a.last);
      expect(overlap(one, noBlocks) || overlap(noBlocks, one)).toBe(false);
      expect([mergeBlocks(one, noBlocks), mergeBlocks(noBlocks, one)]).toEqual([one, one]);
      for (const b of ranges) {
        const other = packBlocks(b.first, b.last);
        expect(overlap(one, other)).toBe(a.first <= b.last && b.first <= a.last);
        const merged = mergeBlocks(one, other);
        expect(firstBlock(merged)).toBe(Math.min(a.first, b.first));
        expect(lastBlock(merged)).toBe(Math.max(a.last, b.last));
      }
    }
  });
});

describe('the table of a replicated region', () => {
  it('has words of their own for every block, chunk, node and thread, up to 4 GiB', () => {
    for (const [byteLength, nodes] of [
      [1, []],
      [65_537, [0, 1]],
      [3 * 1024 * 1024, [0, 2, 5]],
      [4 * GiB, [0, 1]],
    ] as const) {
      const table = ReplicaTable.create(byteLength, nodes, 'none');
      const again = new ReplicaTable(structuredClone(table.parts));
      const lastChunk = table.chunks - 1;
      const end = table.blocks - 1;
      nodes.forEach((_, node) => {
        table.setHeld(node, end, 11);
        table.setBenefit(node, 0, 12);
        table.setBenefit(node, end, 13);
        table.setNear(node, lastChunk, true);
        table.setText(node, 'x'.repeat(1000));
        table.setNeed(node, 14);
      });
      table.setVersion(0, 2);
      table.setVersion(end, 4);
      expect(table.enter(maxReplicaThreads - 1, 77, 5000)).toBe(true);
      table.countRead(maxReplicaThreads - 1, true);
      nodes.forEach((_, node) => {
        expect(again.held(node, end)).toBe(11);
        expect(again.benefit(node, end)).toBe(13);
        expect(again.isNear(node, lastChunk)).toBe(true);
        expect(again.text(node)).toMatch(/^x{224}$/);
        expect(again.need(node)).toBe(14);
        expect(again.generation(node)).toBe(0);
      });
      expect(again.version(end)).toBe(4);
      expect(again.startedAt(maxReplicaThreads - 1)).toBe(5000);
      expect(again.counts()).toEqual({ localReads: 1, remoteReads: 0, copies: 0 });
      expect(again.threadsEnd).toBe(maxReplicaThreads);
      expect(table.enter(maxReplicaThreads - 1, 78, 0)).toBe(false);
    }
  });

  it('has no nodes where there is one', () => {
    expect(ReplicaTable.create(100, [3], 'none').parts.nodes).toEqual([]);
  });

  it('is not taken for that of another region', () => {
    const { parts } = ReplicaTable.create(100, [0, 1], 'none');
    expect(() => new ReplicaTable({ ...parts, nodes: [0] })).toThrow(RangeError);
    expect(() => new ReplicaTable({ ...parts, byteLength: 65_537 })).toThrow(RangeError);
  });
});
