import { describe, expect, test } from 'vitest';
import { ModelledStore } from '../../../lib/simulation/modelled-store.ts';
import { costs, drive, fast, scripted, slow } from './small-tiers.ts';

const store = (): ModelledStore => new ModelledStore([fast, slow], costs);
const request = (bytes: number) => ({ bytes, tierHint: -1, accessPattern: 'unknown' }) as const;

describe('an access', () => {
  test('costs the latency and the bytes of its tier, for reads and writes apart', () => {
    const two = store();
    const near = two.create(40, 0);
    const far = two.create(40, 1);
    expect(two.access(near, false)).toBe(100 + 40);
    expect(two.access(near, true)).toBe(200 + 40);
    expect(two.access(far, false)).toBe(300 + 80);
    expect(two.access(far, true)).toBe(500 + 160);
    expect(two.served).toEqual([
      { accesses: 2, accessNs: 380, movesIn: 0, bytesIn: 0 },
      { accesses: 2, accessNs: 1040, movesIn: 0, bytesIn: 0 },
    ]);
  });

  test('touches a part of a large unit', () => {
    const two = store();
    expect(two.access(two.create(90, 0), false)).toBe(100 + 64);
  });

  test('may stand for many, of which the tracker sees some', () => {
    const two = store();
    const unit = two.create(40, 0);
    expect(two.access(unit, false, 12, 0)).toBe(12 * 140);
    expect(two.access(unit, false, 12, 24)).toBe(12 * 140);
    expect(two.served[0].accesses).toBe(24);
    const { units, accessesSincePlan } = two.snapshot({ halfLifeAccesses: 100, maxUnits: 10 });
    expect(accessesSincePlan).toBe(24);
    expect(units.reads[0]).toBe(24);
  });
});

test('a snapshot tells how many units came since the last, and how many of those were seen in use', () => {
  const two = store();
  const arrivals = () => two.snapshot({ halfLifeAccesses: 100, maxUnits: 10 }).arrivals;
  two.access(two.create(40, 0), false);
  const unseen = two.create(40, 1);
  two.access(unseen, false, 1, 0);
  expect(arrivals()).toEqual({ units: 2, seen: 1 });
  two.access(unseen, false);
  expect(arrivals()).toEqual({ units: 0, seen: 0 });
});

describe('a move', () => {
  test('costs overhead, work by the byte, latencies, and the slower of the two bandwidths', () => {
    const two = store();
    const unit = two.create(40, 1);
    expect(two.move(unit, 1, 0)).toBe('moved');
    expect(two.moveNs).toBe(10 + 20 + 300 + 200 + 80);
    expect(two.move(unit, 0, 1)).toBe('moved');
    expect(two.moveNs).toBe(610 + 10 + 20 + 100 + 500 + 160);
    expect(two.moves).toBe(2);
    expect(two.usedBytes).toEqual([0, 40]);
    expect(two.unitCounts()).toEqual([0, 1]);
    expect(two.served.map(({ movesIn, bytesIn }) => [movesIn, bytesIn])).toEqual([
      [1, 40],
      [1, 40],
    ]);
  });

  test('bears a share of the latency of a device that serves several at a time', () => {
    const two = new ModelledStore([fast, drive], costs);
    two.move(two.create(40, 1), 1, 0);
    expect(two.moveNs).toBe(10 + 20 + 4000 / 4 + 200 + 80);
  });

  test('is refused where it cannot be, and costs nothing', () => {
    const two = store();
    const unit = two.create(80, 1);
    two.create(30, 0);
    expect(two.move(unit, 1, 0)).toBe('full');
    expect(two.move(unit, 0, 1)).toBe('elsewhere');
    two.delete(unit);
    expect(two.move(unit, 1, 0)).toBe('gone');
    expect([two.moves, two.moveNs]).toEqual([0, 0]);
    expect(two.usedBytes).toEqual([30, 0]);
  });
});

describe('a new unit', () => {
  test('goes to the first tier that the policy admits it to and that has room', () => {
    const two = store();
    const all = scripted(() => []);
    expect(two.place(all, request(100))).toBe(0);
    two.create(90, 0);
    expect(two.place(all, request(10))).toBe(0);
    expect(two.place(all, request(11))).toBe(1);
    const none = scripted(
      () => [],
      () => false,
    );
    expect(two.place(none, request(10))).toBe(1);
  });

  test('goes where there is room when the policy would rather not, and nowhere when all is full', () => {
    const two = store();
    two.create(1000, 1);
    const none = scripted(
      () => [],
      () => false,
    );
    expect(two.place(none, request(50))).toBe(0);
    two.create(100, 0);
    expect(two.place(none, request(1))).toBe(-1);
  });
});

describe('a snapshot', () => {
  test('has what was accessed, and then the others in turn until each was shown', () => {
    const two = new ModelledStore([{ ...fast, capacityBytes: 1e6 }, slow], costs);
    for (let i = 0; i < 100; i++) two.create(1, i % 2);
    two.access(77, true);
    const shown = new Set<number>();
    for (let round = 0; round < 12; round++) {
      const { units } = two.snapshot({ halfLifeAccesses: 100, maxUnits: 10 });
      expect(units.length).toBe(10);
      if (round === 0) {
        expect([units.id[0], units.writes[0], units.reads[0]]).toEqual([77, 1, 0]);
      }
      const ids = [...units.id.subarray(0, units.length)];
      expect(new Set(ids).size).toBe(10);
      for (const [row, id] of ids.entries()) {
        shown.add(id);
        expect(units.tier[row]).toBe(id % 2);
      }
    }
    expect(shown.size).toBe(100);
  });

  test('has histograms over all units that add up to the bytes of each tier', () => {
    const two = store();
    for (let i = 0; i < 5; i++) two.create(10, 0);
    for (let i = 0; i < 7; i++) two.create(20, 1);
    for (let i = 0; i < 12; i++) two.access(i, false, i + 1);
    const sums = (): number[] =>
      two
        .snapshot({ halfLifeAccesses: 100, maxUnits: 1 })
        .histograms.map(({ bins }) => bins.reduce((sum, bytes) => sum + bytes, 0));
    expect(sums()).toEqual([50, 140]);
    two.move(11, 1, 0);
    two.delete(0);
    expect(sums()).toEqual([60, 120]);
  });

  test('has heat that halves in a half-life, also across many of them', () => {
    const two = store();
    const hot = two.create(10, 0);
    const clock = two.create(10, 0);
    const heat = (): number => {
      two.snapshot({ halfLifeAccesses: 100, maxUnits: 10 });
      return two.heatLog2(hot);
    };
    two.access(hot, false, 64);
    const before = heat();
    for (let halfLives = 1; halfLives <= 40; halfLives++) {
      two.access(clock, false, 100);
      expect(heat()).toBeCloseTo(before - halfLives, 3);
    }
    two.delete(hot);
    expect(two.heatLog2(hot)).toBe(-Infinity);
  });
});

test('a store grows past its first columns and keeps every unit', () => {
  const two = new ModelledStore([fast, { ...slow, capacityBytes: Infinity }], costs);
  for (let i = 0; i < 5000; i++) expect(two.create(1 + (i % 7), 1)).toBe(i);
  expect(two.size).toBe(5000);
  for (let i = 0; i < 5000; i++) expect(two.access(i, false)).toBe(300 + 2 * (1 + (i % 7)));
  const { units } = two.snapshot({ halfLifeAccesses: 100, maxUnits: Infinity });
  expect(units.length).toBe(5000);
  for (let row = 0; row < 5000; row++) expect(units.bytes[row]).toBe(1 + (units.id[row] % 7));
});
