/** How fast the access clock runs against time, so that heat can be told in accesses per second. */

/** A past interval counts half after so many later ones. */
const halfLifeIntervals = 8;

/** Smoothed over the last rounds. Only what people read depends on it; no decision does. */
export class AccessPace {
  #accesses = 0;
  #ns = 0;
  #lastClock = 0;
  #lastNs: number;

  constructor(nowNs: number) {
    this.#lastNs = nowNs;
  }

  /** A round at `accessClock`. */
  observe(accessClock: number, nowNs: number): void {
    const kept = 2 ** (-1 / halfLifeIntervals);
    this.#accesses = this.#accesses * kept + accessClock - this.#lastClock;
    this.#ns = this.#ns * kept + nowNs - this.#lastNs;
    this.#lastClock = accessClock;
    this.#lastNs = nowNs;
  }

  /** Tracked accesses per second as of now; undefined when no time has passed or nothing was accessed. */
  perSecond(accessClock: number, nowNs: number): number | undefined {
    const accesses = this.#accesses + accessClock - this.#lastClock;
    const ns = this.#ns + nowNs - this.#lastNs;
    return accesses > 0 && ns > 0 ? (accesses / ns) * 1e9 : undefined;
  }
}
