/**
 * Positions that were accessed not long ago, or are expected to be: a hash table of fixed size in which the newest
 * displaces the oldest of four. No allocation; a look-up is at most four comparisons.
 */

const ways = 4;
const setBits = 8;
const entries = ways << setBits;

/** A note is a small integer of the owner's; {@link RecentPositions.note} and `at` are read by entry. */
export class RecentPositions {
  /** By entry: the owner's clock when it was last put. */
  readonly at: Float64Array = new Float64Array(entries);
  readonly note: Int16Array = new Int16Array(entries);
  readonly #position: Float64Array = new Float64Array(entries).fill(Number.NaN);

  /** The entry of a position; -1 when it is not, or no longer, known. */
  find(position: number): number {
    const first = this.#set(position);
    const positions = this.#position;
    for (let entry = first; entry < first + ways; entry++) {
      if (positions[entry] === position) return entry;
    }
    return -1;
  }

  /** Puts a position, or renews it. */
  put(position: number, at: number, note: number): void {
    const first = this.#set(position);
    const positions = this.#position;
    let entry = first;
    for (let other = first; other < first + ways; other++) {
      if (positions[other] === position) {
        entry = other;
        break;
      }
      if (this.at[other] < this.at[entry]) entry = other;
    }
    positions[entry] = position;
    this.at[entry] = at;
    this.note[entry] = note;
  }

  #set(position: number): number {
    const high = (position / 0x1_0000_0000) | 0;
    const hash = Math.imul((position ^ high) | 0, 0x9e37_79b1);
    return (hash >>> (32 - setBits)) * ways;
  }
}
