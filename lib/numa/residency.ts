/** Where a thread was when it was looked at: shares by node, from samples. */

/** Samples of one thread. A thread that is not pinned moves between nodes; a single look says little. */
export class ResidencySampler {
  readonly #currentNode: () => number;
  readonly #samples: Map<number, number> = new Map();
  #total = 0;

  /** `currentNode`: asks where the calling thread is. */
  constructor(currentNode: () => number) {
    this.#currentNode = currentNode;
  }

  /** Looks once and returns the node. About 0.1 µs. */
  sample(): number {
    const node = this.#currentNode();
    this.#samples.set(node, (this.#samples.get(node) ?? 0) + 1);
    this.#total += 1;
    return node;
  }

  /** Looks taken. */
  get total(): number {
    return this.#total;
  }

  /** Share of the looks by node, most first. */
  shares(): { readonly node: number; readonly share: number }[] {
    return [...this.#samples]
      .map(([node, count]) => ({ node, share: count / this.#total }))
      .sort((a, b) => b.share - a.share || a.node - b.node);
  }

  /** The node it was on most, of its looks so far; undefined before the first. */
  get mostly(): number | undefined {
    return this.shares()[0]?.node;
  }

  /** Forgets all samples. */
  reset(): void {
    this.#samples.clear();
    this.#total = 0;
  }
}
