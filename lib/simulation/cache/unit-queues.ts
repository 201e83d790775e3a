/** Queues of units, as caches are made of. */

/** Any number of queues; a unit is in one of them or in none. O(1) an operation, 9 bytes a unit. */
export class UnitQueues {
  readonly #sizes: Float64Array;
  readonly #queue: Uint8Array;
  readonly #older: Uint32Array;
  readonly #newer: Uint32Array;
  readonly #used: Float64Array;

  /** `queues` empty queues; `sizes` by unit. */
  constructor(sizes: Float64Array, queues: number) {
    const units = sizes.length;
    this.#sizes = sizes;
    this.#queue = new Uint8Array(units).fill(queues);
    // Behind the units, the ends of each queue: a ring.
    this.#older = Uint32Array.from({ length: units + queues }, (_, at) => at);
    this.#newer = this.#older.slice();
    this.#used = new Float64Array(queues + 1);
  }

  /** Whether a unit is in that queue. */
  has(queue: number, unit: number): boolean {
    return this.#queue[unit] === queue;
  }

  /** Sizes of what is in a queue, summed up. */
  used(queue: number): number {
    return this.#used[queue];
  }

  /** The unit that came first; -1 from an empty queue. */
  oldest(queue: number): number {
    const unit = this.#newer[this.#sizes.length + queue];
    return unit < this.#sizes.length ? unit : -1;
  }

  /** The unit that came last; -1 from an empty queue. */
  newest(queue: number): number {
    const unit = this.#older[this.#sizes.length + queue];
    return unit < this.#sizes.length ? unit : -1;
  }

  /** From the one that came first on. The queue must not change meanwhile. */
  *units(queue: number): Generator<number, void> {
    const end = this.#sizes.length + queue;
    for (let unit = this.#newer[end]; unit !== end; unit = this.#newer[unit]) yield unit;
  }

  /** Puts a unit behind all others of a queue, wherever it was. */
  push(queue: number, unit: number): void {
    this.remove(unit);
    const end = this.#sizes.length + queue;
    const newest = this.#older[end];
    this.#older[unit] = newest;
    this.#newer[unit] = end;
    this.#newer[newest] = unit;
    this.#older[end] = unit;
    this.#queue[unit] = queue;
    this.#used[queue] += this.#sizes[unit];
  }

  /** Takes a unit out of the queue it is in, if it is in one. */
  remove(unit: number): void {
    const none = this.#used.length - 1;
    const queue = this.#queue[unit];
    if (queue === none) return;
    this.#newer[this.#older[unit]] = this.#newer[unit];
    this.#older[this.#newer[unit]] = this.#older[unit];
    this.#queue[unit] = none;
    this.#used[queue] -= this.#sizes[unit];
  }
}
