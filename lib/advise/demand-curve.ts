/**
 * Accesses by the room they need: how much fast memory there must be for an access to be served by it. By stack
 * distance this is the miss curve of LRU; by rank, hottest first, that of the best placement that never moves.
 */

import { type AccessMass, addMass, noMass, requestsOf } from './access-mass.ts';

/** Bins an octave; sizes of this many leading bits + 1 are exact. */
const binBits = 7;
const shift = 20 - binBits;
const columns = 5;
const bits = new DataView(new ArrayBuffer(8));

/** Bin of the largest edge that is at most `value` (>= 1). */
function floorBin(value: number): number {
  bits.setFloat64(0, value);
  return (bits.getUint32(0) >>> shift) - (1023 << binBits);
}

/** Bin of the smallest edge that is at least `value`; edges are the numbers of eight significant bits. */
function ceilBin(value: number): number {
  const bin = floorBin(value);
  return edgeOf(bin) < value ? bin + 1 : bin;
}

function edgeOf(bin: number): number {
  const mantissa = bin & ((1 << binBits) - 1);
  return 2 ** (bin >> binBits) * (1 + mantissa / (1 << binBits));
}

/** The largest size of eight significant bits that is at most `bytes`: there curves are exact. At least 1. */
export function curveSize(bytes: number): number {
  return edgeOf(floorBin(Math.max(1, bytes)));
}

/** Collects accesses by need. About 40 bytes a bin, 128 bins an octave. */
export class DemandHistogram {
  #sums: Float64Array = new Float64Array(columns * 1024);
  #bins = 0;

  /**
   * `reads` and `writes` of a unit that need `need` bytes (or units); each touches `touched` of its `unitBytes`. They
   * need not be whole: a sampled request stands for several.
   */
  add(need: number, reads: number, writes: number, touched: number, unitBytes: number): void {
    const bin = ceilBin(Math.max(1, need));
    if (bin >= this.#bins) this.#reach(bin);
    const at = bin * columns;
    this.#sums[at] += reads;
    this.#sums[at + 1] += writes;
    this.#sums[at + 2] += reads * touched;
    this.#sums[at + 3] += writes * touched;
    this.#sums[at + 4] += (reads + writes) * unitBytes;
  }

  /**
   * The curve of this histogram and others together.
   *
   * @param total - all requests that have a need, sampled or not. What the sample has too much or too little of
   *   them belongs to the hottest keys, which a sample holds or misses as a whole: it is put where the need is
   *   smallest (SHARDS-adj). Default: no correction.
   */
  curve(total?: AccessMass, ...others: readonly DemandHistogram[]): DemandCurve {
    const bins = Math.max(this.#bins, ...others.map((other) => other.#bins));
    const sums = new Float64Array((bins + 1) * columns);
    for (const { sums: from } of [this, ...others].map((h) => ({ sums: h.#sums }))) {
      const end = Math.min(from.length, bins * columns);
      for (let i = 0; i < end; i++) sums[columns + i] += from[i];
    }
    for (let i = columns; i < sums.length; i++) sums[i] += sums[i - columns];
    const counted = massAt(sums, bins);
    return new DemandCurve(sums, total === undefined ? noMass : addMass(total, counted, -1));
  }

  #reach(bin: number): void {
    this.#bins = bin + 1;
    if (this.#bins * columns <= this.#sums.length) return;
    const wider = new Float64Array(Math.max(this.#bins * columns, this.#sums.length * 2));
    wider.set(this.#sums);
    this.#sums = wider;
  }
}

function massAt(sums: Float64Array, row: number): AccessMass {
  const at = row * columns;
  return {
    reads: sums[at],
    writes: sums[at + 1],
    readBytes: sums[at + 2],
    writeBytes: sums[at + 3],
    unitBytes: sums[at + 4],
  };
}

/** What {@link DemandHistogram.curve} made. */
export class DemandCurve {
  readonly #sums: Float64Array;
  readonly #correction: AccessMass;
  /** Answers by row: candidates ask for the same few hundred sizes again and again. */
  readonly #known: (AccessMass | undefined)[] = [];

  /** Made by {@link DemandHistogram.curve}. */
  constructor(sums: Float64Array, correction: AccessMass) {
    this.#sums = sums;
    this.#correction = correction;
  }

  /** Requests that `room` bytes (or units) are enough for; exact where `room` is a {@link curveSize}. */
  within(room: number): AccessMass {
    if (room < 1) return noMass;
    const last = this.#sums.length / columns - 1;
    const row = room === Number.POSITIVE_INFINITY ? last : Math.min(last, floorBin(room) + 1);
    return (this.#known[row] ??= this.#upTo(row));
  }

  #upTo(row: number): AccessMass {
    const mass = addMass(massAt(this.#sums, row), this.#correction);
    // A sample that holds too much of the hottest keys can leave less than nothing below the smallest needs.
    return {
      reads: Math.max(0, mass.reads),
      writes: Math.max(0, mass.writes),
      readBytes: Math.max(0, mass.readBytes),
      writeBytes: Math.max(0, mass.writeBytes),
      unitBytes: Math.max(0, mass.unitBytes),
    };
  }

  /** Requests that a sample had too few of (too many: below 0), and that count as needing next to nothing. */
  get correction(): number {
    return requestsOf(this.#correction);
  }

  /** All requests with a need. */
  get total(): AccessMass {
    return this.within(Number.POSITIVE_INFINITY);
  }
}
