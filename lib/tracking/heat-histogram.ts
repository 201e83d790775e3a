/**
 * Bytes by heat density, one histogram a tier, kept while units change instead of counted when asked.
 *
 * Bins live in the frame of stored heat (see heat.ts), in which an untouched unit does not move, so cooling costs
 * nothing: {@link HeatHistograms.view} only says how far the frame is from now. A unit must be taken out with the
 * bytes and stored heat it was put in with. Not thread-safe; every change is O(1).
 */

import type { HeatHistogram } from '../policy/policy.ts';
import { densityLog2 } from './heat.ts';

/** Bins kept for each tier, a power of two; what is colder than all of them is counted in the coldest. */
export const histogramBins = 64;

/** The histograms of all tiers of one store. */
export class HeatHistograms {
  readonly #tiers: Float64Array[];
  /** Frame index of the hottest bin; the coldest is `#hottest - histogramBins + 1`. */
  #hottest = 0;
  /** `densityLog2(0, bytes)` of the size asked for last: most units are as large as the one before. */
  #lastBytes = 0;
  #lastPerBytes = 0;

  constructor(tierCount: number) {
    this.#tiers = Array.from({ length: tierCount }, () => new Float64Array(histogramBins));
  }

  /** Counts a unit that appeared in `tier`. */
  add(tier: number, bytes: number, stored: number): void {
    const bins = this.#tiers[tier];
    bins[this.#slot(this.#binOf(stored + this.#perBytes(bytes)))] += bytes;
  }

  /** Takes a unit out of `tier`. */
  remove(tier: number, bytes: number, stored: number): void {
    const bins = this.#tiers[tier];
    bins[this.#slot(this.#binOf(stored + this.#perBytes(bytes)))] -= bytes;
  }

  /** A unit's stored heat changed from `before` to `after`. */
  touch(tier: number, bytes: number, before: number, after: number): void {
    // The new bin first: making room for it can merge the old one.
    const perBytes = this.#perBytes(bytes);
    const to = this.#binOf(after + perBytes);
    const from = this.#binOf(before + perBytes);
    if (from === to) return;
    const bins = this.#tiers[tier];
    bins[this.#slot(from)] -= bytes;
    bins[this.#slot(to)] += bytes;
  }

  /** A unit went from one tier to another. */
  move(from: number, to: number, bytes: number, stored: number): void {
    this.remove(from, bytes, stored);
    this.add(to, bytes, stored);
  }

  /** The origin of stored heat moved by `by` whole half-lives. O(bins). */
  shift(by: number): void {
    if (!Number.isInteger(by)) throw new RangeError('the origin of heat moves by whole half-lives');
    // Slots are frame indices modulo the ring, so a shifted frame is a rotated ring.
    const turn = ((by % histogramBins) + histogramBins) % histogramBins;
    for (const bins of this.#tiers) {
      const turned = new Float64Array(histogramBins);
      for (let i = 0; i < histogramBins; i++)
        turned[(i - turn + histogramBins) % histogramBins] = bins[i];
      bins.set(turned);
    }
    this.#hottest -= by;
  }

  /** What a policy sees at time `now`, a fresh copy. Bin 0 holds everything colder too. O(tiers * bins). */
  view(now: number): HeatHistogram[] {
    const views = this.#tiers.map(() => ({ minLog2: 0, bins: new Float64Array(histogramBins) }));
    this.viewInto(views, now);
    return views;
  }

  /** {@link view} written to what it returned before: for who makes a plan every few accesses. */
  viewInto(
    views: readonly { -readonly [K in keyof HeatHistogram]: HeatHistogram[K] }[],
    now: number,
  ): void {
    const coldest = this.#hottest - histogramBins + 1;
    const turn = this.#slot(coldest);
    for (let tier = 0; tier < views.length; tier++) {
      const slots = this.#tiers[tier];
      const { bins } = views[tier];
      views[tier].minLog2 = coldest - now;
      for (let i = 0; i < histogramBins; i++) bins[i] = slots[(turn + i) & (histogramBins - 1)];
    }
  }

  #perBytes(bytes: number): number {
    if (bytes !== this.#lastBytes) {
      this.#lastBytes = bytes;
      this.#lastPerBytes = densityLog2(0, bytes);
    }
    return this.#lastPerBytes;
  }

  #slot(bin: number): number {
    return bin & (histogramBins - 1);
  }

  #binOf(density: number): number {
    const bin = Math.floor(density);
    const coldest = this.#hottest - histogramBins + 1;
    if (!(bin > coldest)) return coldest; // -Infinity and NaN too
    if (bin > this.#hottest) this.#advance(bin);
    return bin;
  }

  #advance(hottest: number): void {
    const steps = Math.min(hottest - this.#hottest, histogramBins);
    const oldColdest = this.#hottest - histogramBins + 1;
    const newColdest = hottest - histogramBins + 1;
    for (const bins of this.#tiers) {
      let merged = 0;
      for (let i = 0; i < steps; i++) {
        const slot = this.#slot(oldColdest + i);
        merged += bins[slot];
        bins[slot] = 0;
      }
      bins[this.#slot(newColdest)] += merged;
    }
    this.#hottest = hottest;
  }
}
