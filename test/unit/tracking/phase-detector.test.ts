import { describe, expect, it } from 'vitest';
import { labelledPhases } from '../../../lib/simulation/labelled-usage.ts';
import { PhaseDetector } from '../../../lib/tracking/phase-detector.ts';

const windowAccesses = 4096;

describe('the phase detector', () => {
  it('notices where a quarter of the hot data or more is replaced, within two windows, and nothing else', () => {
    for (const shares of [[1], [0.5], [0.25], [1, 0.25, 0.5]]) {
      let [changes, noticed, alarms] = [0, 0, 0];
      for (const seed of [31, 32, 33]) {
        const detector = new PhaseDetector({ windowAccesses });
        const phases = labelledPhases(seed, 400_000, shares);
        const open = new Set(phases.changes);
        changes += open.size;
        phases.position.forEach((position, at) => {
          if (!detector.access(position)) return;
          alarms++;
          const cause = [...open].find((from) => from <= at && at < from + 2 * windowAccesses);
          if (cause !== undefined && open.delete(cause)) noticed++;
        });
        expect(detector.changes).toBeGreaterThan(0);
      }
      expect(changes).toBeGreaterThan(30);
      expect(noticed / changes).toBeGreaterThan(0.9);
      expect(noticed / alarms).toBeGreaterThan(0.95);
    }
  });

  it('raises no alarm while the program stays with its data', () => {
    const detector = new PhaseDetector({ windowAccesses });
    for (const position of labelledPhases(34, 1_000_000, []).position) detector.access(position);
    expect(detector.changes).toBe(0);
  });

  it('takes a program that never stays anywhere for one without phases', () => {
    const detector = new PhaseDetector({ windowAccesses });
    for (let i = 0; i < 200 * windowAccesses; i++) detector.access(i);
    expect(detector.changes).toBeLessThan(20);
    const before = detector.changes;
    for (let i = 0; i < 200 * windowAccesses; i++) detector.access(1e9 + i);
    expect(detector.changes - before).toBeLessThan(3);
  });
});
