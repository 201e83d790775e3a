import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../../../lib/simulation/labelled-streams.ts';
import { sequentialAccess } from '../../../lib/tracking/stream-classifier.ts';
import { type TouchedUnits, UnitPatterns } from '../../../lib/tracking/unit-patterns.ts';

const fastUnits = 2000;

/** A program whose plans a test makes: it touches units, and is told what was seen of them. */
class Program {
  readonly patterns = new UnitPatterns({ kinds: 4, kindOf: (unit) => (unit < 0 ? -1 : unit % 4) });
  readonly uniform = uniformNumbers(7);
  readonly #lastUse = new Map<number, number>();
  clock = 0;
  #touched: { unit: number; reads: number; writes: number }[] = [];

  touch(unit: number, reads = 1, writes = 0): void {
    this.#touched.push({ unit, reads, writes });
  }

  /** Positions of what was touched, by unit. */
  plan(): Map<number, number> {
    const units = this.#touched;
    this.#touched = [];
    const before = this.clock;
    for (const { reads, writes } of units) this.clock += reads + writes;
    const touched: TouchedUnits = {
      length: units.length,
      unit: units.map(({ unit }) => unit),
      reads: units.map(({ reads }) => reads),
      writes: units.map(({ writes }) => writes),
      idle: units.map(({ unit }) => before - (this.#lastUse.get(unit) ?? -Infinity)),
    };
    for (const { unit } of units) this.#lastUse.set(unit, this.clock);
    this.patterns.observe(touched, 0, this.clock, fastUnits);
    return new Map(units.map(({ unit }, at) => [unit, at]));
  }
}

/** Plans in which half the hot units are used in any order, beside a scan over `scanned` units that goes on and on. */
function scanBeside(
  program: Program,
  plans: number,
  scanned: number,
  from = 100_000,
): Map<number, number> {
  let next = 0;
  let positions = new Map<number, number>();
  for (let plan = 0; plan < plans; plan++) {
    for (let i = 0; i < 200; i++) {
      if (program.uniform() < 0.5) program.touch(Math.floor(program.uniform() ** 2 * 1000) * 17);
      else program.touch(from + (next++ % scanned));
    }
    positions = program.plan();
  }
  return positions;
}

describe('patterns of units', () => {
  it('tell units of a scan that nobody comes back to from those that are in use', () => {
    const program = new Program();
    const positions = scanBeside(program, 400, Infinity);
    const passing = [...positions].filter(([, at]) => program.patterns.passingAt(at));
    const scanned = [...positions.keys()].filter((unit) => unit >= 100_000);
    expect(passing.every(([unit]) => unit >= 100_000)).toBe(true);
    expect(passing.length).toBeGreaterThan(0.8 * scanned.length);
    expect(program.patterns.stats().scanReuse).toBeLessThan(0.05);
  });

  it('call nothing passing that scans come back to soon enough', () => {
    const program = new Program();
    scanBeside(program, 400, 1500);
    expect(program.patterns.stats().passing).toBe(0);
    expect(program.patterns.stats().sequential).toBeGreaterThan(20_000);
  });

  it('say nothing of a scan before it was seen what becomes of it', () => {
    const program = new Program();
    scanBeside(program, 20, Infinity);
    expect(program.patterns.stats()).toMatchObject({ passing: 0, scanReuse: undefined });
  });

  it('take a unit that is used many times at once for one in use, whatever brought it in', () => {
    const program = new Program();
    scanBeside(program, 400, Infinity);
    for (let i = 0; i < 100; i++) program.touch(900_000 + i, i === 99 ? 5 : 1);
    const at = program.plan().get(900_099) as number;
    expect(program.patterns.classAt(at)).toBe(sequentialAccess);
    expect(program.patterns.passingAt(at - 1)).toBe(true);
    expect(program.patterns.passingAt(at)).toBe(false);
  });

  it('know the kinds of new units that hardly anybody uses after they were stored', () => {
    const program = new Program();
    for (let plan = 0; plan < 500; plan++) {
      for (let i = 0; i < 100; i++) {
        const unit = plan * 100 + i;
        // Kind 0 is only stored, 1 is read at once, 2 some plans later; 3 does not come.
        if (unit % 4 === 3) continue;
        program.touch(unit, unit % 4 === 1 ? 1 : 0, 1);
        if (unit % 4 === 2 && unit >= 500) program.touch(unit - 500 - (unit % 4) + 2);
      }
      program.plan();
    }
    expect([0, 1, 2, 3].map((kind) => program.patterns.storedOnce(kind))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('learn anew when units of a kind are used after all', () => {
    const program = new Program();
    const store = (plan: number, reads: number): void => {
      for (let i = 0; i < 100; i++) program.touch((plan * 100 + i) * 4, reads, 1);
      program.plan();
    };
    for (let plan = 0; plan < 200; plan++) store(plan, 0);
    expect(program.patterns.storedOnce(0)).toBe(true);
    for (let plan = 200; plan < 300; plan++) store(plan, 2);
    expect(program.patterns.storedOnce(0)).toBe(false);
  });

  it('notice when the program turns to other data, and when that was', () => {
    const program = new Program();
    const phase = (from: number): void => {
      for (let plan = 0; plan < 100; plan++) {
        for (let i = 0; i < 500; i++) program.touch(from + Math.floor(program.uniform() * 3000));
        program.plan();
      }
    };
    phase(0);
    expect(program.patterns.stats()).toMatchObject({ phaseChanges: 0, lastPhaseChange: 0 });
    phase(50_000);
    const { phaseChanges, lastPhaseChange } = program.patterns.stats();
    expect(phaseChanges).toBe(1);
    expect(lastPhaseChange).toBeGreaterThan(50_000);
    expect(lastPhaseChange).toBeLessThan(50_000 + 3 * 5000);
  });

  it('do not mind the order within a plan, hot units first', () => {
    const program = new Program();
    for (let plan = 0; plan < 40; plan++) {
      // Of 20,000 units each plan touches the same 500 first, then others from all over.
      for (let i = 0; i < 500; i++) program.touch(i * 31);
      for (let i = 0; i < 6000; i++) program.touch(20_000 + Math.floor(program.uniform() * 20_000));
      program.plan();
    }
    expect(program.patterns.stats().phaseChanges).toBe(0);
  });

  it('leave units out that have no kind, and look at what was told before only once', () => {
    const program = new Program();
    const touched: TouchedUnits = {
      length: 3,
      unit: [5, -1, 9],
      reads: [1, 1, 1],
      writes: [0, 0, 0],
      idle: [Infinity, Infinity, Infinity],
    };
    program.patterns.observe(touched, 0, 3, fastUnits);
    program.patterns.observe({ ...touched, length: 3 }, 3, 3, fastUnits);
    const { sequential, strided, random } = program.patterns.stats();
    expect(sequential + strided + random).toBe(2);
  });
});
