import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastLoaded, loadByNode, planMoves } from '../../../lib/numa/worker-balance.ts';

const even = [
  { node: 0, cpus: 4 },
  { node: 1, cpus: 4 },
];
const busy = (node: number, load = 1) => ({ node, load, movable: true });

describe('one more worker', () => {
  it('goes where there is least load per CPU', () => {
    const uneven = [
      { node: 0, cpus: 2 },
      { node: 1, cpus: 6 },
    ];
    const counts = new Map<number, number>();
    for (let i = 0; i < 8; i += 1) {
      const node = leastLoaded(uneven, counts)!;
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect(counts).toEqual(
      new Map([
        [1, 6],
        [0, 2],
      ]),
    );
    expect(leastLoaded([], new Map())).toBeUndefined();
  });
});

describe('moves of workers', () => {
  it('even out two nodes with as few moves as it takes', () => {
    const workers = [busy(0), busy(0), busy(0), busy(0)];
    expect(planMoves(even, workers)).toHaveLength(2);
  });

  it('are none when nothing can be made better', () => {
    expect(planMoves(even, [busy(0), busy(1)])).toEqual([]);
    expect(planMoves(even, [busy(0), busy(0), busy(1)])).toEqual([]);
    expect(planMoves(even, [busy(0)])).toEqual([]);
    expect(planMoves([], [busy(0)])).toEqual([]);
    expect(planMoves(even.slice(0, 1), [busy(0), busy(0)])).toEqual([]);
  });

  it('are none for less than a tenth', () => {
    expect(planMoves(even, [busy(0, 0.5), busy(0, 0.04), busy(1, 0.5)])).toEqual([]);
    expect(planMoves(even, [busy(0, 0.5), busy(0, 0.06), busy(1, 0.44)])).toHaveLength(1);
  });

  it('take the worker that fits, and leave those that cannot be moved', () => {
    const workers = [
      { ...busy(0), movable: false },
      busy(0, 0.9),
      busy(0, 0.3),
      busy(1),
      busy(1, 0.3),
    ];
    expect(planMoves(even, workers)).toEqual([{ worker: 2, from: 0, to: 1 }]);
  });

  it('heed how many CPUs a node has', () => {
    const uneven = [
      { node: 0, cpus: 2 },
      { node: 1, cpus: 8 },
    ];
    const moves = planMoves(
      uneven,
      Array.from({ length: 5 }, () => busy(0)),
    );
    expect(moves).toHaveLength(4);
  });

  it('never make the busiest node busier', () => {
    const node = fc.integer({ min: 0, max: 3 });
    const load = fc.double({ min: 0, max: 1, noNaN: true });
    const worker = fc.record({ node, load, movable: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 4, maxLength: 4 }),
        fc.array(worker, { maxLength: 12 }),
        (cpus, workers) => {
          const nodes = cpus.map((count, id) => ({ node: id, cpus: count }));
          const peak = (placed: readonly { node: number; load: number }[]): number =>
            Math.max(...[...loadByNode(nodes, placed)].map(([id, sum]) => sum / cpus[id]!));
          const after = workers.map((each) => ({ ...each }));
          for (const { worker: index, from, to } of planMoves(nodes, workers)) {
            expect(after[index]).toMatchObject({ node: from, movable: true });
            after[index]!.node = to;
          }
          expect(peak(after)).toBeLessThanOrEqual(peak(workers) + 1e-9);
        },
      ),
    );
  });
});
