/** One chunk cut into 32 units of 64 KiB, and which of them are free, taken by a slab, or lost. */

import { unitsPerChunk } from './size-classes.ts';

const allUnits = 0xffffffff;

/** A chunk that holds slabs of type `S`. */
export class SlabChunk<S> {
  readonly chunk: number;
  /** The slab in each unit. */
  readonly slabs: (S | undefined)[] = new Array(unitsPerChunk);
  /** One bit a unit: a slab is in it. */
  #taken = 0;
  /** One bit a unit: the device lost bytes of it, so it gets no other slab. */
  #lost = 0;

  constructor(chunk: number) {
    this.chunk = chunk;
  }

  /** Units that a slab could get, one bit each. */
  get freeUnits(): number {
    return ~(this.#taken | this.#lost) >>> 0;
  }

  /** Units that nobody uses and nobody gets. */
  get deadUnits(): number {
    return bitCount((this.#lost & ~this.#taken) >>> 0);
  }

  /** Whether the device lost bytes of it. */
  get damaged(): boolean {
    return this.#lost !== 0;
  }

  /** Whether no slab is in it. */
  get empty(): boolean {
    return this.#taken === 0;
  }

  /** First of `units` free units side by side, or -1. */
  firstRun(units: number): number {
    return firstRun(this.freeUnits, units);
  }

  /** Free units. */
  get freeCount(): number {
    return bitCount(this.freeUnits);
  }

  /** Puts a slab into units that are free. */
  attach(slab: S, unit: number, units: number): void {
    this.#taken = (this.#taken | runMask(unit, units)) >>> 0;
    this.slabs.fill(slab, unit, unit + units);
  }

  /** Takes it out; returns how many of its units are dead. */
  detach(unit: number, units: number): number {
    const before = this.deadUnits;
    this.#taken = (this.#taken & ~runMask(unit, units)) >>> 0;
    this.slabs.fill(undefined, unit, unit + units);
    return this.deadUnits - before;
  }

  /** The device lost bytes of a unit; returns how many units died of it. */
  lose(unit: number): number {
    const before = this.deadUnits;
    this.#lost = (this.#lost | runMask(unit, 1)) >>> 0;
    return this.deadUnits - before;
  }
}

function runMask(unit: number, units: number): number {
  return units === unitsPerChunk ? allUnits : (((1 << units) - 1) << unit) >>> 0;
}

/** Bits set in a word, added up in ever wider fields (Warren, Hacker's Delight, 5-1). */
function bitCount(mask: number): number {
  const pairs = mask - ((mask >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** First position of `units` consecutive set bits, or -1. */
function firstRun(free: number, units: number): number {
  let starts = free;
  // After the loop a bit is set where a run of at least `units` begins.
  for (let have = 1; have < units; ) {
    const step = Math.min(have, units - have);
    starts = (starts & (starts >>> step)) >>> 0;
    have += step;
  }
  return starts === 0 ? -1 : 31 - Math.clz32(starts & -starts);
}
