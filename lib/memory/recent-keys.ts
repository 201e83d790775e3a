/**
 * The string keys looked up last, in two JavaScript Maps of bounded size.
 *
 * V8 keeps a string's hash in the string, where only its own Map can use it; hashing and comparing a key
 * character by character costs more than all the rest of a lookup. So what is looked up often is answered by
 * a Map small enough to stay in the CPU's caches, and the off-heap index holds everything.
 */

/** Entries of the younger Map before it becomes the older one. Both together keep at most 2^16 keys alive. */
const generationSize = 32_768;

/** A cache from key to id. The caller deletes what it removes, so an entry is never stale. */
export class RecentKeys {
  #young: Map<string, number> = new Map();
  #old: Map<string, number> = new Map();

  /** The id under a recent key. */
  get(key: string): number | undefined {
    const id = this.#young.get(key);
    if (id !== undefined) return id;
    const older = this.#old.get(key);
    if (older !== undefined) this.add(key, older);
    return older;
  }

  /** Remembers a key. */
  add(key: string, id: number): void {
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
