/** From which nodes units are used: decayed access counts, a few numbers a unit. */

/**
 * Accesses that everybody is taken to have made before any were seen. A unit that two nodes use evenly is used twice as
 * much by one of them now and then, as long as its uses are few.
 */
const priorAccesses = 8;
/** Heat may count for ever; where a unit is used may not, or nothing would follow a thread that went elsewhere. */
const maxHalfLifeAccesses = 2 ** 20;

/** Counts of units numbered from 0, by node. */
export class NodeCounts {
  readonly #nodes: number;
  /** `unit * nodes + node`, as of `#clock`. */
  readonly #counts: number[] = [];
  readonly #clock: number[] = [];

  constructor(nodes: number) {
    this.#nodes = nodes;
  }

  /** `accesses` of a unit from a node, at `clock` on the access clock; what is older by a half-life counts half. */
  add(unit: number, node: number, accesses: number, clock: number, halfLifeAccesses: number): void {
    const counts = this.#counts;
    while (this.#clock.length <= unit) {
      this.#clock.push(clock);
      for (let i = 0; i < this.#nodes; i++) counts.push(0);
    }
    const at = unit * this.#nodes;
    const halfLife = Math.min(halfLifeAccesses, maxHalfLifeAccesses);
    const kept = 2 ** ((this.#clock[unit] - clock) / halfLife);
    if (kept < 1) for (let i = at; i < at + this.#nodes; i++) counts[i] *= kept;
    this.#clock[unit] = clock;
    counts[at + node] += accesses;
  }

  /** Share of a unit's accesses that come from a node, 0..1; 0 for a unit nobody was seen to use. */
  share(unit: number, node: number): number {
    const at = unit * this.#nodes;
    if (at >= this.#counts.length) return 0;
    let total = 0;
    for (let i = at; i < at + this.#nodes; i++) total += this.#counts[i];
    if (total === 0) return 0;
    return (this.#counts[at + node] + priorAccesses / this.#nodes) / (total + priorAccesses);
  }
}
