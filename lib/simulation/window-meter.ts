/** The course of a run in a bounded number of windows, however long it gets. */

/** Windows of equal length; the last may be shorter. */
export interface Windows {
  /** Accesses a window. */
  readonly accesses: number;
  /** Average time of an access in each, moves charged. */
  readonly meanNs: readonly number[];
}

/** When this many windows are full, two by two become one. */
const maxWindows = 1024;

/** Adds up accesses and moves. */
export class WindowMeter {
  readonly #ns = new Float64Array(maxWindows);
  readonly #accesses = new Float64Array(maxWindows);
  #size = 256;
  #at = 0;

  /** `count` accesses that took `ns` together. */
  add(ns: number, count: number): void {
    this.#ns[this.#at] += ns;
    this.#accesses[this.#at] += count;
    if (this.#accesses[this.#at] >= this.#size) this.#next();
  }

  /** Time that is nobody's access. */
  charge(ns: number): void {
    this.#ns[this.#at] += ns;
  }

  windows(): Windows {
    const end = this.#accesses[this.#at] > 0 ? this.#at + 1 : this.#at;
    return {
      accesses: this.#size,
      meanNs: Array.from(this.#ns.subarray(0, end), (ns, i) => ns / this.#accesses[i]),
    };
  }

  #next(): void {
    if (++this.#at < maxWindows) return;
    for (const column of [this.#ns, this.#accesses]) {
      for (let i = 0; i < maxWindows; i += 2) column[i / 2] = column[i] + column[i + 1];
      column.fill(0, maxWindows / 2);
    }
    this.#size *= 2;
    this.#at = maxWindows / 2;
  }
}
