/** Modelled tiers whose memory is on several sockets: a unit has a node beside its tier, and users on each socket. */

import type {
  MigrationTarget,
  MoveResult,
  SnapshotOptions,
} from '../../migration/migration-target.ts';
import { type CostModel, defaultCosts, moveNs } from '../../policy/cost-model.ts';
import type { NodeRoom, NodeStates, TierState } from '../../policy/policy.ts';
import { NodeCounts } from '../../tracking/node-counts.ts';
import { ModelledStore, type ModelledTier } from '../modelled-store.ts';

/** A tier with the same capacity on each socket. */
export interface SocketTier extends ModelledTier {
  /** Of all sockets together. */
  readonly capacityBytes: number;
}

/** Relative latency from a socket to its own memory and to another's, as firmware of two-socket servers puts it. */
const localDistance = 10;
const remoteDistance = 21;

/** Nodes are the sockets, 0, 1, 2... A unit's node is counted in every tier. */
export class SocketStore implements MigrationTarget {
  readonly store: ModelledStore;
  /** Modelled time of moves between nodes. */
  nodeMoveNs = 0;
  /** Accesses so far, and those to another socket's memory. */
  accesses = 0;
  remote = 0;
  readonly #tiers: readonly SocketTier[];
  readonly #sockets: number;
  readonly #costs: CostModel;
  readonly #distances: readonly (readonly number[])[];
  readonly #rooms: { readonly node: number; readonly capacityBytes: number; usedBytes: number }[][];
  /** By unit. */
  readonly #node: number[] = [];
  readonly #bytes: number[] = [];
  readonly #counts: NodeCounts;
  #halfLifeAccesses = Infinity;
  #nodeColumn = new Uint8Array(0);
  #uses: Float32Array[] = [];

  constructor(tiers: readonly SocketTier[], sockets: number, costs: CostModel = defaultCosts) {
    this.store = new ModelledStore(tiers, costs);
    this.#tiers = tiers;
    this.#sockets = sockets;
    this.#costs = costs;
    this.#counts = new NodeCounts(sockets);
    const nodes = Array.from({ length: sockets }, (_, node) => node);
    this.#distances = nodes.map((from) =>
      nodes.map((to) => (from === to ? localDistance : remoteDistance)),
    );
    this.#rooms = tiers.map(({ capacityBytes }) =>
      nodes.map((node) => ({ node, capacityBytes: capacityBytes / sockets, usedBytes: 0 })),
    );
  }

  /** Creates a unit on a node, or where room is when that is full. Throws RangeError when the tier is. */
  create(bytes: number, tier: number, wanted: number): number {
    const node = this.#nodeWithRoom(tier, wanted, bytes);
    if (node < 0) throw new RangeError(`tier ${tier} is full`);
    const unit = this.store.create(bytes, tier);
    this.#node.push(node);
    this.#bytes.push(bytes);
    this.#rooms[tier][node].usedBytes += bytes;
    return unit;
  }

  /** An access from a socket; its modelled time in nanoseconds. */
  access(unit: number, write: boolean, socket: number): number {
    const { readLatencyNs, writeLatencyNs } = this.#tiers[this.store.tierOf(unit)];
    const distance = this.#distances[socket][this.#node[unit]];
    const longer = distance / localDistance - 1;
    this.accesses++;
    if (longer > 0) this.remote++;
    this.#counts.add(unit, socket, 1, this.store.clock.accesses, this.#halfLifeAccesses);
    return this.store.access(unit, write) + longer * (write ? writeLatencyNs : readLatencyNs);
  }

  tierStates(): TierState[] {
    return this.store.tierStates();
  }

  unitCounts(): number[] {
    return this.store.unitCounts();
  }

  snapshot(options: SnapshotOptions): ReturnType<MigrationTarget['snapshot']> {
    this.#halfLifeAccesses = options.halfLifeAccesses;
    const seen = this.store.snapshot(options);
    const { length, id } = seen.units;
    if (this.#nodeColumn.length < length) {
      this.#nodeColumn = new Uint8Array(2 * length);
      this.#uses = this.#distances.map(() => new Float32Array(2 * length));
    }
    for (let row = 0; row < length; row++) {
      this.#nodeColumn[row] = this.#node[id[row]];
      for (let socket = 0; socket < this.#sockets; socket++) {
        this.#uses[socket][row] = this.#counts.share(id[row], socket);
      }
    }
    const units = { ...seen.units, node: this.#nodeColumn, uses: this.#uses };
    return { ...seen, units, nodes: this.#nodeStates() };
  }

  move(
    unit: number,
    from: number,
    to: number,
    _signal?: AbortSignal,
    wanted?: number,
  ): MoveResult | Promise<MoveResult> {
    const bytes = this.#bytes[unit];
    const here = this.#node[unit];
    if (from !== to) {
      const node = this.#nodeWithRoom(to, wanted ?? here, bytes);
      if (node < 0) return 'full';
      const result = this.store.move(unit, from, to);
      if (result === 'moved') this.#place(unit, from, to, node);
      return result;
    }
    if (wanted === undefined || wanted === here) return 'elsewhere';
    if (this.#nodeWithRoom(to, wanted, bytes) !== wanted) return 'full';
    this.#place(unit, from, to, wanted);
    this.nodeMoveNs += moveNs(this.#tiers[from], this.#tiers[to], bytes, this.#costs);
    return 'moved';
  }

  heatLog2(unit: number): number {
    return this.store.heatLog2(unit);
  }

  #place(unit: number, from: number, to: number, node: number): void {
    this.#rooms[from][this.#node[unit]].usedBytes -= this.#bytes[unit];
    this.#rooms[to][node].usedBytes += this.#bytes[unit];
    this.#node[unit] = node;
  }

  /** The wanted node or the next one with room; -1 when there is none. */
  #nodeWithRoom(tier: number, wanted: number, bytes: number): number {
    for (let step = 0; step < this.#sockets; step++) {
      const room = this.#rooms[tier][(wanted + step) % this.#sockets];
      if (room.usedBytes + bytes <= room.capacityBytes) return room.node;
    }
    return -1;
  }

  #nodeStates(): NodeStates {
    const ids = this.#distances.map((_, node) => node);
    const rooms = this.#rooms.map((tier) => tier.map((room): NodeRoom => ({ ...room })));
    return { ids, hasCpus: ids.map(() => true), distances: this.#distances, rooms };
  }
}
