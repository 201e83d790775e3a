import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../../lib/policy/policies.ts';
import type { Plan } from '../../../lib/policy/policy.ts';
import { snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const tiers: TierSpec[] = [
  { capacityBytes: 100 * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
const units = (count: number, tier: number, heat: number, firstId: number): UnitSpec[] =>
  Array.from({ length: count }, (_, i) => ({ id: firstId + i, tier, heat }));
const plan = (list: readonly UnitSpec[], specs: readonly TierSpec[] = tiers): Plan =>
  createPolicy('memtis').plan(snapshotOf(specs, list), { bytes: Infinity });
/** log2 density of a page with this heat, at the lower edge of its octave. */
const octave = (heat: number): number => Math.floor(Math.log2(heat)) + 9;

describe('memtis', () => {
  it('calls hot the octaves that fit the fast tier whole', () => {
    // 60 pages of 16 uses and 60 of 4: together they are more than 97 pages, so 4 is not hot; the
    // empty octave between them fits anyway.
    const made = plan([...units(60, 1, 16.5, 0), ...units(60, 1, 4.5, 100)]);
    expect(made.thresholdsLog2).toEqual([octave(8)]);
    expect(made.moves.map((m) => m.unit).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    );
  });

  it('exchanges what is below the hot octaves for what is in them, coldest first', () => {
    const made = plan([
      ...units(96, 0, 4.5, 100),
      { id: 50, tier: 0, heat: 1 },
      ...units(2, 1, 33, 0),
    ]);
    expect(made.moves.map((m) => m.unit)).toEqual([50, 0, 100, 1]);
  });

  it('does not demote the warm octave for free room, and colder ones only', () => {
    // Full to the brim; 40 hot pages are less than 75 % of the tier, so the octave of 8 is warm.
    const warm = plan([
      ...units(40, 0, 16.5, 0),
      ...units(60, 0, 8.5, 100),
      ...units(60, 1, 8.5, 300),
    ]);
    expect(warm.thresholdsLog2).toEqual([octave(16)]);
    expect(warm.moves).toEqual([]);
    const cold = plan([
      ...units(40, 0, 16.5, 0),
      ...units(60, 0, 4.5, 100),
      ...units(60, 1, 8.5, 300),
    ]);
    expect(cold.thresholdsLog2).toEqual([octave(16)]);
    expect(cold.moves.map((m) => [m.from, m.reason])).toEqual(new Array(3).fill([0, 'room']));
  });

  it('gets a tier that is full of cold units going again', () => {
    const made = plan([...units(97, 0, 2 ** -20, 100), ...units(3, 1, 4.5, 0)]);
    expect(made.thresholdsLog2).toEqual([0]);
    expect(made.moves.filter((m) => m.to === 0).map((m) => m.unit)).toEqual([0, 1, 2]);
  });

  it('nests its thresholds over three tiers', () => {
    const three: TierSpec[] = [
      tiers[0],
      { capacityBytes: 100 * page, readLatencyNs: 250 },
      tiers[1],
    ];
    const made = plan(
      [...units(90, 2, 64.5, 0), ...units(90, 2, 16.5, 100), ...units(90, 2, 4.5, 200)],
      three,
    );
    expect(made.thresholdsLog2[0]).toBeGreaterThan(octave(16));
    expect(made.thresholdsLog2[1]).toBeGreaterThan(octave(4));
    expect(made.moves.filter((m) => m.to === 0)).toHaveLength(90);
    expect(made.moves.filter((m) => m.to === 1).map((m) => m.unit)).toEqual(
      Array.from({ length: 90 }, (_, i) => 100 + i),
    );
  });
});
