/** Units in the order of their last use. */

/** A ring of links; every operation takes the same time, however many units there are. 8 bytes a unit. */
export class RecencyList {
  /** Follows the newest unit and precedes the oldest. */
  readonly #head: number;
  readonly #older: Uint32Array;
  readonly #newer: Uint32Array;

  /** Of units below `units`; none is listed yet. */
  constructor(units: number) {
    this.#head = units;
    // A unit that is not listed is a ring of its own.
    this.#older = Uint32Array.from({ length: units + 1 }, (_, unit) => unit);
    this.#newer = this.#older.slice();
  }

  /** Makes a unit the newest, listed before or not. */
  touch(unit: number): void {
    this.remove(unit);
    const newest = this.#older[this.#head];
    this.#older[unit] = newest;
    this.#newer[unit] = this.#head;
    this.#newer[newest] = unit;
    this.#older[this.#head] = unit;
  }

  /** Takes a unit off the list, if it is on it. */
  remove(unit: number): void {
    this.#newer[this.#older[unit]] = this.#newer[unit];
    this.#older[this.#newer[unit]] = this.#older[unit];
    this.#older[unit] = this.#newer[unit] = unit;
  }

  /** The unit used longest ago; -1 when none is listed. */
  get oldest(): number {
    const unit = this.#newer[this.#head];
    return unit === this.#head ? -1 : unit;
  }

  /** From the newest to the oldest. The list must not change meanwhile. */
  *newestFirst(): Generator<number, void> {
    for (let unit = this.#older[this.#head]; unit !== this.#head; unit = this.#older[unit]) {
      yield unit;
    }
  }
}
