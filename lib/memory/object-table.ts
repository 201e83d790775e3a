/**
 * Records of all objects, 28 bytes each, off the JavaScript heap.
 *
 * A record is seven 32-bit words in a segment of 65,536 records, so that one cache line holds all that a read
 * needs, and growing never copies. The words:
 *
 * | word | bits | what |
 * |---|---|---|
 * | 0 `where` | 22 chunk, 4 type, 6 flags | chunk is the first of its run for a large object |
 * | 1 `offset` | 17 offset / 16, 15 generation | a handle is valid while generations agree |
 * | 2 `length` | 32 | bytes of a small object; index into the large objects of a large one |
 * | 3 `key` | 32 | reference into the key arena, 0 without a key; next free id in a free record |
 * | 4 `pending` | 16 reads, 16 writes | accesses since the last fold, saturating |
 * | 5 `heat` | float32 | forward-decayed heat, see tracking/heat.ts |
 * | 6 `lastUse` | 28 time, 4 gap | see last-use.ts |
 */

import { TierError } from '../errors.ts';

/** Words in a record. */
export const recordWords = 7;
export const whereWord = 0;
export const offsetWord = 1;
export const lengthWord = 2;
export const keyWord = 3;
export const pendingWord = 4;
export const heatWord = 5;
export const lastUseWord = 6;

/** Low bits of an id: the record within its segment. */
export const segmentShift = 16;
export const segmentMask = 0xffff;

export const chunkMask = 0x3fffff;
export const typeShift = 22;
export const typeMask = 0xf;
/** The object lives in whole chunks of its own. */
export const largeFlag: number = 1 << 26;
/** The caller keeps it where it is. */
export const pinnedFlag: number = 1 << 27;
/** At least one lease or pin is open. */
export const leasedFlag: number = 1 << 28;
/** The record is in use. */
export const liveFlag: number = 1 << 29;
/** Scratch mark while a snapshot is taken. */
export const markFlag: number = 1 << 30;
/** It has a checksum, or it is damaged: every read takes the slow way. */
export const watchedFlag: number = 1 << 31;

export const offsetMask = 0x1ffff;
export const generationShift = 17;
export const generationMask: number = ~offsetMask;
/** Generations wrap before this value, which no object ever has. */
const deadGeneration = 0x7fff;

const writesShift = 16;
const countMask = 0xffff;

/** Reads in a pending word. */
export function pendingReads(word: number): number {
  return word & countMask;
}

/** Writes in a pending word. */
export function pendingWrites(word: number): number {
  return word >>> writesShift;
}

/** One write in a pending word. */
export const oneWrite: number = 1 << writesShift;

const maxSegments = 1 << 15;

/** The table. Ids are dense, reused after a release, and at most 2^31 − 1. */
export class ObjectTable {
  /** Segments as words; `floats` views the same bytes. Public because the hot paths index them directly. */
  readonly words: Uint32Array[] = [];
  readonly floats: Float32Array[] = [];
  #freeHead = -1;
  #next = 0;
  #count = 0;

  /** Objects alive. */
  get count(): number {
    return this.#count;
  }

  /** One more than the largest id ever used; ids below may be free. */
  get end(): number {
    return this.#next;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.words.length * (recordWords << (segmentShift + 2));
  }

  /** Takes a record and returns its id; its words hold rubbish but for the generation. */
  take(): number {
    this.#count++;
    if (this.#freeHead >= 0) {
      const id = this.#freeHead;
      const next = this.words[id >>> segmentShift][(id & segmentMask) * recordWords + keyWord];
      this.#freeHead = next === 0xffffffff ? -1 : next;
      return id;
    }
    const id = this.#next;
    if (id >>> segmentShift === this.words.length) this.#grow();
    this.#next = id + 1;
    return id;
  }

  /** Gives a record back; handles that carry its generation become invalid. */
  release(id: number): void {
    const words = this.words[id >>> segmentShift];
    const base = (id & segmentMask) * recordWords;
    const generation = ((words[base + offsetWord] >>> generationShift) + 1) % deadGeneration;
    words[base + offsetWord] = generation << generationShift;
    words[base + whereWord] = 0;
    words[base + pendingWord] = 0;
    words[base + keyWord] = this.#freeHead < 0 ? 0xffffffff : this.#freeHead;
    this.#freeHead = id;
    this.#count--;
  }

  /** The generation an id has now. */
  generation(id: number): number {
    return (
      this.words[id >>> segmentShift][(id & segmentMask) * recordWords + offsetWord] >>>
      generationShift
    );
  }

  /** Whether `id` names a live object of this generation. */
  alive(id: number, generation: number): boolean {
    const words = this.words[id >>> segmentShift];
    return words[(id & segmentMask) * recordWords + offsetWord] >>> generationShift === generation;
  }

  /** Whether a flag of an object is set. */
  flag(id: number, flag: number): boolean {
    return (
      (this.words[id >>> segmentShift][(id & segmentMask) * recordWords + whereWord] & flag) !== 0
    );
  }

  /** Sets or clears a flag of an object. */
  setFlag(id: number, flag: number, on: boolean): void {
    const words = this.words[id >>> segmentShift];
    const at = (id & segmentMask) * recordWords + whereWord;
    words[at] = on ? words[at] | flag : words[at] & ~flag;
  }

  /** Makes every handle invalid and drops all records; the table is not used again. */
  close(): void {
    // All ones is a generation that no object ever had.
    for (const segment of this.words) segment.fill(0xffffffff);
    this.#count = 0;
  }

  #grow(): void {
    if (this.words.length === maxSegments) {
      throw new TierError('ERR_TIER_FULL', 'The object table holds 2^31 objects and cannot grow.');
    }
    const segment = new ArrayBuffer((recordWords << segmentShift) * 4);
    this.words.push(new Uint32Array(segment));
    this.floats.push(new Float32Array(segment));
  }
}
