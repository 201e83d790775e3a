/** Row numbers of which the latest is wanted. */

/** A binary heap over numbers below 2^32. */
export class RowHeap {
  #rows: Uint32Array = new Uint32Array(1024);
  #length = 0;

  push(row: number): void {
    if (this.#length === this.#rows.length) {
      const wider = new Uint32Array(this.#length * 2);
      wider.set(this.#rows);
      this.#rows = wider;
    }
    let at = this.#length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#rows[parent] >= row) break;
      this.#rows[at] = this.#rows[parent];
      at = parent;
    }
    this.#rows[at] = row;
  }

  /** Takes the highest number out; there is one. */
  popLatest(): number {
    const rows = this.#rows;
    const latest = rows[0];
    const row = rows[--this.#length];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#length) break;
      if (child + 1 < this.#length && rows[child + 1] > rows[child]) child++;
      if (rows[child] <= row) break;
      rows[at] = rows[child];
      at = child;
    }
    rows[at] = row;
    return latest;
  }
}
