import { describe, expect, it } from 'vitest';
import { createPolicy } from '../../../lib/policy/policies.ts';
import type { Move } from '../../../lib/policy/policy.ts';
import { snapshotOf, type TierSpec, type UnitSpec } from './snapshots.ts';

const page = 4096;
const tiers: TierSpec[] = [
  { capacityBytes: 10 * page, readLatencyNs: 100 },
  { capacityBytes: 1e9, readLatencyNs: 250 },
];
/** Nine units fill the fastest tier beside its head-room. */
const held = (heat: number): UnitSpec[] =>
  Array.from({ length: 9 }, (_, i) => ({ id: 100 + i, tier: 0, heat: heat + i }));
const moves = (name: string, units: readonly UnitSpec[], more = {}): readonly Move[] =>
  createPolicy(name).plan(snapshotOf(tiers, units, more), { bytes: Infinity }).moves;
const ids = (list: readonly Move[]): number[] => list.map((m) => m.unit);

describe('lfu', () => {
  it('exchanges the least used for what was used more often', () => {
    const list = moves('lfu', [...held(5), { id: 1, tier: 1, heat: 8, reads: 1 }]);
    expect(ids(list)).toEqual([100, 1]);
    expect(list[1].reason).toBe('hot');
  });

  it('asks for a whole use more, so that equals do not change places', () => {
    expect(moves('lfu', [...held(5), { id: 1, tier: 1, heat: 5.9, reads: 1 }])).toEqual([]);
    expect(ids(moves('lfu', [...held(5), { id: 1, tier: 1, heat: 6.1, reads: 1 }]))).toEqual([
      100, 1,
    ]);
  });

  it('takes a sampled use for as many accesses as it stands for', () => {
    const units = [...held(50), { id: 1, tier: 1, heat: 58, reads: 16 }];
    const reuse = { expected: new Float64Array(256), step: 16 };
    expect(ids(moves('lfu', units))).toEqual([100, 1]);
    expect(moves('lfu', units, { reuse })).toEqual([]);
  });

  it('counts by bytes: a large unit needs as many more uses', () => {
    const large = { id: 1, tier: 1, heat: 9, reads: 1, bytes: 4 * page };
    expect(moves('lfu', [...held(5), large])).toEqual([]);
    expect(ids(moves('lfu', [...held(5), { ...large, heat: 60 }]))).toEqual([
      100, 101, 102, 103, 1,
    ]);
  });

  it('forgets slowly', () => {
    const { tiers: states, unitCounts } = snapshotOf(tiers, held(5));
    const life = (name: string): number => createPolicy(name).halfLifeAccesses(states, unitCounts);
    expect(life('lfu')).toBe(64 * 9);
    expect(life('lfu')).toBeGreaterThan(life('tiny-lfu'));
  });
});

describe('tiny-lfu', () => {
  it('lets in only what has a higher whole count than the victim', () => {
    const at = (heat: number): number[] =>
      ids(moves('tiny-lfu', [...held(3), { id: 1, tier: 1, heat, reads: 1 }]));
    expect(at(3.9)).toEqual([]);
    expect(at(4)).toEqual([100, 1]);
  });

  it('holds a large unit against the sum of its victims', () => {
    const at = (heat: number): number[] =>
      ids(moves('tiny-lfu', [...held(2), { id: 1, tier: 1, heat, reads: 1, bytes: 3 * page }]));
    expect(at(9)).toEqual([]); // 2 + 3 + 4 is as many
    expect(at(10)).toEqual([100, 101, 102, 1]);
  });

  it('counts to 15 and no further', () => {
    const hot = Array.from({ length: 9 }, (_, i) => ({ id: 100 + i, tier: 0, heat: 15 }));
    expect(moves('tiny-lfu', [...hot, { id: 1, tier: 1, heat: 1000, reads: 9 }])).toEqual([]);
  });

  it('leaves alone what was not used', () => {
    expect(moves('tiny-lfu', [...held(1), { id: 1, tier: 1, heat: 14 }])).toEqual([]);
  });
});

describe('s3-fifo', () => {
  it('promotes at the second use, not at the first', () => {
    const at = (heat: number): number[] =>
      ids(moves('s3-fifo', [...held(0.1).slice(0, 1), { id: 1, tier: 1, heat, reads: 1 }]));
    expect(at(1.2)).toEqual([]);
    expect(at(1.6)).toEqual([1]);
  });

  it('takes the place of what came first, used units having another chance', () => {
    const resident = (id: number, heat: number, dwellUntil: number): UnitSpec => ({
      id,
      tier: 0,
      heat,
      dwellUntil,
    });
    const units = [
      resident(100, 2.5, 100), // oldest, but used meanwhile
      resident(101, 0.5, 300),
      resident(102, 0.2, 500), // colder, but later
      ...[103, 104, 105, 106, 107, 108].map((id) => resident(id, 0.4, 900)),
      { id: 1, tier: 1, heat: 2, reads: 1 },
    ];
    expect(ids(moves('s3-fifo', units))).toEqual([101, 1]);
  });

  it('takes units that never moved for the oldest', () => {
    const units = [
      { id: 100, tier: 0, heat: 0.1, dwellUntil: 900 },
      ...[101, 102, 103, 104, 105, 106, 107, 108].map((id) => ({ id, tier: 0, heat: 0.9 })),
      { id: 1, tier: 1, heat: 2, reads: 1 },
    ];
    expect(ids(moves('s3-fifo', units))).toEqual([101, 1]);
  });

  it('waits while everything in the tier was used again', () => {
    expect(moves('s3-fifo', [...held(1), { id: 1, tier: 1, heat: 3, reads: 1 }])).toEqual([]);
  });
});
