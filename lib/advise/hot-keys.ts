/**
 * The keys used most, in one pass and bounded memory (Misra and Gries 1982). Whether a sample happens to hold one of
 * them would decide its result; so all of them are followed, and the sample stands for the others.
 */

/** Counts keys approximately: none with more than 1/`slots` of the uses is missed. */
export class HotKeys {
  readonly #slots: number;
  readonly #counts = new Map<number, number>();

  /** @param slots - keys counted at a time; about 60 bytes each */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Notes a use. */
  add(key: number): void {
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count + 1);
    else if (this.#counts.size < this.#slots) this.#counts.set(key, 1);
    else this.#forget();
  }

  /** The `most` hottest of the keys still counted. */
  hottest(most: number): Set<number> {
    const ranked = [...this.#counts].sort(([a, n], [b, m]) => m - n || a - b);
    return new Set(ranked.slice(0, most).map(([key]) => key));
  }

  /** Takes one use from every key: as often as there were uses to take, so O(1) a use. */
  #forget(): void {
    for (const [key, count] of this.#counts) {
      if (count === 1) this.#counts.delete(key);
      else this.#counts.set(key, count - 1);
    }
  }
}
