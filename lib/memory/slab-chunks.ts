/**
 * The chunks of one backend that hold slabs: which of them have free units, and when they are taken and given back.
 * At most one empty chunk is kept, so that a slab that comes and goes does not remap memory.
 */

import type { BackendSet, BackendState } from './backend-set.ts';
import { unitBytes, unitsPerChunk } from './size-classes.ts';
import type { Slab } from './slab.ts';
import { SlabChunk } from './slab-chunk.ts';

/** A chunk of slabs. */
export type Home = SlabChunk<Slab>;

/** The chunks. Charges the backend for the units in them that died; units of slabs are for the allocator to charge. */
export class SlabChunks {
  readonly #set: BackendSet;
  readonly #backend: BackendState;
  readonly #chunks: Map<number, Home> = new Map();
  /** Chunks with free units. */
  readonly #open: Set<Home> = new Set();
  #spare: Home | undefined;
  /** The spare chunk when somebody last asked whether it is needed. */
  #idle: Home | undefined;
  /** Units without a slab that get none, because bytes of them are lost. They stay charged. */
  deadUnits = 0;
  /** Why the heap last refused a chunk. */
  lastFailure: unknown;

  constructor(set: BackendSet, backend: BackendState) {
    this.#set = set;
    this.#backend = backend;
  }

  /** Numbers of all chunks. */
  get numbers(): number[] {
    return [...this.#chunks.keys()];
  }

  /** Units of all chunks but the spare one that could hold slabs, and those that do. */
  get units(): number {
    return (this.#chunks.size - Number(this.#spare !== undefined)) * unitsPerChunk - this.deadUnits;
  }

  /** The chunk of a number; undefined when it is not one of these. */
  get(chunk: number): Home | undefined {
    return this.#chunks.get(chunk);
  }

  /** Whether slabs are in a chunk that was one of these. */
  isInUse(home: Home): boolean {
    return !home.empty && this.#chunks.get(home.chunk) === home;
  }

  /** A chunk that has so many free units side by side; undefined when only a new one would have them. */
  withRun(units: number): Home | undefined {
    for (const home of this.#open) if (home.firstRun(units) >= 0) return home;
    return undefined;
  }

  /** The same, with a new one if need be; undefined when the heap has none. */
  take(units: number): Home | undefined {
    const open = this.withRun(units);
    if (open !== undefined) return open;
    let chunk: number;
    try {
      chunk = this.#set.takeSlabChunk(this.#backend);
    } catch (error) {
      this.lastFailure = error;
      return undefined;
    }
    const home: Home = new SlabChunk(chunk);
    this.#chunks.set(chunk, home);
    this.#open.add(home);
    return home;
  }

  /** The chunk with the fewest slabs of those that could hold more; not one of `skip`. */
  sparsest(skip?: ReadonlySet<Home>): Home | undefined {
    let sparse: Home | undefined;
    for (const home of this.#open) {
      if (home === this.#spare || skip?.has(home)) continue;
      if (sparse === undefined || home.freeCount > sparse.freeCount) sparse = home;
    }
    return sparse;
  }

  /** The chunk with the most slabs that has so many free units side by side, and no fewer slabs than `from`. */
  fullest(units: number, from: Home): Home | undefined {
    let best: Home | undefined;
    let least = from.freeCount;
    for (const home of this.#open) {
      const { freeCount } = home;
      if (home === from || freeCount > least) continue;
      // The first of equals: it has been open the longest.
      if ((freeCount === least && best !== undefined) || home.firstRun(units) < 0) continue;
      best = home;
      least = freeCount;
    }
    return best;
  }

  /** Puts a slab into free units of a chunk. */
  attach(slab: Slab, home: Home, unit: number): void {
    slab.chunk = home.chunk;
    slab.byteOffset = unit * unitBytes;
    home.attach(slab, unit, slab.shape.units);
    if (home.freeUnits === 0) this.#open.delete(home);
    if (home === this.#spare) this.#spare = undefined;
  }

  /** Takes a slab out of its chunk; one that is empty then is kept as the spare one, or given back. */
  detach(slab: Slab): void {
    const home = this.#chunks.get(slab.chunk) as Home;
    this.#charge(home.detach(slab.byteOffset / unitBytes, slab.shape.units));
    if (home.freeUnits !== 0) this.#open.add(home);
    if (!home.empty) return;
    if (this.#spare === undefined && !home.damaged) this.#spare = home;
    else this.#release(home);
  }

  /** From now on this chunk is the last that gets a slab. */
  shun(home: Home): void {
    if (this.#open.delete(home)) this.#open.add(home);
  }

  /** The device lost bytes of units of a chunk, which no slab gets any more. */
  lose(home: Home, from: number, to: number): void {
    for (let unit = from; unit < to; unit++) this.#charge(home.lose(unit));
    if (home.freeUnits === 0) this.#open.delete(home);
    if (home.empty) this.#release(home);
  }

  /** Gives the spare chunk back, e.g. before a run of whole chunks is taken. */
  trim(): void {
    if (this.#spare !== undefined) this.#release(this.#spare);
  }

  /** The same if it was spare the last time this was asked, too. */
  trimIdle(): void {
    if (this.#spare === this.#idle) this.trim();
    this.#idle = this.#spare;
  }

  #release(home: Home): void {
    this.#charge(-home.deadUnits);
    this.#chunks.delete(home.chunk);
    this.#open.delete(home);
    if (home === this.#spare) this.#spare = undefined;
    this.#set.releaseSlabChunk(home.chunk);
  }

  /** Units died, or with a negative number are gone with their chunk. */
  #charge(dead: number): void {
    this.deadUnits += dead;
    this.#backend.usedUnits += dead;
  }
}
