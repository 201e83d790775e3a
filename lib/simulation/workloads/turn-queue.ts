/** What happens when: a binary heap of slots by time. */

/** Takes out slots earliest first; of equal times in an order that depends on nothing but the calls. */
export class TurnQueue {
  readonly #times: number[] = [];
  readonly #slots: number[] = [];

  get length(): number {
    return this.#times.length;
  }

  /** Time of the next slot; the queue must not be empty. */
  get nextTime(): number {
    return this.#times[0];
  }

  add(time: number, slot: number): void {
    let at = this.#times.length;
    this.#times.push(time);
    this.#slots.push(slot);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#times[parent] <= time) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Removes the earliest slot and returns it; the queue must not be empty. */
  take(): number {
    const slot = this.#slots[0];
    this.#swap(0, this.#times.length - 1);
    this.#times.pop();
    this.#slots.pop();
    const { length } = this.#times;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < length && this.#times[child] < this.#times[least]) least = child;
      }
      if (least === at) return slot;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#times[a], this.#times[b]] = [this.#times[b], this.#times[a]];
    [this.#slots[a], this.#slots[b]] = [this.#slots[b], this.#slots[a]];
  }
}
