/**
 * Guesses how a new unit will be used, from how it arrives: as the next one of a scan or by itself. That a scan is
 * running does not mean that what it brings is not wanted again (a program that loads its data is a scan, too), so a
 * sample of the arrivals is followed and only what was learned from it is said. O(1) an access, no allocation.
 */

import type { AccessPattern } from '../policy/policy.ts';
import { randomAccess } from './stream-classifier.ts';

/** One arrival in this many is followed, as a power of two. */
const sampleBits = 3;
const slotBits = 10;
/** Accesses that come this soon after the arrival are still its first use. */
const burstAccesses = 64;
/** Observations before anything is said, and after which older ones fade. */
const minObserved = 64;
const memory = 256;
/** A scan is passing when its units come back less than this share as often as others, and less than this often. */
const passingRatio = 0.4;
const passingShare = 0.25;
/** What scans bring and comes back less often than this is used once. */
const onceShare = 0.05;

const others = 0;
const scanned = 1;

/** Learns from arrivals; units are non-negative integers. */
export class ArrivalPatterns {
  readonly #unit: Float64Array = new Float64Array(1 << slotBits).fill(-1);
  readonly #arrivedAt: Float64Array = new Float64Array(1 << slotBits);
  readonly #kind: Uint8Array = new Uint8Array(1 << slotBits);
  readonly #observed: Float64Array = new Float64Array(2);
  readonly #reused: Float64Array = new Float64Array(2);
  #clock = 0;
  #hand = 0;

  /**
   * A unit arrives; `accessClass` is the class of its first access (an index into `accessClasses`). Within
   * `horizonAccesses` it is used again or it was passing: as long as a unit would stay in the fast tier unused.
   */
  arrived(unit: number, accessClass: number, horizonAccesses: number): void {
    this.#clock++;
    this.#settle(horizonAccesses);
    const slot = slotOf(unit);
    if (slot < 0 || this.#unit[slot] >= 0) return;
    this.#unit[slot] = unit;
    this.#arrivedAt[slot] = this.#clock;
    this.#kind[slot] = accessClass === randomAccess ? others : scanned;
  }

  /** A unit that arrived earlier is accessed. */
  accessed(unit: number): void {
    this.#clock++;
    const slot = slotOf(unit);
    if (slot < 0 || this.#unit[slot] !== unit) return;
    if (this.#clock - this.#arrivedAt[slot] <= burstAccesses) return;
    this.#unit[slot] = -1;
    this.#learn(this.#kind[slot], 1);
  }

  /** Share of the arrivals of a kind that came back; 1 as long as too few were observed. */
  reuseShare(accessClass: number): number {
    const kind = accessClass === randomAccess ? others : scanned;
    if (this.#observed[kind] < minObserved) return 1;
    return this.#reused[kind] / this.#observed[kind];
  }

  /**
   * What to expect of a unit whose first access is of a class: `sequential` for part of a passing scan, `one-touch`
   * where hardly anything that scans bring comes back, else `unknown`: an arrival by itself tells nothing. Worth asking under pressure only: while the fast
   * tier has room, what passes does no harm there.
   */
  patternOf(accessClass: number): AccessPattern {
    if (accessClass === randomAccess) return 'unknown';
    const share = this.reuseShare(accessClass);
    if (share <= onceShare) return 'one-touch';
    if (share > passingShare) return 'unknown';
    const isKnown = this.#observed[others] >= minObserved;
    return isKnown && share <= passingRatio * this.reuseShare(randomAccess)
      ? 'sequential'
      : 'unknown';
  }

  /** Looks at a few of those followed: whose time is over did not come back. */
  #settle(horizonAccesses: number): void {
    for (let i = 0; i < 2; i++) {
      this.#hand = (this.#hand + 1) & ((1 << slotBits) - 1);
      const slot = this.#hand;
      if (this.#unit[slot] < 0 || this.#clock - this.#arrivedAt[slot] <= horizonAccesses) continue;
      this.#unit[slot] = -1;
      this.#learn(this.#kind[slot], 0);
    }
  }

  #learn(kind: number, reused: number): void {
    if (this.#observed[kind] >= memory) {
      this.#observed[kind] /= 2;
      this.#reused[kind] /= 2;
    }
    this.#observed[kind]++;
    this.#reused[kind] += reused;
  }
}

/** The slot in which a unit is followed; -1 when it is not in the sample. */
function slotOf(unit: number): number {
  const hash = Math.imul((unit ^ (unit / 0x1_0000_0000)) | 0, 0x9e37_79b1) >>> 0;
  // The low bits of the product are those of the unit: a stride would be sampled whole or not at all.
  if ((hash >>> 8) & ((1 << sampleBits) - 1)) return -1;
  return hash >>> (32 - slotBits);
}
