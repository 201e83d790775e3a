import { describe, expect, it } from 'vitest';
import { labelledPatterns, labelledRegions } from '../../../lib/simulation/labelled-usage.ts';
import {
  randomAccess,
  StreamClassifier,
  sequentialAccess,
} from '../../../lib/tracking/stream-classifier.ts';
import { UsagePatterns } from '../../../lib/tracking/usage-patterns.ts';

describe('usage patterns', () => {
  it('tells at least nine in ten of interleaved regions right, a tenth of their accesses astray', () => {
    const regions = 20;
    const right = new Map<string, number>();
    for (const seed of [21, 22, 23]) {
      const classifier = new StreamClassifier();
      const usage = new UsagePatterns();
      for (const { region, page, isWrite, isFirst } of labelledRegions(
        seed,
        regions,
        12_000,
        0.1,
      )) {
        usage.add(region, classifier.access(page), isWrite, isFirst);
      }
      for (let region = 0; region < regions; region++) {
        const truth = labelledPatterns[region % labelledPatterns.length];
        const hit = usage.patternOf(region) === truth ? 1 : 0;
        right.set(truth, (right.get(truth) ?? 0) + hit);
      }
    }
    for (const pattern of labelledPatterns) {
      // Twelve regions of each pattern.
      expect(right.get(pattern), pattern).toBeGreaterThanOrEqual(11);
    }
  });

  it('says nothing of what it has hardly seen, and nothing of what it never has', () => {
    const usage = new UsagePatterns();
    for (let i = 0; i < 15; i++) usage.add(3, sequentialAccess, false, true);
    expect(usage.patternOf(3)).toBe('unknown');
    expect(usage.patternOf(1_000_000)).toBe('unknown');
    usage.add(3, sequentialAccess, false, true);
    expect(usage.patternOf(3)).toBe('sequential');
  });

  it('changes its mind with the program, and forgets a unit when told', () => {
    const usage = new UsagePatterns();
    for (let i = 0; i < 100_000; i++) usage.add(500, sequentialAccess, false, true);
    for (let i = 0; i < 2000; i++) usage.add(500, randomAccess, false, false);
    expect(usage.patternOf(500)).toBe('random');
    for (let i = 0; i < 2000; i++) usage.add(500, randomAccess, true, false);
    expect(usage.patternOf(500)).toBe('write-mostly');
    usage.clear(500);
    expect(usage.patternOf(500)).toBe('unknown');
  });
});
