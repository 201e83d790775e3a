/**
 * How long a moved unit stays put. A unit that is sent back soon after it came (ping-pong) has to stay twice as long
 * each time, up to 64 times; the penalty halves with every half-life it behaves.
 *
 * Sparse: only units moved not long ago have an entry. Time is the access clock. Every plan asks for all units it
 * considers, so entries are columns behind a hash table: an object each would be a cache miss each.
 */

/**
 * A reverse move within this many dwell times counts as undoing the first. Within one it cannot happen; after two the
 * first has had time to pay for itself.
 */
const reversalWindow = 2;
/** Dwell doubles at most this often: 2 ** 6 = 64. */
const maxLevel = 6;
/** Entries there is room for at first. */
const minRoom = 64;
const none = -1;

function hash(unit: number): number {
  const x = Math.imul((unit | 0) ^ Math.floor(unit / 2 ** 32), 0x9e3779b1);
  return x ^ (x >>> 15);
}

/** Dwell of recently moved units. */
export class DwellTable {
  readonly #maxEntries: number;
  #size = 0;
  /** By hash, the first entry of a chain. */
  #heads: Int32Array = new Int32Array(0);
  /** The next entry of the chain, or of the unused ones. */
  #next: Int32Array = new Int32Array(0);
  #unit: Float64Array = new Float64Array(0);
  #movedAt: Float64Array = new Float64Array(0);
  #until: Float64Array = new Float64Array(0);
  /** Until when a reverse move is ping-pong, and the entry is worth keeping. */
  #watchedUntil: Float64Array = new Float64Array(0);
  /** Of the last move between tiers: down is 1, up -1; 0 when there was none. */
  #direction: Int8Array = new Int8Array(0);
  /** 1 when the last move was between nodes of a tier. */
  #stayedInTier: Uint8Array = new Uint8Array(0);
  #level: Uint8Array = new Uint8Array(0);
  /** Entries by the time of their last move. */
  #older: Int32Array = new Int32Array(0);
  #newer: Int32Array = new Int32Array(0);
  #oldest: number = none;
  #newest: number = none;
  #unused: number = none;

  /** Keeps at most `maxEntries` units; the ones moved longest ago are forgotten first. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
    this.#widen();
  }

  get size(): number {
    return this.#size;
  }

  /** Access clock before which the unit should stay; 0 when it is free. */
  until(unit: number): number {
    const entry = this.#find(unit);
    return entry === none ? 0 : this.#until[entry];
  }

  /** {@link until} of the first `length` units, written to `out`. O(length). */
  untilOf(units: Float64Array, length: number, out: Float64Array): void {
    if (this.#size === 0) {
      out.fill(0, 0, length);
      return;
    }
    const heads = this.#heads;
    const next = this.#next;
    const known = this.#unit;
    const until = this.#until;
    const mask = heads.length - 1;
    for (let row = 0; row < length; row++) {
      const unit = units[row];
      let entry = heads[hash(unit) & mask];
      while (entry !== none && known[entry] !== unit) entry = next[entry];
      out[row] = entry === none ? 0 : until[entry];
    }
  }

  /**
   * Notes a move at `clock`; the unit stays for `dwellAccesses` times its penalty, which fades by one halving per
   * `fadeAccesses`. Returns whether this move undid an earlier one.
   */
  moved(
    unit: number,
    from: number,
    to: number,
    clock: number,
    dwellAccesses: number,
    fadeAccesses: number,
  ): boolean {
    const direction = Math.sign(to - from);
    let level = 0;
    let undone = false;
    let entry = this.#find(unit);
    if (entry === none) {
      entry = this.#insert(unit);
      this.#direction[entry] = 0;
    } else {
      const since = clock - this.#movedAt[entry];
      const faded = fadeAccesses > 0 ? Math.floor(since / fadeAccesses) : 0;
      level = Math.max(0, this.#level[entry] - faded);
      // Back across the boundary it came over: up after down, or down after up. Or to another node once more, which
      // counts as back whichever node it is.
      const isBack =
        direction === 0 ? this.#stayedInTier[entry] === 1 : this.#direction[entry] === -direction;
      undone = clock <= this.#watchedUntil[entry] && isBack;
      if (undone) level = Math.min(maxLevel, level + 1);
      this.#unlink(entry);
    }
    const stay = dwellAccesses * 2 ** level;
    if (direction !== 0) this.#direction[entry] = direction;
    this.#stayedInTier[entry] = direction === 0 ? 1 : 0;
    this.#movedAt[entry] = clock;
    this.#until[entry] = clock + stay;
    this.#watchedUntil[entry] = clock + reversalWindow * stay;
    this.#level[entry] = level;
    this.#link(entry);
    if (this.#size > this.#maxEntries) this.#remove(this.#oldest);
    return undone;
  }

  /** Forgets units whose watch is over, looking at no more than `maxLooked` of the oldest. */
  prune(clock: number, maxLooked: number): void {
    let entry = this.#oldest;
    for (let looked = 0; looked < maxLooked && entry !== none; looked++) {
      const newer = this.#newer[entry];
      if (clock > this.#watchedUntil[entry]) this.#remove(entry);
      else if (this.#level[entry] === 0) break; // those behind it were moved later
      entry = newer;
    }
  }

  #find(unit: number): number {
    let entry = this.#heads[hash(unit) & (this.#heads.length - 1)];
    while (entry !== none && this.#unit[entry] !== unit) entry = this.#next[entry];
    return entry;
  }

  /** An entry for a unit that has none; the caller fills and links it. */
  #insert(unit: number): number {
    if (this.#unused === none) this.#widen();
    const entry = this.#unused;
    this.#unused = this.#next[entry];
    this.#unit[entry] = unit;
    this.#chain(entry);
    this.#size++;
    return entry;
  }

  #chain(entry: number): void {
    const slot = hash(this.#unit[entry]) & (this.#heads.length - 1);
    this.#next[entry] = this.#heads[slot];
    this.#heads[slot] = entry;
  }

  #remove(entry: number): void {
    this.#unlink(entry);
    const slot = hash(this.#unit[entry]) & (this.#heads.length - 1);
    if (this.#heads[slot] === entry) this.#heads[slot] = this.#next[entry];
    else {
      let before = this.#heads[slot];
      while (this.#next[before] !== entry) before = this.#next[before];
      this.#next[before] = this.#next[entry];
    }
    this.#next[entry] = this.#unused;
    this.#unused = entry;
    this.#size--;
  }

  /** Puts an entry at the end of those ordered by time. */
  #link(entry: number): void {
    this.#older[entry] = this.#newest;
    this.#newer[entry] = none;
    if (this.#newest === none) this.#oldest = entry;
    else this.#newer[this.#newest] = entry;
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const older = this.#older[entry];
    const newer = this.#newer[entry];
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
  }

  /** Doubles the room; nothing is unused before. */
  #widen(): void {
    const before = this.#next.length;
    const room = Math.max(minRoom, 2 * before);
    this.#next = copied(this.#next, new Int32Array(room));
    this.#unit = copied(this.#unit, new Float64Array(room));
    this.#movedAt = copied(this.#movedAt, new Float64Array(room));
    this.#until = copied(this.#until, new Float64Array(room));
    this.#watchedUntil = copied(this.#watchedUntil, new Float64Array(room));
    this.#direction = copied(this.#direction, new Int8Array(room));
    this.#stayedInTier = copied(this.#stayedInTier, new Uint8Array(room));
    this.#level = copied(this.#level, new Uint8Array(room));
    this.#older = copied(this.#older, new Int32Array(room));
    this.#newer = copied(this.#newer, new Int32Array(room));
    this.#heads = new Int32Array(2 * room).fill(none);
    for (let entry = 0; entry < before; entry++) this.#chain(entry);
    for (let entry = room - 1; entry >= before; entry--) {
      this.#next[entry] = this.#unused;
      this.#unused = entry;
    }
  }
}

function copied<A extends Float64Array | Int32Array | Int8Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
