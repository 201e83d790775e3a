/** A growing list of unit numbers, in which a removed one is replaced by the last. */

/** Numbers below 2^32; `units` is valid until the next `push`. */
export class UnitList {
  units: Uint32Array = new Uint32Array(1024);
  length = 0;

  /** Returns the place of the new entry. */
  push(unit: number): number {
    if (this.length === this.units.length) {
      const wider = new Uint32Array(this.length * 2);
      wider.set(this.units);
      this.units = wider;
    }
    this.units[this.length] = unit;
    return this.length++;
  }

  /** Removes an entry and returns the unit that has its place now; -1 when it was the last. */
  removeAt(place: number): number {
    this.length--;
    if (place === this.length) return -1;
    const moved = this.units[this.length];
    this.units[place] = moved;
    return moved;
  }
}
