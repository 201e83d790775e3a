/**
 * A cache that gives up what is worth least: of a few units drawn at random, the one with the fewest hits to be expected
 * for the room it takes and the time it takes it. A unit that is worth less than all of them when it comes does not get
 * in. The expectation is learned from the accesses alone, by what `balanced` goes by: how often a unit was used of late,
 * how long it was not used before its last use, and how long it has not been used since.
 */

import { reuseShares } from '../../policy/reuse.ts';
import { ageBins, gapBin, useClass } from '../../policy/use-class.ts';
import { keepingValues } from './keeping-values.ts';
import { type CountAge, ReuseEvidence } from './reuse-evidence.ts';
import type { CacheRoom, UnitCache } from './unit-cache.ts';
import { UnitQueues } from './unit-queues.ts';
import { wholeAgeBin } from './whole-age-bin.ts';

/** Units that are remembered after they were given up, as a multiple of those the cache holds. */
const ghostFactor = 6;
/** Residents of which the least valuable is given up. */
const candidates = 64;
/** Accesses, as multiples of the units known, after which a use counts half, and evidence e^-1. */
const halfLife = 4;
const memory = 6;
/** Values are renewed when a victim is wanted, after this share of the accesses seen or, if less, of the units known. */
const renewal = 0.05;
/** Renewing them takes as long as some hundreds of accesses. */
const leastRenewal = 1024;

const ghost = 0;
const seed = 0x9e3779b9;

/** A cache without parameters. 40 bytes a unit; of those that are neither in it nor remembered it knows nothing. */
export class ValueCache implements UnitCache {
  readonly #room: CacheRoom;
  readonly #evidence: ReuseEvidence = new ReuseEvidence();
  readonly #usesLog2: Float32Array;
  readonly #lastUse: Float64Array;
  readonly #class: Uint8Array;
  readonly #ghosts: UnitQueues;
  readonly #residents: Uint32Array;
  /** By unit, the place among the residents; beyond them when it is none. */
  readonly #place: Uint32Array;
  #values: Float64Array = keepingValues(reuseShares(undefined));
  #residentCount = 0;
  #used = 0;
  #clock = 0;
  #renewedAt = 0;
  #random = seed;

  constructor(room: CacheRoom) {
    const units = room.sizes.length;
    this.#room = room;
    this.#usesLog2 = new Float32Array(units);
    this.#lastUse = new Float64Array(units);
    this.#class = new Uint8Array(units);
    this.#ghosts = new UnitQueues(new Float64Array(units).fill(1), 1);
    this.#residents = new Uint32Array(units);
    this.#place = new Uint32Array(units).fill(units);
  }

  /** Sizes of what is in it, summed up. */
  get used(): number {
    return this.#used;
  }

  /** Units that are not in it but remembered. */
  get remembered(): number {
    return this.#ghosts.used(ghost);
  }

  use(unit: number): boolean {
    this.#clock++;
    const resident = this.#place[unit] < this.#residentCount;
    this.#countUse(unit, resident || this.#ghosts.has(ghost, unit));
    if (!resident) this.#admit(unit);
    return resident;
  }

  #countUse(unit: number, known: boolean): void {
    if (known) {
      const age = this.#age(unit);
      this.#evidence.countUse(this.#class[unit], age);
      const usesLog2 = Math.log2(
        1 + 2 ** (this.#usesLog2[unit] - age / (halfLife * this.#known())),
      );
      this.#usesLog2[unit] = usesLog2;
      this.#class[unit] = useClass(usesLog2, gapBin(age));
    } else {
      this.#usesLog2[unit] = 0;
      this.#class[unit] = useClass(0, gapBin(Infinity));
    }
    this.#lastUse[unit] = this.#clock;
  }

  #admit(unit: number): void {
    const { capacity, sizes } = this.#room;
    this.#ghosts.remove(unit);
    if (sizes[unit] > capacity) return;
    const full = this.#used + sizes[unit] > capacity;
    if (full && this.#clock - this.#renewedAt >= this.#renewal()) this.#renew();
    const value = this.#value(unit);
    while (this.#used + sizes[unit] > capacity) {
      const victim = this.#victim();
      if (this.#value(victim) > value) {
        this.#remember(unit);
        return;
      }
      this.#drop(victim);
      this.#remember(victim);
    }
    this.#place[unit] = this.#residentCount;
    this.#residents[this.#residentCount++] = unit;
    this.#used += sizes[unit];
  }

  #victim(): number {
    const all = this.#residentCount <= candidates;
    let victim = -1;
    let least = Infinity;
    for (let i = all ? this.#residentCount : candidates; i > 0; i--) {
      const candidate = this.#residents[all ? i - 1 : this.#draw()];
      const value = this.#value(candidate);
      if (value < least) {
        victim = candidate;
        least = value;
      }
    }
    return victim;
  }

  #drop(unit: number): void {
    const last = this.#residents[--this.#residentCount];
    this.#residents[this.#place[unit]] = last;
    this.#place[last] = this.#place[unit];
    this.#place[unit] = this.#place.length;
    this.#used -= this.#room.sizes[unit];
  }

  #remember(unit: number): void {
    const ghosts = this.#ghosts;
    while (ghosts.used(ghost) >= ghostFactor * this.#held()) {
      const oldest = ghosts.oldest(ghost);
      this.#evidence.countLost(this.#class[oldest], this.#age(oldest));
      ghosts.remove(oldest);
    }
    ghosts.push(ghost, unit);
  }

  #renewal(): number {
    return Math.max(leastRenewal, renewal * Math.min(this.#clock, this.#known()));
  }

  #renew(): void {
    const table = this.#evidence.table((count) => {
      this.#countWaiting(count);
    });
    this.#values = keepingValues(reuseShares(table));
    this.#evidence.fade(Math.exp((this.#renewedAt - this.#clock) / (memory * this.#known())));
    this.#renewedAt = this.#clock;
  }

  #countWaiting(count: CountAge): void {
    for (let i = 0; i < this.#residentCount; i++) {
      const unit = this.#residents[i];
      count(this.#class[unit], this.#age(unit));
    }
    for (const unit of this.#ghosts.units(ghost)) count(this.#class[unit], this.#age(unit));
  }

  /** Units it has room for, if the others are of the size of those in it. */
  #held(): number {
    const meanSize = this.#used / this.#residentCount;
    return meanSize > 0 ? Math.max(1, Math.floor(this.#room.capacity / meanSize)) : 1;
  }

  /** Units that are in it or remembered, once there are enough. */
  #known(): number {
    return (1 + ghostFactor) * this.#held();
  }

  #age(unit: number): number {
    return this.#clock - this.#lastUse[unit];
  }

  /** By size; what has none is not worth more than a byte. */
  #value(unit: number): number {
    const at = this.#class[unit] * ageBins + wholeAgeBin(this.#age(unit));
    return this.#values[at] / Math.max(1, this.#room.sizes[unit]);
  }

  /** A place among the residents. Marsaglia's xorshift: the same places for the same accesses. */
  #draw(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return Math.floor(((x >>> 0) / 2 ** 32) * this.#residentCount);
  }
}
