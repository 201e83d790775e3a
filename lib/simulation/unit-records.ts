/**
 * What a modelled store knows of each unit, 32 bytes side by side: a plan looks at several units an access, all over the
 * memory, and each is one cache line away instead of six.
 */

/** Bytes of a record. */
export const recordBytes = 32;
/** log2 of a record's length in doubles, and in words. */
export const doublesShift = 2;
export const wordsShift = 3;

/** Doubles of a record: the unit's bytes; the access clock at the plan that saw its last use, -Infinity before. */
export const bytesDouble = 0;
export const lastUseDouble = 1;
/** Words of a record: stored heat (a float); the round that last listed the unit; its place among its tier's units. */
export const heatWord = 4;
export const roundWord = 5;
export const placeWord = 6;
/** A word of two bytes: its tier, and above that the bin of the gap before its last use. */
export const tierWord = 7;
const gapShift = 8;

/** The tier in a {@link tierWord}. */
export function tierIn(word: number): number {
  return word & 0xff;
}

/** The gap in a {@link tierWord}. */
export function gapIn(word: number): number {
  return word >>> gapShift;
}

/** A {@link tierWord}. */
export function tierAndGap(tier: number, gap: number): number {
  return (gap << gapShift) | tier;
}

/** A growing array of records, at most 2^28. The views are of the same bytes, and valid until the next `grow`. */
export class UnitRecords {
  doubles: Float64Array = new Float64Array(0);
  floats: Float32Array = new Float32Array(0);
  words: Uint32Array = new Uint32Array(0);

  /** Room for `capacity` records, zero. */
  constructor(capacity: number) {
    this.#view(new ArrayBuffer(capacity * recordBytes));
  }

  get capacity(): number {
    return this.words.length >>> wordsShift;
  }

  /** Doubles the room. */
  grow(): void {
    const before = this.words;
    this.#view(new ArrayBuffer(before.byteLength * 2));
    this.words.set(before);
  }

  #view(buffer: ArrayBuffer): void {
    this.doubles = new Float64Array(buffer);
    this.floats = new Float32Array(buffer);
    this.words = new Uint32Array(buffer);
  }
}
