import { describe, expect, it } from 'vitest';
import type { BackendSet } from '../../../lib/memory/backend-set.ts';
import { absentNodes, bringStraysHome } from '../../../lib/memory/homing.ts';
import type { Mover } from '../../../lib/memory/mover.ts';
import { SliceClock, Slices } from '../../../lib/slices.ts';

const slices = new Slices(new SliceClock(200_000));

/** A set of one tier a backend, whose heap tells of these strays, 4 chunks a look. */
function setOf(
  backends: readonly {
    kind: 'numa' | 'file';
    node: number;
    available?: boolean;
    strays?: number[];
  }[],
): BackendSet {
  return {
    tiers: backends.map((_, index) => ({ name: `tier ${index}` })),
    all: backends.map(({ kind, node }, index) => ({ index, tier: index, node, config: { kind } })),
    heap: {
      isAvailable: (index: number) => backends[index].available ?? true,
      strayChunks: (index: number, from: number) => {
        const chunks = (backends[index].strays ?? []).filter((c) => c >= from && c < from + 4);
        return { chunks, next: from + 4 < 16 ? from + 4 : null };
      },
    },
  } as unknown as BackendSet;
}

/** Takes chunks home at once, but for those named. */
function moverOf(strays: number[], stubborn: readonly number[] = []) {
  const asked: number[] = [];
  const mover = {
    bringHome: async (chunk: number) => {
      asked.push(chunk);
      if (stubborn.includes(chunk)) return false;
      strays.splice(strays.indexOf(chunk), 1);
      return true;
    },
  } as unknown as Mover;
  return { mover, asked };
}

describe('a node without memory', () => {
  it('is a limit of its tier, with what helps', () => {
    const limits = absentNodes(
      setOf([
        { kind: 'numa', node: 0 },
        { kind: 'numa', node: 4, available: false },
        { kind: 'file', node: -1, available: false },
      ]),
    );
    expect(limits).toEqual([
      {
        what: 'tier 1',
        reason: expect.stringContaining('node 4 has no memory now'),
        hint: expect.stringContaining('daxctl online-memory'),
      },
    ]);
  });

  it('is not asked for its strays', async () => {
    const strays = [1, 2];
    const { mover, asked } = moverOf(strays);
    const set = setOf([{ kind: 'numa', node: 4, available: false, strays }]);
    expect(await bringStraysHome(set, mover, () => false, slices)).toBe(0);
    expect(asked).toEqual([]);
  });
});

describe('strays', () => {
  it('are all brought home, from every part of the heap', async () => {
    const strays = [0, 3, 5, 15];
    const { mover, asked } = moverOf(strays);
    const moved = await bringStraysHome(
      setOf([{ kind: 'numa', node: 2, strays }]),
      mover,
      () => false,
      slices,
    );
    expect(asked).toEqual([0, 3, 5, 15]);
    expect(moved).toBe(4);
  });

  it('are looked for with turns of the event loop in between', async () => {
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    const { mover } = moverOf([]);
    const set = setOf([{ kind: 'numa', node: 2 }]);
    const heap = set.heap as { strayChunks: unknown };
    heap.strayChunks = (_: number, from: number) => {
      return { chunks: [], next: from < 4000 ? from + 4 : null };
    };
    await bringStraysHome(set, mover, () => false, slices);
    clearInterval(turning);
    // Without turns no timer fires during the thousand looks.
    expect(turns).toBeGreaterThan(0);
  });

  it('that stay are tried once and not counted', async () => {
    const strays = [1, 2];
    const { mover, asked } = moverOf(strays, [1]);
    const moved = await bringStraysHome(
      setOf([{ kind: 'numa', node: 2, strays }]),
      mover,
      () => false,
      slices,
    );
    expect([asked, moved]).toEqual([[1, 2], 1]);
  });

  it('that were freed meanwhile are left alone', async () => {
    const strays = [1, 2];
    const { mover, asked } = moverOf(strays);
    const bringHome = mover.bringHome;
    mover.bringHome = async (chunk) => {
      const done = await bringHome(chunk);
      strays.length = 0;
      return done;
    };
    await bringStraysHome(setOf([{ kind: 'numa', node: 2, strays }]), mover, () => false, slices);
    expect(asked).toEqual([1]);
  });

  it('are left alone once the memory is closed', async () => {
    const strays = [1, 2, 9];
    const { mover, asked } = moverOf(strays);
    let closed = false;
    const closing = {
      bringHome: async (chunk: number) => {
        closed = true;
        return mover.bringHome(chunk);
      },
    } as unknown as Mover;
    await bringStraysHome(
      setOf([{ kind: 'numa', node: 2, strays }]),
      closing,
      () => closed,
      slices,
    );
    expect(asked).toEqual([1]);
  });
});
