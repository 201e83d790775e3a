import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VictimQueue } from '../../../lib/policy/victim-queue.ts';

describe('the victim queue', () => {
  it('gives the rows in order of score, ties by row, and again after going back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), fc.nat(100), (scores, back) => {
        const score = Float64Array.from(scores);
        const order = scores.map((_, row) => row).sort((a, b) => score[a] - score[b] || a - b);
        const queue = new VictimQueue(
          Uint32Array.from(scores, (_, row) => row),
          score,
        );
        const take = (): number[] => {
          const rows: number[] = [];
          for (let row = queue.peek(); row >= 0; row = queue.peek()) {
            rows.push(row);
            queue.position++;
          }
          return rows;
        };
        expect(take()).toEqual(order);
        queue.position = Math.min(back, order.length);
        expect(take()).toEqual(order.slice(back));
        expect(queue.peek()).toBe(-1);
      }),
    );
  });

  it('looks without consuming', () => {
    const queue = new VictimQueue(Uint32Array.of(0, 1), Float64Array.of(5, 3));
    expect([queue.peek(), queue.peek()]).toEqual([1, 1]);
  });

  it('finds the coldest row that passes, not beyond the limit, and consumes nothing', () => {
    const queue = new VictimQueue(Uint32Array.of(0, 1, 2, 3), Float64Array.of(5, 3, 4, 1));
    expect(queue.peek()).toBe(3);
    queue.position = 1;
    expect(queue.find((row) => row === 0, 3)).toBe(0);
    expect(queue.find((row) => row === 0, 2)).toBe(-1);
    expect(queue.find((row) => row === 3, 9)).toBe(-1);
    expect(queue.peek()).toBe(1);
  });
});
