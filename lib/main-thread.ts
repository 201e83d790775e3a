/** What a memory does to the thread it lives on: the event loop as a whole, and our own share of it. */

import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { SliceClock, type SliceTimes } from './slices.ts';

/** Result of `MainThread.stats`. */
export interface MainThreadStats {
  /** The event loop since the memory was opened, whoever kept it busy. */
  readonly eventLoop: {
    readonly idleMs: number;
    readonly activeMs: number;
    /** Active over both, 0..1. */
    readonly utilization: number;
  };
  /**
   * Every uninterrupted piece of our own background work: planning and moving, evacuation, `verify`, `checkpoint`,
   * `restore`, `flush` and bringing strays home. What the program's own calls take is not in it.
   */
  readonly stalls: SliceTimes;
}

/** Keeps the books of one memory. */
export class MainThread {
  readonly sliceClock: SliceClock;
  readonly #atOpen: EventLoopUtilization = performance.eventLoopUtilization();

  /** `budgetUs`: what a slice may take, in microseconds. */
  constructor(budgetUs: number) {
    this.sliceClock = new SliceClock(budgetUs * 1000);
  }

  stats(): MainThreadStats {
    const { idle, active, utilization } = performance.eventLoopUtilization(this.#atOpen);
    return {
      eventLoop: { idleMs: idle, activeMs: active, utilization },
      stalls: this.sliceClock.times(),
    };
  }
}
