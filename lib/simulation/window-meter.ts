/** The course of a run in a bounded number of windows, however long it gets. */

/** Windows of nearly equal length; the last may be shorter. A column each. */
export interface Windows {
  /** Accesses a window has at least, the last one excepted. */
  readonly accesses: number;
  /** Accesses of each. */
  readonly counts: readonly number[];
  /** Average time of an access in each, moves charged. */
  readonly meanNs: readonly number[];
  /** What moves add to an access in each; part of `meanNs`. */
  readonly meanMoveNs: readonly number[];
}

/** When this many windows are full, two by two become one. */
const maxWindows = 1024;

/** Adds up accesses and moves. */
export class WindowMeter {
  readonly #ns = new Float64Array(maxWindows);
  readonly #moveNs = new Float64Array(maxWindows);
  readonly #accesses = new Float64Array(maxWindows);
  #size = 256;
  #at = 0;

  /** `count` accesses that took `ns` together. */
  add(ns: number, count: number): void {
    this.#ns[this.#at] += ns;
    this.#accesses[this.#at] += count;
    if (this.#accesses[this.#at] >= this.#size) this.#next();
  }

  /** Time of moves. It belongs to the accesses before it, also when they have just filled a window. */
  charge(ns: number): void {
    const at = this.#at > 0 && this.#accesses[this.#at] === 0 ? this.#at - 1 : this.#at;
    this.#ns[at] += ns;
    this.#moveNs[at] += ns;
  }

  windows(): Windows {
    const end = this.#accesses[this.#at] > 0 ? this.#at + 1 : this.#at;
    const counts = this.#accesses.subarray(0, end);
    return {
      accesses: this.#size,
      counts: Array.from(counts),
      meanNs: Array.from(counts, (count, i) => this.#ns[i] / count),
      meanMoveNs: Array.from(counts, (count, i) => this.#moveNs[i] / count),
    };
  }

  #next(): void {
    if (++this.#at < maxWindows) return;
    for (const column of [this.#ns, this.#moveNs, this.#accesses]) {
      for (let i = 0; i < maxWindows; i += 2) column[i / 2] = column[i] + column[i + 1];
      column.fill(0, maxWindows / 2);
    }
    this.#size *= 2;
    this.#at = maxWindows / 2;
  }
}
