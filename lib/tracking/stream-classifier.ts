/**
 * Says of every access whether it is part of a scan: in order, a constant stride apart, or neither. Positions are
 * integers in any one space: keys, neighbouring ids, pages of a region.
 *
 * Where a stream goes next is looked up, not searched for: each stream notes the positions it expects in a hash table
 * (recent-positions.ts), several ahead, so interleaved streams, accesses that come out of order and strangers between
 * them do not disturb it. O(1) an access and no allocation. What to read ahead of a stream is another question, see
 * access-pattern.ts.
 */

import { RecentPositions } from './recent-positions.ts';

/** What an access is part of. */
export const accessClasses = ['random', 'sequential', 'strided'] as const;

/** One of {@link accessClasses}. */
export type AccessClass = (typeof accessClasses)[number];

/** Index into {@link accessClasses}. */
export const randomAccess = 0;
/** Index into {@link accessClasses}. */
export const sequentialAccess = 1;
/** Index into {@link accessClasses}. */
export const stridedAccess = 2;

const maxStreams = 32;
/** Positions a stream expects ahead: as far as accesses may come too early or be left out. */
const aheadSteps = 8;
/** Accesses that belong to no stream and may be the beginning of a strided one. */
const candidates = 32;
/** Neighbours this many accesses ago are no beginning of a scan. */
const neighbourAge = 96;
/** Neighbours looked at on either side, and how many of them make a scan. */
const neighbourSteps = 4;
const neighboursNeeded = 2;
/** The accesses of a strided stream come at a pace: gaps differ at most by this factor, and this many accesses. */
const paceFactor = 4;
const paceSlack = 8;
/** Wider than this a stride is a coincidence. */
const maxStride = 2 ** 24;
/** Steps a new stream has to make before it is believed in. */
const trialSteps = 3;
/** Of the positions a stream passes, it must have visited this share: chance leaps from one expected to another. */
const minCoverage = 0.6;
/** Repeats further back than this count against a stream, as so many positions left out. */
const repeatSteps = 2;
/** Accesses after which older steps of a stream count for half. */
const memorySteps = 64;
/** A stream is over when it is this much later than its pace. */
const lateFactor = 8;
const lateSlack = 64;
/** After this many fruitless searches for strides, only every eighth access is searched. */
const fruitless = 512;
const thinned = 7;

/** Notes: an access of no stream, else the stream, plus `visited` once it was there. */
const noStream = -1;
const visited = 64;

/** Follows the streams in one space of positions. */
export class StreamClassifier {
  readonly #recent = new RecentPositions();
  readonly #head: Float64Array = new Float64Array(maxStreams);
  readonly #stride: Float64Array = new Float64Array(maxStreams);
  readonly #dense: Uint8Array = new Uint8Array(maxStreams);
  /** The furthest position noted as expected. */
  readonly #noted: Float64Array = new Float64Array(maxStreams);
  /** Positions visited and passed, both fading. */
  readonly #visits: Float64Array = new Float64Array(maxStreams);
  readonly #passed: Float64Array = new Float64Array(maxStreams);
  readonly #usedAt: Float64Array = new Float64Array(maxStreams);
  /** Accesses from one step to the next, smoothed. */
  readonly #pace: Float64Array = new Float64Array(maxStreams);
  readonly #candidates: Float64Array = new Float64Array(candidates).fill(Number.NaN);
  #candidateAt = 0;
  #searches = 0;
  /** Begins late enough that time 0 is long ago. */
  #clock = 1024;
  #last: number = Number.NaN;
  #lastClass = randomAccess;

  /** Takes note of an access of `length` positions and returns the index of its class. */
  access(position: number, length = 1): number {
    this.#clock++;
    // Again the same is the same access.
    if (position === this.#last) return this.#lastClass;
    this.#last = position;
    this.#lastClass = this.#classify(position, length);
    return this.#lastClass;
  }

  #classify(position: number, length: number): number {
    const recent = this.#recent;
    const entry = recent.find(position);
    if (entry >= 0 && recent.note[entry] !== noStream) {
      const note = recent.note[entry];
      const stream = note & (visited - 1);
      if (this.#expects(stream, position)) {
        recent.put(position, this.#clock, stream | visited);
        if (note < visited) this.#step(stream, position);
        else this.#repeat(stream, position);
        return this.#classOf(stream);
      }
    }
    recent.put(position, this.#clock, noStream);
    this.#train(position, length, entry < 0);
    return randomAccess;
  }

  /** Whether the note is still true: the stream may be over, or another one by now. */
  #expects(stream: number, position: number): boolean {
    const stride = this.#stride[stream];
    if (stride === 0) return false;
    const steps = (position - this.#head[stream]) / stride;
    if (!(steps >= -aheadSteps * 4 && steps <= aheadSteps && Number.isInteger(steps))) return false;
    const late = this.#clock - this.#usedAt[stream];
    if (late <= lateFactor * this.#pace[stream] + lateSlack) return true;
    this.#stride[stream] = 0;
    return false;
  }

  #step(stream: number, position: number): void {
    const steps = (position - this.#head[stream]) / this.#stride[stream];
    this.#visits[stream]++;
    this.#pace[stream] += (this.#clock - this.#usedAt[stream] - this.#pace[stream]) / 8;
    this.#usedAt[stream] = this.#clock;
    if (steps <= 0) return;
    this.#passed[stream] += steps;
    if (this.#passed[stream] > memorySteps) {
      this.#passed[stream] /= 2;
      this.#visits[stream] /= 2;
    }
    this.#head[stream] = position;
    this.#noteAhead(stream);
  }

  /** A scan looks back no further than it is out of order; what is used at random comes back from anywhere. */
  #repeat(stream: number, position: number): void {
    const steps = (this.#head[stream] - position) / this.#stride[stream];
    if (steps > repeatSteps) this.#passed[stream] += repeatSteps;
  }

  #noteAhead(stream: number): void {
    const stride = this.#stride[stream];
    const end = this.#head[stream] + aheadSteps * stride;
    let next = this.#noted[stream];
    while (next !== end) {
      next += stride;
      if (next < 0) break;
      this.#recent.put(next, this.#clock, stream);
    }
    this.#noted[stream] = end;
  }

  #classOf(stream: number): number {
    const visits = this.#visits[stream];
    if (visits < trialSteps || visits < minCoverage * this.#passed[stream]) return randomAccess;
    return this.#dense[stream] === 1 ? sequentialAccess : stridedAccess;
  }

  #train(position: number, length: number, isFresh: boolean): void {
    const step = Math.max(1, length);
    const before = this.#neighbours(position, -step);
    const after = this.#neighbours(position, step);
    if (Math.max(before, after) >= neighboursNeeded) {
      this.#begin(position, before >= after ? step : -step, true, neighbourAge / 4);
      return;
    }
    // What is used again and again is no scan, and would begin one by chance all the time.
    if (!isFresh) return;
    if (this.#searches < fruitless || (this.#clock & thinned) === 0)
      this.#findStride(position, step);
    this.#candidates[this.#candidateAt] = position;
    this.#candidateAt = (this.#candidateAt + 1) % candidates;
  }

  /** How many of the next few positions in a direction were accessed not long ago. */
  #neighbours(position: number, step: number): number {
    let found = 0;
    for (let i = 1; i <= neighbourSteps; i++) {
      // Of the nearest two at least one.
      if (i === 3 && found === 0) break;
      if (this.#accessedAt(position + i * step) > this.#clock - neighbourAge) found++;
    }
    return found;
  }

  /** When a position was accessed; 0 when that is not known. */
  #accessedAt(position: number): number {
    const entry = this.#recent.find(position);
    if (entry < 0) return 0;
    const note = this.#recent.note[entry];
    return note === noStream || note >= visited ? this.#recent.at[entry] : 0;
  }

  /** Looks for three accesses that lead here at a constant stride and a steady pace. */
  #findStride(position: number, step: number): void {
    this.#searches++;
    for (let i = 0; i < candidates; i++) {
      const last = this.#candidates[i];
      const stride = position - last;
      // Also when there is nothing there.
      if (!(Math.abs(stride) > step && Math.abs(stride) <= maxStride)) continue;
      const second = this.#accessedAt(last - stride);
      if (second === 0) continue;
      const third = this.#accessedAt(last - 2 * stride);
      const first = this.#accessedAt(last);
      if (third === 0 || !(first > second && second > third)) continue;
      const longest = Math.max(this.#clock - first, first - second, second - third);
      const shortest = Math.min(this.#clock - first, first - second, second - third);
      if (longest > paceFactor * shortest + paceSlack) continue;
      this.#searches = 0;
      this.#begin(position, stride, false, longest);
      return;
    }
  }

  #begin(position: number, stride: number, isDense: boolean, pace: number): void {
    let stream = 0;
    for (let i = 0; i < maxStreams && this.#stride[stream] !== 0; i++) {
      if (this.#stride[i] === 0 || this.#usedAt[i] < this.#usedAt[stream]) stream = i;
    }
    this.#head[stream] = position;
    this.#noted[stream] = position;
    this.#stride[stream] = stride;
    this.#dense[stream] = isDense ? 1 : 0;
    this.#visits[stream] = 0;
    this.#passed[stream] = 0;
    this.#usedAt[stream] = this.#clock;
    this.#pace[stream] = pace;
    this.#noteAhead(stream);
  }
}
