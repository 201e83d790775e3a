/**
 * How long a moved unit stays put. A unit that is sent back soon after it came (ping-pong) has to stay twice as long
 * each time, up to 64 times; the penalty halves with every half-life it behaves.
 *
 * Sparse: only units moved not long ago have an entry. Time is the access clock.
 */

/**
 * A reverse move within this many dwell times counts as undoing the first. Within one it cannot happen; after two the
 * first has had time to pay for itself.
 */
const reversalWindow = 2;
/** Dwell doubles at most this often: 2 ** 6 = 64. */
const maxLevel = 6;

interface Entry {
  readonly from: number;
  readonly to: number;
  readonly movedAt: number;
  readonly until: number;
  /** Until when a reverse move is ping-pong, and the entry is worth keeping. */
  readonly watchedUntil: number;
  readonly level: number;
}

/** Dwell of recently moved units. */
export class DwellTable {
  readonly #entries = new Map<number, Entry>();
  readonly #maxEntries: number;

  /** Keeps at most `maxEntries` units; the ones moved longest ago are forgotten first. */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Access clock before which the unit should stay; 0 when it is free. */
  until(unit: number): number {
    return this.#entries.get(unit)?.until ?? 0;
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
    const last = this.#entries.get(unit);
    let level = 0;
    let undone = false;
    if (last !== undefined) {
      const faded = fadeAccesses > 0 ? Math.floor((clock - last.movedAt) / fadeAccesses) : 0;
      level = Math.max(0, last.level - faded);
      // Back across the boundary it came over: up after down, or down after up.
      undone =
        clock <= last.watchedUntil && Math.sign(last.to - last.from) === -Math.sign(to - from);
      if (undone) level = Math.min(maxLevel, level + 1);
    }
    const stay = dwellAccesses * 2 ** level;
    // Deleted first, so that the map stays ordered by the time of the last move.
    this.#entries.delete(unit);
    this.#entries.set(unit, {
      from,
      to,
      movedAt: clock,
      until: clock + stay,
      watchedUntil: clock + reversalWindow * stay,
      level,
    });
    if (this.#entries.size > this.#maxEntries) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return undone;
  }

  /** Forgets units whose watch is over, looking at no more than `maxLooked` of the oldest. */
  prune(clock: number, maxLooked: number): void {
    let looked = 0;
    for (const [unit, entry] of this.#entries) {
      if (looked++ >= maxLooked) break;
      if (clock > entry.watchedUntil) this.#entries.delete(unit);
      else if (entry.level === 0) break; // those behind it were moved later
    }
  }
}
