/**
 * Keeps our share of the main thread short and known: work is cut into slices with the event loop in between, and
 * every slice is timed. A slice is a stretch in which nobody else could run.
 */

import { createHistogram, type Histogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Slices longer than the one bound, in microseconds, and not longer than the next. The last has no end. */
const bucketsOverUs = [0, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

/** Slices of about one length. */
export interface SliceBucket {
  /** They took longer than this, and not longer than the `overUs` of the next bucket, if there is one. */
  readonly overUs: number;
  readonly count: number;
}

/** How long things took. Times in nanoseconds; 0 when there was none. */
export interface DurationQuantiles {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** Of a histogram of nanoseconds. */
export function durationQuantiles(histogram: Histogram): DurationQuantiles {
  const { count, max } = histogram;
  // An empty histogram answers with the largest and smallest number there is.
  if (count === 0) return { count, p50Ns: 0, p99Ns: 0, maxNs: 0 };
  return {
    count,
    p50Ns: histogram.percentile(50),
    p99Ns: histogram.percentile(99),
    maxNs: max,
  };
}

/** How long the slices took. */
export interface SliceTimes extends DurationQuantiles {
  readonly budgetNs: number;
  /** Slices that took longer than the budget. Work ends between two steps, and some steps are long: a plan, a move. */
  readonly overBudget: number;
  /** From 0 to 10 ms and more: bounds of 0, 50, 100, 200, 500 us and 1, 2, 5, 10 ms. */
  readonly buckets: readonly SliceBucket[];
}

/** The times of all slices of one memory, whoever works in them. */
export class SliceClock {
  readonly budgetNs: number;
  /** Monotonic nanoseconds. */
  readonly nowNs: () => number;
  readonly #times: RecordableHistogram = createHistogram();
  readonly #buckets: number[] = bucketsOverUs.map(() => 0);
  #overBudget = 0;

  /** `budgetNs` is positive. By the clock of `performance.now` unless told otherwise. */
  constructor(budgetNs: number, nowNs: () => number = () => performance.now() * 1e6) {
    this.budgetNs = budgetNs;
    this.nowNs = nowNs;
  }

  /** Notes a slice. */
  record(ns: number): void {
    this.#times.record(Math.max(1, Math.round(ns)));
    if (ns > this.budgetNs) this.#overBudget++;
    let at = bucketsOverUs.length - 1;
    while (at > 0 && ns <= bucketsOverUs[at] * 1000) at--;
    this.#buckets[at]++;
  }

  times(): SliceTimes {
    return {
      ...durationQuantiles(this.#times),
      budgetNs: this.budgetNs,
      overBudget: this.#overBudget,
      buckets: bucketsOverUs.map((overUs, at) => ({ overUs, count: this.#buckets[at] })),
    };
  }
}

/** The slices of one piece of work. Several can be under way at a time, each with its own. */
export class Slices {
  readonly #clock: SliceClock;
  #startNs = 0;

  constructor(clock: SliceClock) {
    this.#clock = clock;
  }

  /** A slice begins: the thread is ours. */
  begin(): void {
    this.#startNs = this.#clock.nowNs();
  }

  /** Whether the slice has used its budget. */
  get spent(): boolean {
    return this.#clock.nowNs() - this.#startNs >= this.#clock.budgetNs;
  }

  /** The slice ends: the thread goes to somebody else. */
  end(): void {
    this.#clock.record(this.#clock.nowNs() - this.#startNs);
  }

  /** Ends the slice, lets the event loop turn once, begins the next one. */
  async yield(): Promise<void> {
    this.end();
    await nextTurn();
    this.begin();
  }

  /** Ends the slice while something else is under way, and begins the next one when that is done. */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.end();
    try {
      return await work;
    } finally {
      this.begin();
    }
  }

  /** Runs work as slices: one begins before it, and one ends after it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  /** Runs work to its end, a step at a time, in slices; `false` when an aborted signal ended it early. */
  async drive(work: Iterator<unknown>, signal?: AbortSignal): Promise<boolean> {
    this.begin();
    try {
      while (signal?.aborted !== true) {
        if (work.next().done === true) return true;
        if (this.spent) await this.yield();
      }
      return false;
    } finally {
      this.end();
    }
  }
}
