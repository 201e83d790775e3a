import { describe, expect, it } from 'vitest';
import { labelledStream } from '../../../lib/simulation/labelled-streams.ts';
import {
  accessClasses,
  randomAccess,
  StreamClassifier,
  sequentialAccess,
  stridedAccess,
} from '../../../lib/tracking/stream-classifier.ts';

/** Share of the accesses of a class that are recognised, and share of what is called so that is. */
function quality(settings: Omit<Parameters<typeof labelledStream>[0], 'seed' | 'length'>): {
  readonly recall: number[];
  readonly precision: number[];
} {
  const counts = accessClasses.map(() => accessClasses.map(() => 0));
  for (const seed of [11, 12, 13]) {
    const { position, label } = labelledStream({ seed, length: 30_000, ...settings });
    const classifier = new StreamClassifier();
    position.forEach((at, i) => {
      counts[label[i]][classifier.access(at)]++;
    });
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    recall: counts.map((line, i) => line[i] / sum(line)),
    precision: counts.map((line, i) => line[i] / sum(counts.map((other) => other[i]))),
  };
}

function classes(positions: readonly number[], length = 1): number[] {
  const classifier = new StreamClassifier();
  return positions.map((position) => classifier.access(position, length));
}

describe('the stream classifier', () => {
  it('knows a scan after a handful of accesses, forwards and backwards', () => {
    const forward = Array.from({ length: 40 }, (_, i) => 1000 + i);
    for (const positions of [forward, forward.slice().reverse()]) {
      const said = classes(positions);
      expect(said.slice(0, 3)).toEqual([randomAccess, randomAccess, randomAccess]);
      expect(said.slice(6).every((each) => each === sequentialAccess)).toBe(true);
    }
  });

  it('takes accesses of several positions each for a scan when they follow one another', () => {
    const said = classes(
      Array.from({ length: 40 }, (_, i) => 8 * i),
      8,
    );
    expect(said.slice(6).every((each) => each === sequentialAccess)).toBe(true);
  });

  it('tells strides with holes from scans, in either direction and where keys are large', () => {
    for (const stride of [7, -300, 4096]) {
      const said = classes(Array.from({ length: 60 }, (_, i) => 2 ** 40 + stride * i));
      expect(said.slice(8).every((each) => each === stridedAccess)).toBe(true);
    }
  });

  it('takes the same access again and again for one', () => {
    const said = classes(Array.from({ length: 400 }, (_, i) => Math.floor(i / 10)));
    expect(said.slice(100).every((each) => each === sequentialAccess)).toBe(true);
    expect(classes(new Array(200).fill(5)).every((each) => each === randomAccess)).toBe(true);
  });

  it('finds scans between strangers, interleaved and out of order', () => {
    for (const settings of [
      { scans: 1 },
      { scans: 4, noise: 0.1, reorder: 4 },
      { scans: 16, noise: 0.1, reorder: 4 },
      { scans: 2, noise: 0.5, hotPositions: 1000 },
    ]) {
      const { recall, precision } = quality(settings);
      expect(recall[sequentialAccess]).toBeGreaterThan(0.93);
      expect(precision[sequentialAccess]).toBeGreaterThan(0.99);
    }
  });

  it('finds strides between strangers, interleaved and out of order', () => {
    for (const settings of [
      { strides: 8, noise: 0.1 },
      { strides: 8, noise: 0.1, reorder: 4 },
      { scans: 4, strides: 4, noise: 0.5 },
    ]) {
      const { recall, precision } = quality(settings);
      expect(recall[stridedAccess]).toBeGreaterThan(0.9);
      expect(precision[stridedAccess]).toBeGreaterThan(0.99);
    }
  });

  it('does not take chance for a scan, in however few positions it is at work', () => {
    for (const hotPositions of [2 ** 24, 65_536, 4096, 1000, 300, 100, 32]) {
      const { recall } = quality({ noise: 1, hotPositions });
      expect(recall[randomAccess], `${hotPositions} positions`).toBeGreaterThan(0.95);
    }
  });

  it('calls a scan that has ended no scan any more', () => {
    const classifier = new StreamClassifier();
    for (let i = 0; i < 100; i++) classifier.access(i);
    const { position } = labelledStream({ seed: 5, length: 5000, noise: 1, space: 2 ** 30 });
    for (const at of position) classifier.access(at + 1e6);
    expect(classifier.access(100)).toBe(randomAccess);
  });
});
