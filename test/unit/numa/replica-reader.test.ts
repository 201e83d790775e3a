import { beforeEach, describe, expect, it } from 'vitest';
import type { ReplicaReader } from '../../../lib/numa/replica-reader.ts';
import { replicaStats } from '../../../lib/numa/replica-stats.ts';
import { heldBy } from '../../../lib/numa/replica-table.ts';
import { evictEnded } from '../../../lib/numa/replica-thread.ts';
import { block, ReplicaFixture, read, readUntilCopied } from './replica-fixture.ts';

const blocks = 40; // more than a chunk

let fixture: ReplicaFixture;
let near: ReplicaReader;
let far: ReplicaReader;

beforeEach(() => {
  fixture = new ReplicaFixture(blocks * block);
  near = fixture.reader(0);
  far = fixture.reader(1);
  near.write(0, new Uint8Array(blocks * block).fill(1));
});

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

const counts = () => fixture.table.counts();

describe('a reader', () => {
  it('reads what was written, wherever it begins and ends', () => {
    const bytes = Uint8Array.from({ length: 3 * block }, (_, i) => i % 251);
    near.write(block - 5, bytes);
    for (const reader of [near, far]) {
      expect(Buffer.compare(read(reader, block - 5, bytes.length), bytes)).toBe(0);
      expect([...read(reader, block - 6, 2)]).toEqual([1, 0]);
      expect([...read(reader, blocks * block - 1, 1)]).toEqual([1]);
    }
  });

  it('near the region never asks for a copy; one that is far asks once, when that is worth it', () => {
    for (let i = 0; i < 1000; i++) read(near, 0, block);
    expect(fixture.asked).toEqual([]);
    read(far, 0, 3 * block);
    expect(fixture.asked).toEqual([]);
    for (let i = 0; i < 1000; i++) read(far, 0, block);
    expect(fixture.asked).toEqual([1]);
    expect(counts()).toEqual({ localReads: 1000, remoteReads: 1001, copies: 0 });
  });

  it('asks again after it was refused, when it is worth more', () => {
    for (let i = 0; i < 1000; i++) read(far, 0, block);
    fixture.table.clearCredit(1);
    fixture.table.setState(1, 3);
    read(far, 0, block);
    expect(fixture.asked).toEqual([1]);
    for (let i = 0; i < 1000; i++) read(far, 0, block);
    expect(fixture.asked).toEqual([1, 1]);
  });

  it('copies only what is worth it, and reads it from the copy then', () => {
    const copy = fixture.give(1);
    readUntilCopied(far, 2 * block);
    expect(copy.subarray(2 * block, 3 * block).every((byte) => byte === 1)).toBe(true);
    expect(copy[2 * block - 1]).toBe(0xee);
    // What only the copy says shows where it was read.
    copy[2 * block + 7] = 99;
    expect(read(far, 2 * block + 7, 1)[0]).toBe(99);
    expect(read(near, 2 * block + 7, 1)[0]).toBe(1);
    const mixed = read(far, block, 3 * block);
    expect(mixed[0]).toBe(1);
    expect(mixed[block + 7]).toBe(99);
    expect(mixed[2 * block]).toBe(1);
    const { nodes, copiedBlocks, heldBytes } = replicaStats(fixture.table);
    expect(copiedBlocks).toBe(1);
    expect(heldBytes).toBe(4 * 1024 * 1024);
    expect(nodes.map(({ state, validBytes }) => [state, validBytes])).toEqual([
      ['none', 0],
      ['held', block],
    ]);
  });

  it('counts a read as local only when all of it was', () => {
    fixture.give(1);
    readUntilCopied(far, 0);
    const { localReads, remoteReads } = counts();
    read(far, 0, 100);
    read(far, block - 1, 2);
    expect(counts()).toMatchObject({ localReads: localReads + 1, remoteReads: remoteReads + 1 });
  });

  it('sees every write at once, and only the blocks written are copied again', () => {
    const copy = fixture.give(1);
    for (const at of [0, 1, 2]) readUntilCopied(far, at * block);
    near.write(block + 10, Uint8Array.of(7));
    expect(read(far, block + 10, 1)[0]).toBe(7);
    expect(copy[block + 10]).toBe(1);
    expect(replicaStats(fixture.table)).toMatchObject({ invalidations: 1, writes: 2 });
    expect(replicaStats(fixture.table).nodes[1].validBytes).toBe(2 * block);
    readUntilCopied(far, block);
    expect(copy[block + 10]).toBe(7);
    expect(replicaStats(fixture.table).nodes[1].validBytes).toBe(3 * block);
  });

  it('writes from afar as well', () => {
    fixture.give(1);
    readUntilCopied(far, 0);
    far.write(3, Uint8Array.of(5));
    expect(read(far, 3, 1)[0]).toBe(5);
    expect(read(near, 3, 1)[0]).toBe(5);
  });

  it('stops copying a block that is written before its copies pay', () => {
    fixture.give(1);
    const intervals: number[] = [];
    for (let write = 0; write < 8; write++) {
      const before = counts().remoteReads;
      readUntilCopied(far, 0);
      intervals.push(counts().remoteReads - before);
      near.write(0, Uint8Array.of(write));
    }
    expect(intervals).toEqual([4, 8, 16, 32, 64, 127, 253, 253]);
    const { nodes, invalidations } = replicaStats(fixture.table);
    expect(nodes[1].heldBackBytes).toBe(block);
    expect(invalidations).toBe(8);
    for (let i = 0; i < 300; i++) {
      for (let j = 0; j < 50; j++) read(far, 0, block);
      near.write(0, Uint8Array.of(i));
    }
    expect(counts().copies).toBe(8);
  });

  it('leaves a copy that is taken away, and the next one begins empty', () => {
    fixture.give(1);
    readUntilCopied(far, 0);
    expect(fixture.attached).toEqual(['copy-1']);
    fixture.take(1);
    expect(read(far, 0, 1)[0]).toBe(1);
    expect(fixture.attached).toEqual([]);
    fixture.give(1);
    expect(read(far, 0, 1)[0]).toBe(1);
    expect(fixture.attached).toEqual(['copy-2']);
  });

  it('does not take the next copy for its own when that comes in the middle', () => {
    const other = fixture.reader(1);
    fixture.give(1);
    readUntilCopied(far, 0);
    const { table } = far;
    const announce = table.setCopyHold.bind(table);
    table.setCopyHold = (...hold) => {
      table.setCopyHold = announce;
      fixture.give(1);
      near.write(0, Uint8Array.of(71));
      readUntilCopied(other, 0);
      announce(...hold);
    };
    expect(read(far, 0, 1)[0]).toBe(71);
    expect(fixture.copies.size).toBe(2);
  });

  it('goes with its thread to another node', () => {
    let node = 1;
    const wanderer = fixture.reader(() => node);
    fixture.give(1);
    readUntilCopied(wanderer, 0);
    node = 0;
    for (let i = 0; i < 20; i++) read(wanderer, 0, 1);
    const { localReads } = counts();
    expect(read(wanderer, 5 * block, 1)[0]).toBe(1);
    expect(counts().localReads).toBe(localReads + 1);
  });

  it('with one node copies nothing and asks for nothing', () => {
    const single = new ReplicaFixture(blocks * block, [0]);
    const reader = single.reader(() => {
      throw new Error('where the thread is does not matter');
    });
    reader.write(0, Uint8Array.of(3));
    for (let i = 0; i < 2000; i++) read(reader, 0, block);
    expect(read(reader, 0, 1)[0]).toBe(3);
    reader.close();
    expect(single.asked).toEqual([]);
    expect(replicaStats(single.table)).toEqual({
      localReads: 2001,
      remoteReads: 0,
      writes: 1,
      copiedBlocks: 0,
      invalidations: 0,
      heldBytes: 0,
      nodes: [],
    });
  });
});

describe('a use', () => {
  it('has the region itself where that is near, and the copy elsewhere', () => {
    const copy = fixture.give(1);
    expect(near.use(0, 10, (memory) => memory)).toBe(fixture.region);
    expect(far.use(0, 10, (memory) => memory)).toBe(fixture.region);
    for (let i = 0; i < 1000; i++) far.use(0, 3 * block, () => undefined);
    expect(far.use(0, 3 * block, (memory) => memory)).toBe(copy.buffer);
    expect(counts().copies).toBe(3);
  });

  it('of much that lacks little copies the rest at once', () => {
    fixture.give(1);
    for (let i = 0; i < 10; i++) far.use(0, blocks * block, () => undefined);
    expect(counts().copies).toBe(blocks);
    near.write(3 * block, Uint8Array.of(9));
    const { remoteReads } = counts();
    far.use(0, blocks * block, (memory) => expect(new Uint8Array(memory)[3 * block]).toBe(9));
    expect(counts()).toMatchObject({ copies: blocks + 1, remoteReads });
  });

  it('keeps its bytes while others write and read what was written', () => {
    const copy = fixture.give(1);
    const other = fixture.reader(1);
    readUntilCopied(far, 0);
    far.use(0, 100, (memory) => {
      // A write of this thread would be refused; another thread's does not wait, for this is a copy.
      writeAsAnother(fixture, 0, Uint8Array.of(44));
      expect(new Uint8Array(memory)[0]).toBe(1);
      for (let i = 0; i < 50; i++) expect(read(other, 0, block)[0]).toBe(44);
      expect(copy[0]).toBe(1);
    });
    readUntilCopied(other, 0);
    expect(copy[0]).toBe(44);
  });

  it('nests, and what is outside stays kept', () => {
    fixture.give(1);
    readUntilCopied(far, 0);
    const { table } = fixture;
    far.use(0, 10, () => {
      const held = table.copyHold(far.thread.number);
      far.use(5 * block, 10, () => {
        expect(table.hold(far.thread.number)).not.toBe(0xffff);
        read(far, 0, 3 * block);
      });
      expect(table.copyHold(far.thread.number)).toBe(held);
    });
    expect(table.copyHold(far.thread.number)).toBe(0xffff);
    expect(table.hold(far.thread.number)).toBe(0xffff);
  });

  it('lets go when its function throws', () => {
    fixture.give(1);
    readUntilCopied(far, 0);
    for (const reader of [near, far]) {
      expect(() => reader.use(0, 10, () => JSON.parse('{'))).toThrow(SyntaxError);
      expect(reader.thread.inUse).toBe(false);
    }
    near.write(0, Uint8Array.of(2));
    expect(read(far, 0, 1)[0]).toBe(2);
  });

  it('has no writes in it, of any region', () => {
    const other = new ReplicaFixture(block).reader(0);
    near.use(0, 1, () => {
      expect(codeOf(() => near.write(block, Uint8Array.of(1)))).toBe('ERR_TIER_BUSY');
      expect(codeOf(() => other.write(0, Uint8Array.of(1)))).toBe('ERR_TIER_BUSY');
      expect(codeOf(() => other.update(0, 1, () => undefined))).toBe('ERR_TIER_BUSY');
    });
    other.write(0, Uint8Array.of(1));
  });
});

describe('an update', () => {
  it('changes what is there, and nothing when it throws', () => {
    for (let i = 0; i < 5; i++) far.update(block - 1, 2, (bytes) => bytes[1]++);
    expect([...read(near, block - 1, 2)]).toEqual([1, 6]);
    const broken = () =>
      near.update(0, 10, (bytes) => {
        bytes.fill(200);
        throw new Error('changed my mind');
      });
    expect(broken).toThrow('changed my mind');
    expect(read(near, 0, 10).every((byte) => byte === 1)).toBe(true);
    near.write(0, Uint8Array.of(3));
    expect(replicaStats(fixture.table).writes).toBe(7);
  });

  it('reads while it goes on, but does not write', () => {
    near.update(0, 1, (bytes) => {
      bytes[0] = 50;
      expect(read(near, 0, 1)[0]).toBe(1);
      expect(codeOf(() => near.write(0, bytes))).toBe('ERR_TIER_BUSY');
    });
    expect(read(near, 0, 1)[0]).toBe(50);
  });
});

describe('a thread that ended', () => {
  it('while it read keeps no writer waiting for ever', () => {
    const doomed = fixture.reader(0);
    fixture.table.setHold(doomed.thread.number, 0);
    fixture.dead.add(3);
    near.write(0, Uint8Array.of(8));
    expect(read(far, 0, 1)[0]).toBe(8);
    expect(fixture.table.threadId(doomed.thread.number)).toBe(0);
  });

  it('while it wrote leaves an error until the whole block is written', () => {
    const doomed = fixture.reader(0);
    // As far as a thread comes that is ended between two instructions.
    fixture.table.setVersion(1, fixture.table.version(1) + 1);
    Atomics.store(fixture.table.words, 16, doomed.thread.number + 1);
    fixture.dead.add(3);
    expect(codeOf(() => read(far, block, 1))).toBe('ERR_TIER_CORRUPT');
    expect(codeOf(() => near.use(0, 2 * block, () => undefined))).toBe('ERR_TIER_CORRUPT');
    expect(read(far, 0, block)[0]).toBe(1);
    near.write(block + 5, Uint8Array.of(5));
    expect(codeOf(() => read(far, block, 1))).toBe('ERR_TIER_CORRUPT');
    expect(codeOf(() => near.update(block, 1, () => undefined))).toBe('ERR_TIER_CORRUPT');
    near.write(block, new Uint8Array(block).fill(6));
    expect(read(far, block + 5, 1)[0]).toBe(6);
    expect(fixture.table.hold(far.thread.number)).toBe(0xffff);
  });

  it('does not leave its lock to whoever gets its number', () => {
    const { table } = fixture;
    const doomed = fixture.reader(0);
    const { number } = doomed.thread;
    Atomics.store(table.words, 16, number + 1);
    table.setHeld(1, 4, heldBy(number));
    table.setCopyHold(number, 1, 3);
    fixture.dead.add(3);
    evictEnded(table, { isAlive: ({ id }) => !fixture.dead.has(id) });
    const next = fixture.reader(0);
    expect(next.thread.number).toBe(number);
    next.write(0, Uint8Array.of(9));
    near.write(1, Uint8Array.of(9));
    expect(table.held(1, 4)).toBe(-1);
    expect(table.copyHold(number)).toBe(0xffff);
  });

  it('makes room for others', () => {
    const crowd = Array.from({ length: 254 }, () => fixture.reader(0));
    expect(codeOf(() => fixture.reader(0))).toBe('ERR_TIER_BUSY');
    fixture.dead.add(100);
    expect(fixture.reader(0).thread.number).toBe(99);
    crowd[0].close();
    expect(fixture.reader(0).thread.number).toBe(2);
  });
});

/** A write of another thread while this one is in a use: the same steps under another number. */
function writeAsAnother(of: ReplicaFixture, from: number, bytes: Uint8Array): void {
  const writer = of.reader(0);
  writer.thread.writing(from, from + bytes.length, () =>
    new Uint8Array(of.region).set(bytes, from),
  );
}
