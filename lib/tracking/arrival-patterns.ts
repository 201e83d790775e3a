/**
 * Guesses how a new unit will be used, from how it arrives: as the next one of a scan or by itself. That a scan is
 * running does not mean that what it brings is not wanted again (a program that loads its data is a scan, too), so a
 * sample of the arrivals is followed and only what was learned from it is said. O(1) an access, no allocation.
 */

import type { AccessPattern } from '../policy/policy.ts';
import { ArrivalSample } from './arrival-sample.ts';
import { randomAccess } from './stream-classifier.ts';

/** A scan is passing when its units come back less than this share as often as others, and less than this often. */
const passingRatio = 0.4;
const passingShare = 0.25;
/** What comes back less often than this is used once. */
export const onceShare = 0.05;

const others = 0;
const scanned = 1;

function kindOf(accessClass: number): number {
  return accessClass === randomAccess ? others : scanned;
}

/** Learns from arrivals; units are non-negative integers. */
export class ArrivalPatterns {
  readonly #sample: ArrivalSample = new ArrivalSample(2);

  /**
   * A unit arrives; `accessClass` is the class of its first access (an index into `accessClasses`). Within
   * `horizonAccesses` it is used again or it was passing: as long as a unit would stay in the fast tier unused.
   */
  arrived(unit: number, accessClass: number, horizonAccesses: number): void {
    this.#sample.arrived(unit, kindOf(accessClass), horizonAccesses);
  }

  /** A unit that arrived earlier is accessed. `surely`: however soon, it is not its first use. */
  accessed(unit: number, surely = false): void {
    this.#sample.accessed(unit, surely);
  }

  /** Whether enough such arrivals were observed to say something. */
  knows(accessClass: number): boolean {
    return this.#sample.knows(kindOf(accessClass));
  }

  /** Share of the arrivals of a kind that came back; 1 as long as too few were observed. */
  reuseShare(accessClass: number): number {
    return this.#sample.reuseShare(kindOf(accessClass));
  }

  /**
   * What to expect of a unit whose first access is of a class: `sequential` for part of a passing scan, `one-touch`
   * where hardly anything that scans bring comes back, else `unknown`: an arrival by itself tells nothing. Worth asking
   * under pressure only: while the fast tier has room, what passes does no harm there.
   */
  patternOf(accessClass: number): AccessPattern {
    if (accessClass === randomAccess) return 'unknown';
    const share = this.reuseShare(accessClass);
    if (share <= onceShare) return 'one-touch';
    if (share > passingShare) return 'unknown';
    const isPassing =
      this.#sample.knows(others) && share <= passingRatio * this.reuseShare(randomAccess);
    return isPassing ? 'sequential' : 'unknown';
  }
}
