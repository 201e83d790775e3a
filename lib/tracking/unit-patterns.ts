/**
 * What accesses of units look like, from what is known when they are folded into heat: which units were touched since
 * the last plan, in the order of their first access. Nothing is done when a unit is accessed.
 *
 * Three things follow. Whether a unit was touched as part of a scan, and what becomes of what scans touch here: `passing`
 * says so only where it was learned that it is not used again. Which kinds of new units nobody comes back to. And when
 * the program turned to other data. All of it is bounded: what is classified, what is followed, and what is kept.
 */

import { ArrivalPatterns, onceShare } from './arrival-patterns.ts';
import { ArrivalSample } from './arrival-sample.ts';
import { PhaseDetector } from './phase-detector.ts';
import {
  accessClasses,
  randomAccess,
  StreamClassifier,
  sequentialAccess,
} from './stream-classifier.ts';

/** Units touched since the last plan, a column each, in the order of their first access. */
export interface TouchedUnits {
  readonly length: number;
  readonly unit: ArrayLike<number>;
  readonly reads: ArrayLike<number>;
  readonly writes: ArrayLike<number>;
  /** Accesses since the last use before those; `Infinity` when there was none. */
  readonly idle: ArrayLike<number>;
}

/** How units are looked at. */
export interface UnitPatternOptions {
  /** Kinds of new units that are told apart. */
  readonly kinds: number;
  /** Kind of a unit, from 0; -1 for one that is no part of this. */
  readonly kindOf: (unit: number) => number;
}

/** What was seen so far. */
export interface PatternStats {
  /** Units touched in order, at a constant stride, or neither; in each plan the first 2048 are looked at. */
  readonly sequential: number;
  readonly strided: number;
  readonly random: number;
  /** Of the units that scans brought into use, the share that was used again; undefined while it is not known. */
  readonly scanReuse: number | undefined;
  /** The same of units that came into use by themselves. */
  readonly otherReuse: number | undefined;
  /** Units that were part of a scan nobody comes back to; a unit counts each time. */
  readonly passing: number;
  /** How often the program turned to other data, and at how many accesses it did last (0: never). */
  readonly phaseChanges: number;
  readonly lastPhaseChange: number;
  /** Distance of the units used last from those used before, 0..1. */
  readonly phaseDistance: number;
}

/** More units of one plan are not classified: it is 0.3 us a unit, half a millisecond, in one slice with the plan. */
const maxClassified = 2048;
/**
 * Units are followed for so many accesses for each unit the fast tier holds, and this many at least. It would keep them
 * unused that long if every fourth access brought in another one.
 */
const horizonTurns = 4;
const minHorizon = 4096;
/** A unit with more accesses at a time is in use, whatever brought it in. */
const passingAccesses = 2;

/** Patterns of the units of one store. */
export class UnitPatterns {
  readonly #kindOf: (unit: number) => number;
  readonly #streams: StreamClassifier = new StreamClassifier();
  readonly #scans: ArrivalPatterns = new ArrivalPatterns();
  readonly #stored: ArrivalSample;
  readonly #phases: PhaseDetector = new PhaseDetector();
  readonly #seen: number[] = accessClasses.map(() => 0);
  #passing = 0;
  #lastPhaseChange = 0;
  /** By position in what was touched last. */
  #classes: Uint8Array = new Uint8Array(1024);
  #isPassing: Uint8Array = new Uint8Array(1024);
  #length = 0;

  constructor({ kinds, kindOf }: UnitPatternOptions) {
    this.#kindOf = kindOf;
    this.#stored = new ArrivalSample(kinds);
  }

  /**
   * Takes note of what was touched, from position `first` on: what comes before was told already, and stays. `clock` is
   * the access clock, `fastUnits` how many units the fastest tier holds. O(touched).
   */
  observe(touched: TouchedUnits, first: number, clock: number, fastUnits: number): void {
    const { length } = touched;
    this.#reserve(length);
    const horizon = Math.max(minHorizon, horizonTurns * fastUnits);
    for (let i = first; i < length; i++) {
      const unit = touched.unit[i];
      this.#phases.count(unit);
      const kind = this.#kindOf(unit);
      if (kind < 0) {
        this.#classes[i] = randomAccess;
        this.#isPassing[i] = 0;
        continue;
      }
      const accessClass = i - first < maxClassified ? this.#streams.access(unit) : randomAccess;
      this.#classes[i] = accessClass;
      this.#seen[accessClass]++;
      this.#follow(touched, i, accessClass, kind, horizon);
    }
    this.#length = length;
    if (this.#phases.endWindow()) this.#lastPhaseChange = clock;
  }

  /** Class of the unit at a position of what was touched last, an index into `accessClasses`. */
  classAt(position: number): number {
    return position < this.#length ? this.#classes[position] : randomAccess;
  }

  /** Whether that unit was brought into use by a scan whose units are not used again. */
  passingAt(position: number): boolean {
    return position < this.#length && this.#isPassing[position] === 1;
  }

  /** Whether hardly any new unit of a kind is used after it was stored. */
  storedOnce(kind: number): boolean {
    return this.#stored.reuseShare(kind) <= onceShare;
  }

  stats(): PatternStats {
    const [random, sequential, strided] = this.#seen;
    return {
      sequential,
      strided,
      random,
      scanReuse: this.#share(sequentialAccess),
      otherReuse: this.#share(randomAccess),
      passing: this.#passing,
      phaseChanges: this.#phases.changes,
      lastPhaseChange: this.#lastPhaseChange,
      phaseDistance: this.#phases.distance,
    };
  }

  #share(accessClass: number): number | undefined {
    return this.#scans.knows(accessClass) ? this.#scans.reuseShare(accessClass) : undefined;
  }

  /** Follows the unit, or ends that. A unit nobody used for a horizon is as good as new. */
  #follow(
    { unit, reads, writes, idle }: TouchedUnits,
    i: number,
    accessClass: number,
    kind: number,
    horizon: number,
  ): void {
    const id = unit[i];
    this.#isPassing[i] = 0;
    if (idle[i] === Infinity) {
      this.#stored.arrived(id, kind, horizon);
      // Storing is the first access.
      if (reads[i] > 0 || writes[i] > 1) this.#stored.accessed(id, true);
    } else {
      this.#stored.accessed(id, true);
    }
    if (idle[i] <= horizon) {
      this.#scans.accessed(id);
      return;
    }
    const accesses = reads[i] + writes[i];
    this.#scans.arrived(id, accessClass, horizon);
    if (accesses > passingAccesses) this.#scans.accessed(id, true);
    else if (this.#scans.patternOf(accessClass) !== 'unknown') {
      this.#isPassing[i] = 1;
      this.#passing++;
    }
  }

  #reserve(length: number): void {
    if (length <= this.#classes.length) return;
    const wider = Math.max(length, 2 * this.#classes.length);
    const classes = new Uint8Array(wider);
    const isPassing = new Uint8Array(wider);
    classes.set(this.#classes);
    isPassing.set(this.#isPassing);
    this.#classes = classes;
    this.#isPassing = isPassing;
  }
}
