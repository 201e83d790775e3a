/** Follows the accesses of a sample of the keys: how recently and how often each was used. */

import { TierError } from '../errors.ts';
import { KeyTable } from '../simulation/key-table.ts';
import { type AccessMass, addMass } from './access-mass.ts';
import { type DemandCurve, DemandHistogram } from './demand-curve.ts';
import { StackDistances } from './stack-distances.ts';

/** What {@link KeySampler} found, scaled to all keys. Curves are over bytes, of the trace's own size. */
export interface SampledDemand {
  /** Keys that were followed. */
  readonly sampledKeys: number;
  readonly objects: number;
  readonly footprintBytes: number;
  /** All requests but first uses, by the room LRU needs to serve them. */
  readonly recency: DemandCurve;
  /** The same over numbers of objects instead of bytes. */
  readonly recencyObjects: DemandCurve;
  /** All requests but first uses, by the room of everything denser: the best placement that never moves. */
  readonly frequency: DemandCurve;
  /** Of the second half of the requests, by recency. */
  readonly lateRecency: DemandCurve;
  /** Of the second half of the requests, ranked by the first half: what a placement that was learned serves. */
  readonly lateFrequency: DemandCurve;
  /** First uses in the second half, by the room of everything used until then: all that never moved has its place. */
  readonly lateNew: DemandCurve;
}

/** Requests that the sample is to stand for; sums over the whole stream. */
export interface StreamTotals {
  /** First and second half of the requests. */
  readonly halves: readonly [AccessMass, AccessMass];
}

/**
 * Columns a key: size, reads and writes of the first half, of the second, and the half of its first use, which is
 * not among the reads and writes; keys that it stands for.
 */
const columns = 7;

/** A population of keys. About 220 bytes a key. */
export class KeySampler {
  readonly #accessBytes: number;
  readonly #keys = new KeyTable();
  readonly #distances = new StackDistances();
  readonly #bytes = [new DemandHistogram(), new DemandHistogram()] as const;
  readonly #byObjects = new DemandHistogram();
  /** First uses, by the footprint at that time. */
  readonly #firsts = [new DemandHistogram(), new DemandHistogram()] as const;
  #counts: Float64Array = new Float64Array(columns * 1024);
  #objects = 0;
  #footprintBytes = 0;

  /** @param accessBytes - bytes an access touches at most */
  constructor(accessBytes: number) {
    this.#accessBytes = accessBytes;
  }

  /**
   * Takes a request of a key.
   *
   * @param half - of the stream, 0 or 1
   * @param count - keys that this one stands for, the same each time: one over the share that is sampled
   * @throws TierError when a key changes its size
   */
  add(key: number, sizeBytes: number, write: number, half: 0 | 1, count: number): void {
    const known = this.#keys.size;
    const unit = this.#keys.add(key);
    const at = unit * columns;
    const touched = Math.min(sizeBytes, this.#accessBytes);
    const reads = write === 0 ? count : 0;
    if (unit === known) {
      this.#create(at, sizeBytes, half, count);
      this.#distances.access(unit, sizeBytes * count, count);
      this.#firsts[half].add(this.#footprintBytes, reads, count - reads, touched, sizeBytes);
      return;
    }
    if (this.#counts[at] !== sizeBytes) {
      throw new TierError(
        'ERR_TIER_TRACE',
        `Key ${key} has ${sizeBytes} bytes here and ${this.#counts[at]} before; a key must keep its size.`,
        { hint: 'Give an object that changes its size a new key.' },
      );
    }
    this.#counts[at + 1 + 2 * half + write]++;
    this.#distances.access(unit, sizeBytes * count, count);
    const { units, bytes } = this.#distances;
    this.#bytes[half].add(bytes, reads, count - reads, touched, sizeBytes);
    this.#byObjects.add(units, reads, count - reads, touched, sizeBytes);
  }

  /** The curves. Costs a sort of the keys. */
  finish({ halves }: StreamTotals): SampledDemand {
    const [earlyNew, lateNew] = this.#firsts.map((histogram) => histogram.curve());
    const late = addMass(halves[1], lateNew.total, -1);
    const all = addMass(addMass(halves[0], earlyNew.total, -1), late);
    const counts = this.#counts;
    const early = (at: number): number => counts[at + 1] + counts[at + 2] + 1 - counts[at + 5];
    return {
      sampledKeys: this.#keys.size,
      objects: this.#objects,
      footprintBytes: this.#footprintBytes,
      recency: this.#bytes[0].curve(all, this.#bytes[1]),
      recencyObjects: this.#byObjects.curve(all),
      frequency: this.#ranked((at) => early(at) + counts[at + 3] + counts[at + 4], 0).curve(all),
      lateRecency: this.#bytes[1].curve(late),
      lateFrequency: this.#ranked(early, 1).curve(late),
      lateNew,
    };
  }

  #create(at: number, sizeBytes: number, half: number, count: number): void {
    if (at === this.#counts.length) {
      const wider = new Float64Array(at * 2);
      wider.set(this.#counts);
      this.#counts = wider;
    }
    this.#counts[at] = sizeBytes;
    this.#counts[at + 5] = half;
    this.#counts[at + 6] = count;
    this.#objects += count;
    this.#footprintBytes += sizeBytes * count;
  }

  /** Keys in order of `uses` per byte, each needing the room of all before it and its own; accesses of `from` on. */
  #ranked(uses: (at: number) => number, from: 0 | 1): DemandHistogram {
    const counts = this.#counts;
    const density = new Float64Array(this.#keys.size);
    for (let unit = 0; unit < density.length; unit++) {
      density[unit] = uses(unit * columns) / counts[unit * columns];
    }
    const order = new Uint32Array(density.length).map((_, unit) => unit);
    // Ties in order of first use, as first touch would place them.
    order.sort((a, b) => density[b] - density[a] || a - b);
    const histogram = new DemandHistogram();
    let room = 0;
    for (const unit of order) {
      const at = unit * columns;
      const size = counts[at];
      const count = counts[at + 6];
      room += size * count;
      const reads = count * (counts[at + 3] + (from === 0 ? counts[at + 1] : 0));
      const writes = count * (counts[at + 4] + (from === 0 ? counts[at + 2] : 0));
      if (reads + writes === 0) continue;
      const touched = Math.min(size, this.#accessBytes);
      histogram.add(room, reads, writes, touched, size);
    }
    return histogram;
  }
}
