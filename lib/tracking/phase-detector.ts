/**
 * Notices when a program turns to other data: compares what each window of accesses touches with what the windows
 * before it touched. Counts are kept by hashed position, so memory and time do not depend on the data; an access costs
 * one increment.
 *
 * The distance is the chi-square statistic of two samples with what chance makes of it taken off: 0 where both windows
 * draw from the same distribution, 1 where they have nothing in common. A program that never stays with the same data
 * (a scan) has no phases; a change has to stand out from the usual distance between windows.
 */

/** Options of {@link PhaseDetector}. */
export interface PhaseDetectorOptions {
  /** Accesses in a window. @default 4096 */
  readonly windowAccesses?: number | undefined;
  /** Least distance that is a change, 0..1. @default 0.05 */
  readonly minDistance?: number | undefined;
}

const bucketBits = 12;
const buckets = 1 << bucketBits;
/** Windows over which the usual distance is averaged; a single change is not usual, several in a row are. */
const usualWindows = 8;
/** A change is this many times the usual distance. */
const outstanding = 3;
/** The reference is made of this many windows, and of up to as many that are newer. */
const generationWindows = 4;

/** Watches one space of positions. */
export class PhaseDetector {
  readonly #windowAccesses: number;
  readonly #minDistance: number;
  readonly #counts: Float64Array = new Float64Array(buckets);
  /**
   * Sums over windows of this phase, the older ones and the newer ones. Counts that fade would not do: what is left of
   * a single access would pass for more than chance.
   */
  #older: Float64Array = new Float64Array(buckets);
  #newer: Float64Array = new Float64Array(buckets);
  #newerWindows = 0;
  /** Accesses in each. */
  #olderSeen = 0;
  #newerSeen = 0;
  #seen = 0;
  #changedBefore = false;
  #usual = 0;
  #changes = 0;
  #distance = 0;

  constructor(options: PhaseDetectorOptions = {}) {
    this.#windowAccesses = options.windowAccesses ?? 4096;
    this.#minDistance = options.minDistance ?? 0.05;
  }

  /** Changes so far. */
  get changes(): number {
    return this.#changes;
  }

  /** Distance of the last window from those of its phase, 0..1; 0 for the first of a phase. */
  get distance(): number {
    return this.#distance;
  }

  /** Takes note of an access; true when it ends a window that began, or is in, a new phase. */
  access(position: number): boolean {
    this.count(position);
    return this.endWindow();
  }

  /** Takes note of an access. For who ends windows where accesses end that belong together, by {@link endWindow}. */
  count(position: number): void {
    const hash = Math.imul((position ^ (position / 0x1_0000_0000)) | 0, 0x9e37_79b1);
    this.#counts[hash >>> (32 - bucketBits)]++;
    this.#seen++;
  }

  /** Ends a window that has accesses enough; true when it began, or is in, a new phase. */
  endWindow(): boolean {
    if (this.#seen < this.#windowAccesses) return false;
    const isFirst = this.#newerWindows === 0;
    if (isFirst) this.#distance = 0;
    const changed = !isFirst && this.#isChange();
    this.#fold(changed);
    this.#counts.fill(0);
    this.#seen = 0;
    return changed;
  }

  #isChange(): boolean {
    const counts = this.#counts;
    const seenBefore = this.#olderSeen + this.#newerSeen;
    // Two samples of different size: scaled so that each bucket that is used brings 1 by chance.
    const scale = Math.sqrt(seenBefore / this.#seen);
    let statistic = 0;
    for (let i = 0; i < buckets; i++) {
      const reference = this.#older[i] + this.#newer[i];
      const sum = counts[i] + reference;
      if (sum > 0) statistic += (scale * counts[i] - reference / scale) ** 2 / sum - 1;
    }
    this.#distance = Math.max(0, statistic / (this.#seen + seenBefore));
    return this.#distance > Math.max(this.#minDistance, outstanding * this.#usual);
  }

  #fold(changed: boolean): void {
    const isFirst = this.#newerWindows === 0;
    if (!isFirst && !(changed && !this.#changedBefore)) {
      this.#usual += (this.#distance - this.#usual) / usualWindows;
    }
    if (!isFirst) this.#changedBefore = changed;
    if (changed) {
      // This window may be half of either phase: the next one is the first of the new one.
      this.#changes++;
      this.#newerWindows = 0;
      this.#olderSeen = this.#newerSeen = 0;
      this.#older.fill(0);
      this.#newer.fill(0);
      return;
    }
    if (this.#newerWindows === generationWindows) {
      [this.#older, this.#newer] = [this.#newer, this.#older];
      this.#newer.fill(0);
      this.#olderSeen = this.#newerSeen;
      this.#newerWindows = this.#newerSeen = 0;
    }
    for (let i = 0; i < buckets; i++) this.#newer[i] += this.#counts[i];
    this.#newerWindows++;
    this.#newerSeen += this.#seen;
  }
}
