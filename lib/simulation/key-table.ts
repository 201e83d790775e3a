/**
 * Numbers the distinct keys of a trace 0, 1, 2… in order of first appearance.
 *
 * Open addressing over typed arrays: 24 bytes a key at worst, where a `Map` takes about 50 and stops at
 * 2^24 entries.
 */

const empty = -1;

function hash(key: number): number {
  let x = (key | 0) ^ Math.imul(Math.floor(key / 2 ** 32), 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** A set of integers in [0, 2^53) that knows the rank of each. */
export class KeyTable {
  #slots: Int32Array = new Int32Array(1024).fill(empty);
  #keys: Float64Array = new Float64Array(512);
  #size = 0;

  /** Distinct keys added. */
  get size(): number {
    return this.#size;
  }

  /** The key that was added as number `index`. */
  keyAt(index: number): number {
    return this.#keys[index];
  }

  /** Number of `key`; a key not seen before gets the next one, `size` before the call. */
  add(key: number): number {
    const slot = this.#find(key);
    const found = this.#slots[slot];
    if (found !== empty) return found;
    if (this.#size === this.#keys.length) {
      this.#grow();
      return this.add(key);
    }
    const index = this.#size++;
    this.#keys[index] = key;
    this.#slots[slot] = index;
    return index;
  }

  /** Number of `key`, or -1. */
  indexOf(key: number): number {
    return this.#slots[this.#find(key)];
  }

  #find(key: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(key) & mask;
    for (;;) {
      const index = this.#slots[slot];
      if (index === empty || this.#keys[index] === key) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    this.#slots = new Int32Array(keys.length * 2).fill(empty);
    for (let i = 0; i < this.#size; i++) this.#slots[this.#find(keys[i])] = i;
  }
}
