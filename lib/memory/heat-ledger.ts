/**
 * From counted accesses to heat: what the hot path only counts is folded here, before each plan, at a cost
 * that grows with the units touched and not with the units held.
 */

import { chunkBytes } from '../native.ts';
import { gapOfInterval } from '../policy/unit-state.ts';
import { CoolingClock, foldHeat, neverAccessed, shiftHeat } from '../tracking/heat.ts';
import { HeatHistograms } from '../tracking/heat-histogram.ts';
import { chunkUnitBase, type LargeObject } from './large-object.ts';
import { gapBefore, idleAccesses, packLastUse } from './last-use.ts';
import type { ObjectSpace } from './object-space.ts';
import {
  heatWord,
  lastUseWord,
  oneWrite,
  pendingReads,
  pendingWord,
  pendingWrites,
  recordWords,
  segmentMask,
  segmentShift,
} from './object-table.ts';

/** Reads, or writes, of a unit between two folds: beyond this many it is as hot as it gets. */
export const maxCount = 0xffff;

/**
 * Pages that pass as one access on the clock. Accesses through a view come in sizes of their own: a chunk that is
 * used all over counts 512 pages each time it is looked at. As heat that compares with small objects of a page; as
 * time it would make everything else look old. So it is eight: a look at all the fast tier holds, all of it in use,
 * is then one half-life of the default policy.
 */
const pagesPerTick = 64;
const pageBytes = 4096;

/** Accesses served by a tier since the start. */
export interface TierAccesses {
  reads: number;
  writes: number;
}

/** What the last fold saw, a column each: the units touched and how often. */
export interface Touched {
  length: number;
  /** Unit ids. */
  unit: number[];
  reads: number[];
  writes: number[];
  /** Of reads and writes, those not known to be this thread's: of shared regions, by others or seen by the kernel. */
  others: number[];
  /** Accesses between the last use before those and the fold; `Infinity` when there was none. */
  idle: number[];
  /** Bin of the gap before that use. */
  gap: number[];
}

/** Heat of every unit of one store. */
export class HeatLedger {
  readonly #space: ObjectSpace;
  readonly clock: CoolingClock = new CoolingClock();
  readonly histograms: HeatHistograms;
  readonly accesses: TierAccesses[];
  /**
   * Bytes the program wrote, by tier: what a drive behind it has to take. What is written again before the next fold
   * counts once, as the kernel writes it back once.
   */
  readonly writtenBytes: Float64Array;
  /** The same of chunks of large objects since the last fold. */
  readonly #writtenChunks: Map<number, number> = new Map();
  /** Units folded last. */
  readonly touched: Touched = {
    length: 0,
    unit: [],
    reads: [],
    writes: [],
    others: [],
    idle: [],
    gap: [],
  };
  /** Small objects with accesses pending; an id can be listed twice after it was freed and reused. */
  #pendingIds: number[] = [];
  #pendingLarge: Set<LargeObject> = new Set();
  /** Pages in the counts of pending large objects that were seen and not reported. */
  readonly #seenPages: Map<LargeObject, number> = new Map();
  /** By unit, of the counts of pending large objects: see {@link Touched.others}. */
  readonly #others: Map<number, number> = new Map();
  #keep = false;

  constructor(space: ObjectSpace) {
    this.#space = space;
    const tiers = space.set.tiers.length;
    this.histograms = new HeatHistograms(tiers);
    this.accesses = Array.from({ length: tiers }, () => ({ reads: 0, writes: 0 }));
    this.writtenBytes = new Float64Array(tiers);
  }

  // --- counting (hot path) ----------------------------------------------------------------------------

  /** Counts `weight` (1 for a read, `oneWrite` for a write) when the inline count cannot. */
  note(id: number, weight: number): void {
    const words = this.#space.table.words[id >>> segmentShift];
    const at = (id & segmentMask) * recordWords + pendingWord;
    const pending = words[at];
    if (pending === 0) this.#pendingIds.push(id);
    const full = weight === oneWrite ? pendingWrites(pending) : pendingReads(pending);
    // Saturated: 65,535 accesses between two folds are as hot as it gets.
    if (full < maxCount) words[at] = pending + weight;
  }

  /** Counts an access to a range of a large object. */
  noteLarge(object: LargeObject, byteOffset: number, byteLength: number, write: boolean): void {
    const counts = write ? object.writes : object.reads;
    const last = Math.min(
      object.chunks - 1,
      Math.floor((byteOffset + Math.max(byteLength, 1) - 1) / chunkBytes),
    );
    for (let i = Math.floor(byteOffset / chunkBytes); i <= last; i++) {
      if (counts[i] < maxCount) counts[i]++;
      if (!write) continue;
      const from = Math.max(byteOffset, i * chunkBytes);
      this.#wrote(object, i, Math.min(byteOffset + byteLength, (i + 1) * chunkBytes) - from);
    }
    object.tracked = true;
    this.#pendingLarge.add(object);
  }

  /** Counts accesses of other threads to a chunk of a large object. */
  noteForeign(object: LargeObject, index: number, reads: number, writes: number): void {
    this.#noteOthers(object, index, this.#add(object, index, reads, writes));
    object.tracked = true;
    this.#pendingLarge.add(object);
    if (writes > 0) this.#wrote(object, index, writes * pageBytes);
  }

  /** Counts pages of a chunk of a large object that were found accessed, e.g. by the kernel. */
  noteChunk(object: LargeObject, index: number, reads: number, writes: number): void {
    const pages = this.#add(object, index, reads, writes);
    // The kernel does not tell which thread it was.
    if (object.sharedCounts !== undefined) this.#noteOthers(object, index, pages);
    this.#seenPages.set(object, (this.#seenPages.get(object) ?? 0) + pages);
    this.#pendingLarge.add(object);
    if (writes > 0) this.#wrote(object, index, writes * pageBytes);
  }

  /** Returns how many it counted. */
  #add(object: LargeObject, index: number, reads: number, writes: number): number {
    const before = object.reads[index] + object.writes[index];
    object.reads[index] = Math.min(maxCount, object.reads[index] + reads);
    object.writes[index] = Math.min(maxCount, object.writes[index] + writes);
    return object.reads[index] + object.writes[index] - before;
  }

  #noteOthers(object: LargeObject, index: number, accesses: number): void {
    const unit = chunkUnitBase + object.firstChunk + index;
    this.#others.set(unit, (this.#others.get(unit) ?? 0) + accesses);
  }

  #wrote(object: LargeObject, index: number, bytes: number): void {
    const chunk = object.firstChunk + index;
    const before = this.#writtenChunks.get(chunk) ?? 0;
    this.#writtenChunks.set(chunk, Math.min(chunkBytes, before + bytes));
  }

  // --- units come, go and move --------------------------------------------------------------------------

  /** A small object appeared; its first write is counted. */
  added(id: number): void {
    this.#setHeat(id, neverAccessed);
    this.#setLastUse(id, 0);
    this.histograms.add(this.#space.tierOf(id), this.#space.slotBytes(id), neverAccessed);
    this.note(id, oneWrite);
  }

  /** A small object is about to leave the place it has (for good, or for another). */
  leaving(id: number): void {
    this.histograms.remove(this.#space.tierOf(id), this.#space.slotBytes(id), this.stored(id));
  }

  /** A small object has arrived at another place. */
  arrived(id: number): void {
    this.histograms.add(this.#space.tierOf(id), this.#space.slotBytes(id), this.stored(id));
  }

  /** A large object appeared. */
  addedLarge(object: LargeObject): void {
    for (let i = 0; i < object.chunks; i++) {
      this.histograms.add(this.#space.set.tierOf(object.firstChunk + i), chunkBytes, neverAccessed);
    }
    if (!object.exposed) this.noteLarge(object, 0, object.byteLength, true);
  }

  /** A large object is about to go. */
  removedLarge(object: LargeObject): void {
    for (let i = 0; i < object.chunks; i++) {
      this.histograms.remove(
        this.#space.set.tierOf(object.firstChunk + i),
        chunkBytes,
        object.heat[i],
      );
    }
    this.#pendingLarge.delete(object);
    this.#seenPages.delete(object);
  }

  /** A chunk of a large object went from one tier to another. */
  chunkMoved(object: LargeObject, index: number, from: number, to: number): void {
    this.histograms.move(from, to, chunkBytes, object.heat[index]);
  }

  /** Stored heat of a small object. */
  stored(id: number): number {
    return this.#space.table.floats[id >>> segmentShift][
      (id & segmentMask) * recordWords + heatWord
    ];
  }

  /** Last use of a small object, see last-use.ts. */
  lastUse(id: number): number {
    return this.#space.table.words[id >>> segmentShift][
      (id & segmentMask) * recordWords + lastUseWord
    ];
  }

  // --- folding ------------------------------------------------------------------------------------------

  /**
   * Turns everything counted since the last fold into heat; `touched` lists it. With `keep` the next fold
   * lists it again. `step` accesses count as one use.
   */
  fold(halfLifeAccesses: number, keep = false, step = 1): void {
    const { touched } = this;
    if (!this.#keep) touched.length = 0;
    this.#keep = keep;
    const first = touched.length;
    this.#collectSmall();
    for (const object of this.#pendingLarge) this.#collectLarge(object);
    this.#pendingLarge.clear();
    this.#others.clear();
    this.#foldWritten();
    let total = 0;
    for (let i = first; i < touched.length; i++) total += touched.reads[i] + touched.writes[i];
    for (const pages of this.#seenPages.values()) total -= pages - Math.ceil(pages / pagesPerTick);
    this.#seenPages.clear();
    this.clock.advance(total, halfLifeAccesses);
    if (this.clock.needsRebase) this.#rebase();
    for (let i = first; i < touched.length; i++) {
      this.#heatUp(touched.unit[i], touched.reads[i], touched.writes[i]);
      this.#used(i, total, step);
    }
  }

  #foldWritten(): void {
    const { set, largeOfChunk } = this.#space;
    for (const [chunk, bytes] of this.#writtenChunks) {
      if (largeOfChunk.has(chunk)) this.writtenBytes[set.tierOf(chunk)] += bytes;
    }
    this.#writtenChunks.clear();
  }

  #collectSmall(): void {
    const ids = this.#pendingIds;
    this.#pendingIds = [];
    const { words } = this.#space.table;
    for (const id of ids) {
      const at = (id & segmentMask) * recordWords + pendingWord;
      const segment = words[id >>> segmentShift];
      const pending = segment[at];
      if (pending === 0) continue;
      segment[at] = 0;
      // A small object rewritten as a large one: its chunks count for themselves.
      if (this.#space.largeOf(id) !== undefined) continue;
      this.#list(id, pendingReads(pending), pendingWrites(pending));
    }
  }

  #collectLarge(object: LargeObject): void {
    for (let i = 0; i < object.chunks; i++) {
      if (object.reads[i] + object.writes[i] === 0) continue;
      this.#list(chunkUnitBase + object.firstChunk + i, object.reads[i], object.writes[i]);
      object.reads[i] = 0;
      object.writes[i] = 0;
    }
  }

  #list(unit: number, reads: number, writes: number): void {
    const { touched } = this;
    const at = touched.length++;
    touched.unit[at] = unit;
    touched.reads[at] = reads;
    touched.writes[at] = writes;
    touched.others[at] = unit < chunkUnitBase ? 0 : (this.#others.get(unit) ?? 0);
  }

  #heatUp(unit: number, reads: number, writes: number): void {
    const space = this.#space;
    const chunk = unit - chunkUnitBase;
    const object = chunk >= 0 ? space.largeOfChunk.get(chunk) : undefined;
    const before =
      object === undefined ? this.stored(unit) : object.heat[chunk - object.firstChunk];
    const after = foldHeat(before, this.clock.now, reads + writes);
    const tier = object === undefined ? space.tierOf(unit) : space.set.tierOf(chunk);
    const bytes = object === undefined ? space.slotBytes(unit) : chunkBytes;
    if (object === undefined) this.#setHeat(unit, after);
    else object.heat[chunk - object.firstChunk] = after;
    if (object === undefined && writes > 0) this.writtenBytes[tier] += bytes;
    this.histograms.touch(tier, bytes, before, after);
    this.accesses[tier].reads += reads;
    this.accesses[tier].writes += writes;
  }

  /** Notes when the unit of a line of `touched` was used last, and when before that. */
  #used(line: number, interval: number, step: number): void {
    const { touched, clock } = this;
    const unit = touched.unit[line];
    const chunk = unit - chunkUnitBase;
    const object = chunk >= 0 ? this.#space.largeOfChunk.get(chunk) : undefined;
    const last =
      object === undefined ? this.lastUse(unit) : object.lastUse[chunk - object.firstChunk];
    const idle = idleAccesses(last, clock.accesses);
    touched.idle[line] = idle;
    touched.gap[line] = gapBefore(last);
    const accesses = touched.reads[line] + touched.writes[line];
    const word = packLastUse(clock.accesses, gapOfInterval(accesses, idle, interval, step));
    if (object === undefined) this.#setLastUse(unit, word);
    else object.lastUse[chunk - object.firstChunk] = word;
  }

  #rebase(): void {
    const by = this.clock.rebase();
    const { table } = this.#space;
    for (let id = 0; id < table.end; id++) {
      table.floats[id >>> segmentShift][(id & segmentMask) * recordWords + heatWord] -= by;
    }
    for (const object of this.#space.large) if (object !== undefined) shiftHeat(object.heat, by);
    this.histograms.shift(by);
  }

  #setLastUse(id: number, word: number): void {
    this.#space.table.words[id >>> segmentShift][(id & segmentMask) * recordWords + lastUseWord] =
      word;
  }

  #setHeat(id: number, stored: number): void {
    this.#space.table.floats[id >>> segmentShift][(id & segmentMask) * recordWords + heatWord] =
      stored;
  }
}
