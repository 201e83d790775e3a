/**
 * LRU stack distances (Mattson 1970) in O(log units) an access: how many units, and how many bytes, were used since
 * a unit was used last. An LRU store serves an access exactly if it has room for its distance.
 *
 * Units stand in a line in order of their last use; two Fenwick trees over the line sum units and bytes behind one.
 * The line is renumbered when it is used up, so that memory (about 90 bytes a unit) grows with the units only.
 */

const none = -1;
const firstSlots = 1024;

/** Distances of units numbered 0, 1, 2… */
export class StackDistances {
  /** Sum of the counts of the units used since the last use of the unit, itself included; of the last {@link access}. */
  units = 0;
  /** Their bytes; sums below 2^53 are exact. */
  bytes = 0;
  /** Slot of each unit. */
  #slotOf: Int32Array = new Int32Array(firstSlots).fill(none);
  #bytesOf: Float64Array = new Float64Array(firstSlots);
  #countOf: Float64Array = new Float64Array(firstSlots);
  /** Unit in each slot of the line, most recent last. */
  #unitAt: Int32Array = new Int32Array(firstSlots).fill(none);
  /** Fenwick trees, from index 1. */
  #unitTree: Float64Array = new Float64Array(firstSlots + 1);
  #byteTree: Float64Array = new Float64Array(firstSlots + 1);
  #next = 0;
  /** Units in the line, by number and by their counts. */
  #live = 0;
  #liveUnits = 0;
  #liveBytes = 0;

  /**
   * Uses a unit. False: for the first time, and it has no distance; true: `units` and `bytes` are its distance.
   *
   * @param bytes - of the unit, the same each time
   * @param count - units that it stands for, the same each time
   */
  access(unit: number, bytes: number, count = 1): boolean {
    if (unit >= this.#slotOf.length) this.#widen(unit);
    if (this.#next === this.#unitAt.length) this.#renumber();
    const slot = this.#slotOf[unit];
    const known = slot !== none;
    if (known) {
      this.#measure(slot);
      this.#add(slot, -count, -bytes);
      this.#unitAt[slot] = none;
    } else {
      this.#bytesOf[unit] = bytes;
      this.#countOf[unit] = count;
      this.#live++;
      this.#liveUnits += count;
      this.#liveBytes += bytes;
    }
    this.#slotOf[unit] = this.#next;
    this.#unitAt[this.#next] = unit;
    this.#add(this.#next++, count, bytes);
    return known;
  }

  /** Distance of what stands in a slot: everything less what stands before it. */
  #measure(slot: number): void {
    let units = this.#liveUnits;
    let bytes = this.#liveBytes;
    for (let i = slot; i > 0; i &= i - 1) {
      units -= this.#unitTree[i];
      bytes -= this.#byteTree[i];
    }
    this.units = units;
    this.bytes = bytes;
  }

  #add(slot: number, units: number, bytes: number): void {
    const end = this.#unitTree.length;
    for (let i = slot + 1; i < end; i += i & -i) {
      this.#unitTree[i] += units;
      this.#byteTree[i] += bytes;
    }
  }

  /** Closes the gaps of the line; a line that is mostly full gets twice the slots. O(slots). */
  #renumber(): void {
    const from = this.#unitAt;
    const slots = this.#live * 2 > from.length ? from.length * 2 : from.length;
    const to = new Int32Array(slots).fill(none);
    const unitTree = new Float64Array(slots + 1);
    const byteTree = new Float64Array(slots + 1);
    let next = 0;
    for (const unit of from) {
      if (unit === none) continue;
      to[next] = unit;
      this.#slotOf[unit] = next++;
      unitTree[next] = this.#countOf[unit];
      byteTree[next] = this.#bytesOf[unit];
    }
    // A Fenwick tree in linear time: every node hands its sum to its parent.
    for (let i = 1; i <= slots; i++) {
      const parent = i + (i & -i);
      if (parent > slots) continue;
      unitTree[parent] += unitTree[i];
      byteTree[parent] += byteTree[i];
    }
    this.#unitAt = to;
    this.#unitTree = unitTree;
    this.#byteTree = byteTree;
    this.#next = next;
  }

  #widen(unit: number): void {
    const size = Math.max(unit + 1, this.#slotOf.length * 2);
    const slots = new Int32Array(size).fill(none);
    slots.set(this.#slotOf);
    const bytes = new Float64Array(size);
    bytes.set(this.#bytesOf);
    const counts = new Float64Array(size);
    counts.set(this.#countOf);
    this.#slotOf = slots;
    this.#bytesOf = bytes;
    this.#countOf = counts;
  }
}
