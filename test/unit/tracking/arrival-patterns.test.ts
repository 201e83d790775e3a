import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../../../lib/simulation/labelled-streams.ts';
import { ArrivalPatterns } from '../../../lib/tracking/arrival-patterns.ts';
import { randomAccess, sequentialAccess } from '../../../lib/tracking/stream-classifier.ts';

const horizon = 4096;

/**
 * Units arrive one after the other, every second one by a scan; of the scans' and of the others a share is used again
 * some hundred arrivals later.
 */
function arrive(
  patterns: ArrivalPatterns,
  arrivals: number,
  scanReuse: number,
  otherReuse: number,
  first = 0,
): void {
  const uniform = uniformNumbers(1);
  const due: number[][] = [];
  for (let i = 0; i < arrivals; i++) {
    const isScan = i % 2 === 0;
    patterns.arrived(first + i, isScan ? sequentialAccess : randomAccess, horizon);
    if (uniform() < (isScan ? scanReuse : otherReuse)) {
      (due[i + 200 + Math.floor(uniform() * 400)] ??= []).push(first + i);
    }
    for (const unit of due[i] ?? []) patterns.accessed(unit);
  }
}

describe('arrival patterns', () => {
  it('says nothing before it has seen what becomes of arrivals', () => {
    const patterns = new ArrivalPatterns();
    expect(patterns.patternOf(sequentialAccess)).toBe('unknown');
    for (let i = 0; i < 3000; i++) patterns.arrived(i, sequentialAccess, horizon);
    // The first load of a program is a scan that may all be wanted again.
    expect(patterns.patternOf(sequentialAccess)).toBe('unknown');
  });

  it('calls scans passing whose units come back less than others, and only those', () => {
    const patterns = new ArrivalPatterns();
    arrive(patterns, 40_000, 0.1, 0.6);
    expect(patterns.reuseShare(sequentialAccess)).toBeCloseTo(0.1, 1);
    expect(patterns.reuseShare(randomAccess)).toBeCloseTo(0.6, 1);
    expect(patterns.patternOf(sequentialAccess)).toBe('sequential');
    expect(patterns.patternOf(randomAccess)).toBe('unknown');
  });

  it('lets in what scans bring where it is wanted as much as the rest', () => {
    const patterns = new ArrivalPatterns();
    arrive(patterns, 40_000, 0.6, 0.6);
    expect(patterns.patternOf(sequentialAccess)).toBe('unknown');
    arrive(patterns, 40_000, 0.2, 0.2, 40_000);
    expect(patterns.patternOf(sequentialAccess)).toBe('unknown');
  });

  it('calls one-touch what scans bring and nobody uses again, and learns when that changes', () => {
    const patterns = new ArrivalPatterns();
    arrive(patterns, 40_000, 0, 0.1);
    expect(patterns.patternOf(sequentialAccess)).toBe('one-touch');
    arrive(patterns, 40_000, 0.7, 0.7, 40_000);
    expect(patterns.patternOf(sequentialAccess)).toBe('unknown');
  });

  it('does not count the first use, however many accesses it takes, as a second one', () => {
    const patterns = new ArrivalPatterns();
    for (let i = 0; i < 40_000; i++) {
      patterns.arrived(i, sequentialAccess, horizon);
      for (let again = 0; again < 12; again++) patterns.accessed(i);
    }
    expect(patterns.patternOf(sequentialAccess)).toBe('one-touch');
  });
});
