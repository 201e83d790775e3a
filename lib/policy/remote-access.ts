/** What it costs that a unit's memory is not where its users are. */

import type { NodeStates, Snapshot } from './policy.ts';

/** Rows of a snapshot whose place and users are known by node. */
export interface PlacedUnits {
  readonly snapshot: Snapshot;
  readonly nodes: NodeStates;
  readonly node: Uint8Array;
  readonly uses: readonly Float32Array[];
}

/** A user that makes at least this share of the accesses keeps the unit next to it, whatever the distances of others. */
const settledShare = 2 / 3;

/** Distances of one plan, a tier each. */
export class RemoteAccess {
  readonly #placed: PlacedUnits;
  /** By tier and `memory * users + user`: how much longer than the shortest way to the tier; its latency is for that. */
  readonly #longer: readonly Float64Array[];

  constructor(placed: PlacedUnits) {
    const { rooms, distances, hasCpus } = placed.nodes;
    const users = distances.filter((_, node) => hasCpus[node]);
    this.#placed = placed;
    this.#longer = rooms.map((tier) => {
      const shortest = Math.min(...tier.flatMap(({ node }) => users.map((from) => from[node])));
      const longer = new Float64Array(distances.length ** 2);
      for (const { node } of tier) {
        distances.forEach((from, user) => {
          longer[node * distances.length + user] = from[node] / shortest - 1;
        });
      }
      return longer;
    });
  }

  /** Whether anybody knows where a row is used. */
  isKnown(row: number): boolean {
    const { uses } = this.#placed;
    for (let user = 0; user < uses.length; user++) if (uses[user][row] > 0) return true;
    return false;
  }

  /** Whether a row is next to whoever uses it mostly: nothing can be better by much. */
  isSettled(row: number, tier: number): boolean {
    const { node, uses } = this.#placed;
    const here = node[row];
    return uses[here][row] >= settledShare && this.#longer[tier][here * uses.length + here] === 0;
  }

  /**
   * Time one use of a row takes longer than from next to it, on average over its users, if it were in `tier` on `node`.
   * Latency is taken to grow with the firmware's distance; what is known of bandwidth between nodes is no better.
   */
  extraNs(row: number, tier: number, node: number): number {
    const { snapshot, uses } = this.#placed;
    const { reads, writes } = snapshot.units;
    const { readLatencyNs, writeLatencyNs } = snapshot.tiers[tier];
    const used = reads[row] + writes[row];
    const writeShare = used > 0 ? writes[row] / used : 0;
    const latencyNs = readLatencyNs + (writeLatencyNs - readLatencyNs) * writeShare;
    const ways = this.#longer[tier];
    const at = node * uses.length;
    let longer = 0;
    for (let user = 0; user < uses.length; user++) longer += uses[user][row] * ways[at + user];
    return latencyNs * longer;
  }
}
