import { describe, expect, it } from 'vitest';
import { PlainHeap } from '../../../lib/memory/plain-heap.ts';
import { prefaultInSteps } from '../../../lib/memory/prefault.ts';

const MiB = 1024 * 1024;

/** Writes down the steps. */
class SteppedHeap extends PlainHeap {
  readonly steps: [number, number, number][] = [];

  override async prefault(run = -1, byteOffset = 0, byteLength = 0): Promise<void> {
    this.steps.push([run, byteOffset, byteLength]);
  }
}

describe('prefaulting a long range', () => {
  it('covers it exactly, in steps of 8 MiB', async () => {
    const heap = new SteppedHeap();
    await prefaultInSteps(heap, 7, { from: 100, to: 20 * MiB }, () => false);
    expect(heap.steps).toEqual([
      [7, 100, 8 * MiB],
      [7, 8 * MiB + 100, 8 * MiB],
      [7, 16 * MiB + 100, 4 * MiB - 100],
    ]);
  });

  it('begins nothing for no bytes', async () => {
    const heap = new SteppedHeap();
    await prefaultInSteps(heap, 7, { from: 5, to: 5 }, () => false);
    expect(heap.steps).toEqual([]);
  });

  it('passes on an error, but not to somebody who is gone', async () => {
    const heap = new PlainHeap();
    heap.close();
    let gone = false;
    const range = { from: 0, to: MiB };
    await expect(prefaultInSteps(heap, 0, range, () => gone)).rejects.toThrow('closed');
    heap.prefault = () => {
      gone = true;
      return Promise.reject(new Error('no run'));
    };
    await prefaultInSteps(heap, 0, range, () => gone);
  });

  it('ends when nobody needs it any more', async () => {
    const heap = new SteppedHeap();
    await prefaultInSteps(heap, 7, { from: 0, to: 2 ** 40 }, () => heap.steps.length === 3);
    expect(heap.steps).toHaveLength(3);
  });
});
