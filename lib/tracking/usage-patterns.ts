/**
 * What the accesses of each unit look like over time, for placement and prefetch: five small counters a unit that fade,
 * fed with the class of each access (stream-classifier.ts). O(1) an access; nothing is allocated but when units are
 * added.
 */

import type { AccessPattern } from '../policy/policy.ts';
import { sequentialAccess, stridedAccess } from './stream-classifier.ts';

const counters = 5;
const all = 0;
const writes = 1;
const sequential = 2;
const strided = 3;
const firsts = 4;

/** Counters are halved when this many accesses are counted: the last few hundred decide. */
const memoryAccesses = 512;
/** Fewer accesses than this say nothing. */
export const minAccesses = 16;
/** Share of writes that makes a unit write-mostly. */
export const writeShare = 0.6;
/** Share of accesses in order, or at a stride, that makes a unit so: scans begin late and are disturbed. */
const streamShare = 0.4;
/** Share of accesses to what was not accessed before that makes a unit one-touch. */
const firstShare = 0.9;

/** Counters of units numbered from 0. */
export class UsagePatterns {
  #counts: Uint16Array = new Uint16Array(64 * counters);

  /**
   * Counts an access. `accessClass` is an index into `accessClasses`; `isFirst`: this place in the unit, or the unit,
   * was not accessed before.
   */
  add(unit: number, accessClass: number, isWrite: boolean, isFirst: boolean): void {
    const at = unit * counters;
    if (at + counters > this.#counts.length) this.#grow(at + counters);
    const counts = this.#counts;
    if (++counts[at + all] > memoryAccesses) {
      for (let i = 0; i < counters; i++) counts[at + i] >>= 1;
    }
    if (isWrite) counts[at + writes]++;
    if (isFirst) counts[at + firsts]++;
    if (accessClass === sequentialAccess) counts[at + sequential]++;
    else if (accessClass === stridedAccess) counts[at + strided]++;
  }

  /** The unit's pattern; `unknown` until there are sixteen accesses. */
  patternOf(unit: number): AccessPattern {
    const at = unit * counters;
    const counts = this.#counts;
    const sum = counts[at + all] ?? 0;
    if (sum < minAccesses) return 'unknown';
    if (counts[at + writes] >= writeShare * sum) return 'write-mostly';
    if (counts[at + sequential] >= streamShare * sum) return 'sequential';
    if (counts[at + strided] >= streamShare * sum) return 'strided';
    return counts[at + firsts] >= firstShare * sum ? 'one-touch' : 'random';
  }

  /** Forgets a unit: its number will be another's. */
  clear(unit: number): void {
    const at = unit * counters;
    this.#counts.fill(0, at, at + counters);
  }

  #grow(length: number): void {
    const wider = new Uint16Array(Math.max(length, 2 * this.#counts.length));
    wider.set(this.#counts);
    this.#counts = wider;
  }
}
