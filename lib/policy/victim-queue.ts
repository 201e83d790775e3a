/** The units of one tier, coldest first, sorted only as far as somebody asks. */

/** A heap over rows by score, whose consumption can be taken back. */
export class VictimQueue {
  readonly #score: Float64Array;
  readonly #heap: Uint32Array;
  readonly #popped: number[] = [];
  #size: number;
  /** How many have been consumed; set it back to undo. */
  position = 0;

  /** `rows` index into `score`; the queue keeps and reorders `rows`. O(rows). */
  constructor(rows: Uint32Array, score: Float64Array) {
    this.#heap = rows;
    this.#score = score;
    this.#size = rows.length;
    for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** The coldest row not consumed yet, or -1. O(log rows). */
  peek(): number {
    return this.#popAt(this.position);
  }

  /** The coldest row of the next `limit` that passes, or -1. O(limit log rows). */
  find(passes: (row: number) => boolean, limit: number): number {
    for (let at = this.position; at < this.position + limit; at++) {
      const row = this.#popAt(at);
      if (row < 0 || passes(row)) return row;
    }
    return -1;
  }

  /** The row at a position that is at most one behind those looked at so far. */
  #popAt(position: number): number {
    if (position < this.#popped.length) return this.#popped[position];
    if (this.#size === 0) return -1;
    const top = this.#heap[0];
    this.#heap[0] = this.#heap[--this.#size];
    this.#sink(0);
    this.#popped.push(top);
    return top;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#score[a] - this.#score[b];
    return difference < 0 || (!(difference > 0) && a < b);
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const row = heap[start];
    let i = start;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], row)) break;
      heap[i] = heap[child];
      i = child;
    }
    if (this.#size > 0) heap[i] = row;
  }
}
