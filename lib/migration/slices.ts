/** Keeps migration's share of the main thread short: work is cut into slices with the event loop in between. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Times in nanoseconds. */
export interface SliceTimes {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** Measures slices and says when one is over. */
export class Slices {
  readonly #budgetNs: number;
  readonly #nowNs: () => number;
  readonly #times: RecordableHistogram = createHistogram();
  #startNs = 0;

  constructor(budgetNs: number, nowNs: () => number) {
    this.#budgetNs = budgetNs;
    this.#nowNs = nowNs;
  }

  /** A slice begins: the thread is ours. */
  begin(): void {
    this.#startNs = this.#nowNs();
  }

  /** Whether the slice has used its budget. */
  get spent(): boolean {
    return this.#nowNs() - this.#startNs >= this.#budgetNs;
  }

  /** The slice ends: the thread goes to somebody else. */
  end(): void {
    this.#times.record(Math.max(1, Math.round(this.#nowNs() - this.#startNs)));
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

  times(): SliceTimes {
    const { count, max } = this.#times;
    if (count === 0) return { count: 0, p50Ns: 0, p99Ns: 0, maxNs: 0 };
    return {
      count,
      p50Ns: this.#times.percentile(50),
      p99Ns: this.#times.percentile(99),
      maxNs: max,
    };
  }
}
