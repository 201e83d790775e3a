import { describe, expect, it } from 'vitest';
import { DwellTable } from '../../../lib/migration/dwell.ts';

describe('dwell', () => {
  it('holds a moved unit for the given accesses and no other', () => {
    const table = new DwellTable(10);
    expect(table.moved(1, 1, 0, 1000, 100, 1e6)).toBe(false);
    expect(table.until(1)).toBe(1100);
    expect(table.until(2)).toBe(0);
  });

  it('doubles with each move back, up to 64 times', () => {
    const table = new DwellTable(10);
    let clock = 0;
    table.moved(1, 1, 0, clock, 100, 1e9);
    const stays: number[] = [];
    for (let i = 0; i < 8; i++) {
      clock = table.until(1);
      expect(table.moved(1, i % 2, 1 - (i % 2), clock, 100, 1e9)).toBe(true);
      stays.push(table.until(1) - clock);
    }
    expect(stays).toEqual([200, 400, 800, 1600, 3200, 6400, 6400, 6400]);
  });

  it('sees no ping-pong in a move on in the same direction', () => {
    const table = new DwellTable(10);
    table.moved(1, 2, 1, 0, 100, 1e9);
    expect(table.moved(1, 1, 0, 50, 100, 1e9)).toBe(false);
    expect(table.until(1)).toBe(150);
  });

  it('sees none in a move back long after', () => {
    const table = new DwellTable(10);
    table.moved(1, 1, 0, 0, 100, 1e9);
    expect(table.moved(1, 0, 1, 201, 100, 1e9)).toBe(false);
  });

  it('fades by one doubling per cooling time', () => {
    const table = new DwellTable(10);
    table.moved(1, 1, 0, 0, 100, 1000);
    table.moved(1, 0, 1, 100, 100, 1000);
    table.moved(1, 1, 0, 300, 100, 1000);
    expect(table.until(1) - 300).toBe(400);
    expect(table.moved(1, 0, 1, 2400, 100, 1000)).toBe(false);
    expect(table.until(1) - 2400).toBe(100);
  });

  it('forgets units whose watch is over, and the oldest when there are too many', () => {
    const table = new DwellTable(3);
    for (let unit = 0; unit < 5; unit++) table.moved(unit, 1, 0, unit, 100, 1000);
    expect(table.size).toBe(3);
    expect(table.until(0)).toBe(0);
    expect(table.until(4)).toBe(104);
    table.prune(204, 10);
    expect(table.size).toBe(1);
    table.prune(1000, 10);
    expect(table.size).toBe(0);
  });

  it('counts two moves between nodes of a tier as there and back, and none after a promotion', () => {
    const table = new DwellTable(10);
    expect(table.moved(1, 1, 0, 0, 100, 1000)).toBe(false);
    expect(table.moved(1, 0, 0, 110, 100, 1000)).toBe(false);
    expect(table.moved(1, 0, 0, 220, 100, 1000)).toBe(true);
    expect(table.until(1)).toBe(220 + 200);
  });

  it('remembers over a move to another node which way the unit came', () => {
    const table = new DwellTable(10);
    expect(table.moved(1, 1, 0, 0, 100, 1000)).toBe(false);
    expect(table.moved(1, 0, 0, 110, 100, 1000)).toBe(false);
    expect(table.moved(1, 0, 1, 220, 100, 1000)).toBe(true);
    expect(table.moved(1, 1, 1, 430, 100, 1000)).toBe(false);
  });

  it('keeps every unit apart however many come and go, whatever their numbers', () => {
    // What it should say, entry by entry: until when, and in the order of the last moves.
    const expected = new Map<number, { until: number; watchedUntil: number }>();
    const [kept, stay] = [300, 50];
    const table = new DwellTable(kept);
    const number = (i: number): number => (i % 2 === 0 ? i : 2 ** 32 * (1 + (i % 7)) + i);
    let state = 1;
    for (let clock = 0; clock < 6000; clock++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const unit = number(state % 911);
      table.moved(unit, 0, 1, clock, stay, 1);
      expected.delete(unit);
      expected.set(unit, { until: clock + stay, watchedUntil: clock + 2 * stay });
      if (expected.size > kept) expected.delete([...expected.keys()][0]);
      // Long without, so that it overflows; then often.
      if (clock > 3000 && clock % 3 === 0) {
        table.prune(clock, 2);
        for (const [old, { watchedUntil }] of [...expected].slice(0, 2)) {
          if (clock > watchedUntil) expected.delete(old);
        }
      }
      if (clock % 97 > 0) continue;
      const units = Float64Array.from({ length: 911 }, (_, i) => number(i));
      const column = new Float64Array(units.length).fill(-1);
      table.untilOf(units, units.length, column);
      expect(table.size).toBe(expected.size);
      expect([...column]).toEqual([...units].map((one) => expected.get(one)?.until ?? 0));
      expect(table.until(unit)).toBe(clock + stay);
    }
  });
});
