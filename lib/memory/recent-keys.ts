/**
 * The string keys looked up often, in two JavaScript Maps of bounded size.
 *
 * V8 keeps a string's hash in the string, where only its own Map can use it; hashing and comparing a key
 * character by character costs more than all the rest of a lookup. So what is looked up often is answered by
 * a Map, and the off-heap index holds everything.
 */

/**
 * Entries of the younger Map before it becomes the older one. Both together hold at most 2^19 keys, about 15 MB and
 * the strings themselves.
 */
const generationSize = 262_144;

/** Once full, one lookup in this many is remembered: what is looked up often gets in all the same. */
const sampling = 8;

/** A cache from key to id. The caller deletes what it removes, so an entry is never stale. */
export class RecentKeys {
  #young: Map<string, number> = new Map();
  #old: Map<string, number> = new Map();
  #ticks = 0;

  /** The id under a remembered key. */
  get(key: string): number | undefined {
    const id = this.#young.get(key);
    if (id !== undefined) return id;
    const older = this.#old.get(key);
    if (older !== undefined) this.offer(key, older);
    return older;
  }

  /** A key was looked up that the younger Map does not have. */
  offer(key: string, id: number): void {
    if (this.#old.size > 0 && ++this.#ticks % sampling !== 0) return;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, id);
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
