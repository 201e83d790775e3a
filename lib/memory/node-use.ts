/**
 * Who uses what from which node. Values and unshared regions are used by the thread that holds them, wherever the
 * kernel lets it run: where it was of late tells where they will be used. Chunks of regions that other threads have
 * attached keep counts of their own.
 */

import type { NodePlaces } from '../numa/node-places.ts';
import type { NodeRoom, NodeStates, UnitColumns } from '../policy/policy.ts';
import { noNode } from '../policy/policy.ts';
import { NodeCounts } from '../tracking/node-counts.ts';
import type { BackendState } from './backend-set.ts';
import type { Touched } from './heat-ledger.ts';
import { chunkUnitBase, type LargeObject } from './large-object.ts';
import type { ObjectSpace } from './object-space.ts';
import { unitBytes } from './size-classes.ts';

/** Accesses of a tier by whether another node of it would have been nearer. */
export interface NodeAccesses {
  /** To the nearest node of the tier. */
  near: number;
  /** To another one. */
  far: number;
}

/** Time as the ledger counts it. */
export interface AccessTime {
  readonly accesses: number;
  readonly halfLifeAccesses: number;
}

/** Columns of a snapshot. */
type NodeColumns = Pick<UnitColumns, 'node' | 'uses'>;

/** Where firmware gives no distance, the kernel takes these (LOCAL_DISTANCE, REMOTE_DISTANCE; linux/topology.h). */
const localDistance = 10;
const remoteDistance = 20;
/** Looks after which what a thread did before counts half. It stays where it is for longer as a rule. */
const halfLifeLooks = 4;

/** Accesses by node, of one store. */
export class NodeUse {
  readonly ids: readonly number[];
  readonly accesses: readonly NodeAccesses[];
  readonly #space: ObjectSpace;
  readonly #places: NodePlaces;
  readonly #distances: readonly (readonly number[])[];
  /** By backend: index of its node; {@link noNode} for one that is on none. */
  readonly #nodeOf: Uint8Array;
  /** By tier and user: the least distance to one of its nodes. */
  readonly #nearest: readonly (readonly number[])[];
  /** By node: decayed accesses of this thread. */
  readonly #thread: Float64Array;
  /** Of the chunks of large objects that other threads use. */
  readonly #shared: WeakMap<LargeObject, NodeCounts> = new WeakMap();
  #clock = 0;
  #halfLifeAccesses = Infinity;
  /** Where the thread was at the last look. */
  #last: number;
  #node = new Uint8Array(0);
  #uses: Float32Array[] = [];

  private constructor(space: ObjectSpace, places: NodePlaces, ids: readonly number[]) {
    this.#space = space;
    this.#places = places;
    this.ids = ids;
    this.#distances = ids.map((from) =>
      ids.map(
        (to) =>
          places.distance(from, to) ?? (places.isLocal(from, to) ? localDistance : remoteDistance),
      ),
    );
    this.#nodeOf = Uint8Array.from(space.set.all, ({ node }) => {
      const index = ids.indexOf(node);
      return index < 0 ? noNode : index;
    });
    const nodesOf = (backends: readonly BackendState[]): number[] =>
      backends.map(({ index }) => this.#nodeOf[index]).filter((node) => node !== noNode);
    this.#nearest = space.set.ofTier.map((backends) =>
      this.#distances.map((from) => Math.min(...nodesOf(backends).map((node) => from[node]))),
    );
    this.accesses = space.set.tiers.map(() => ({ near: 0, far: 0 }));
    this.#thread = new Float64Array(ids.length);
    this.#last = this.#look();
  }

  /** Undefined where no tier is on two nodes: then there is nothing to choose. */
  static of(space: ObjectSpace, findPlaces: () => NodePlaces | undefined): NodeUse | undefined {
    const nodes = space.set.ofTier.map((backends) => new Set(backends.map(({ node }) => node)));
    for (const ofTier of nodes) ofTier.delete(-1);
    if (nodes.every(({ size }) => size < 2)) return undefined;
    const places = findPlaces();
    if (places === undefined) return undefined;
    const ids = new Set([...places.runnableNodes, ...nodes.flatMap((ofTier) => [...ofTier])]);
    if (ids.size > noNode) return undefined;
    return new NodeUse(
      space,
      places,
      [...ids].sort((a, b) => a - b),
    );
  }

  /** Accesses folded since the last look, from line `first` on. Looks where the thread is. O(lines). */
  observe(
    { unit, reads, writes, others, length }: Touched,
    first: number,
    { accesses, halfLifeAccesses }: AccessTime,
  ): void {
    this.#clock = accesses;
    this.#halfLifeAccesses = halfLifeAccesses;
    const now = this.#look();
    const before = this.#last;
    let total = 0;
    for (let i = first; i < length; i++) {
      const backend = this.#backendOf(unit[i]);
      if (backend === undefined) continue;
      const own = reads[i] + writes[i] - others[i];
      total += own;
      for (const node of [before, now]) {
        this.#count(backend, node, own / 2);
        this.#addShared(unit[i], node, own / 2);
      }
    }
    this.#last = now;
    if (total === 0) return;
    const keptPerLook = 2 ** (-1 / halfLifeLooks);
    for (let node = 0; node < this.#thread.length; node++) this.#thread[node] *= keptPerLook;
    if (before !== noNode) this.#thread[before] += total / 2;
    if (now !== noNode) this.#thread[now] += total / 2;
  }

  /** Accesses to a chunk by another thread, which is on node `from`; the ledger has to be told, too. */
  noteShared(object: LargeObject, index: number, from: number, accesses: number): void {
    const node = this.ids.indexOf(from);
    if (node < 0 || accesses <= 0) return;
    if (!this.#shared.has(object)) this.#shared.set(object, new NodeCounts(this.ids.length));
    const chunk = object.firstChunk + index;
    this.#addShared(chunkUnitBase + chunk, node, accesses);
    this.#count(this.#space.set.backendOf(chunk), node, accesses);
  }

  /** Share of this thread's recent accesses by node, most first; empty before the first. */
  threadShares(): { readonly node: number; readonly share: number }[] {
    const total = this.#thread.reduce((sum, count) => sum + count, 0);
    if (total === 0) return [];
    return Array.from(this.#thread, (count, i) => ({ node: this.ids[i], share: count / total }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share || a.node - b.node);
  }

  /** Nodes as a policy sees them. */
  states(): NodeStates {
    const { set } = this.#space;
    const rooms = set.ofTier.map((backends) => {
      const byNode = new Map<number, { capacityBytes: number; usedBytes: number }>();
      for (const { index, capacityUnits, usedUnits } of backends) {
        const node = this.#nodeOf[index];
        if (node === noNode) continue;
        const room = byNode.get(node) ?? { capacityBytes: 0, usedBytes: 0 };
        room.capacityBytes += capacityUnits * unitBytes;
        room.usedBytes += usedUnits * unitBytes;
        byNode.set(node, room);
      }
      return [...byNode].map(([node, room]): NodeRoom => ({ node, ...room }));
    });
    const { runnableNodes } = this.#places;
    const hasCpus = this.ids.map((id) => runnableNodes.includes(id));
    return { ids: this.ids, hasCpus, distances: this.#distances, rooms };
  }

  /** The columns of the units under consideration; valid until the next call. O(units x nodes). */
  columns({ id, length }: Pick<UnitColumns, 'id' | 'length'>): NodeColumns {
    if (this.#node.length < length) {
      const capacity = Math.max(length, 2 * this.#node.length);
      this.#node = new Uint8Array(capacity);
      this.#uses = this.ids.map(() => new Float32Array(capacity));
    }
    const total = this.#thread.reduce((sum, count) => sum + count, 0);
    for (let node = 0; node < this.#uses.length; node++) {
      this.#uses[node].fill(total === 0 ? 0 : this.#thread[node] / total, 0, length);
    }
    for (let row = 0; row < length; row++) {
      if (this.#isSpread(id[row])) {
        // With users it would be brought to them when it comes back from another tier.
        this.#node[row] = noNode;
        for (const uses of this.#uses) uses[row] = 0;
        continue;
      }
      const backend = this.#backendOf(id[row]);
      this.#node[row] = backend === undefined ? noNode : this.#nodeOf[backend.index];
      const shared = this.#sharedUse(id[row]);
      if (shared === undefined) continue;
      for (let node = 0; node < this.#uses.length; node++) {
        this.#uses[node][row] = shared.counts.share(shared.index, node);
      }
    }
    return { node: this.#node, uses: this.#uses };
  }

  #addShared(unit: number, node: number, accesses: number): void {
    const shared = node === noNode ? undefined : this.#sharedUse(unit);
    shared?.counts.add(shared.index, node, accesses, this.#clock, this.#halfLifeAccesses);
  }

  /** Whether its owner wants the chunks on several nodes, whoever uses them. */
  #isSpread(unit: number): boolean {
    if (unit < chunkUnitBase) return false;
    return this.#space.largeOfChunk.get(unit - chunkUnitBase)?.nodes !== undefined;
  }

  /** Of a chunk that other threads may use; undefined for everything else. */
  #sharedUse(unit: number): { readonly counts: NodeCounts; readonly index: number } | undefined {
    if (unit < chunkUnitBase) return undefined;
    const chunk = unit - chunkUnitBase;
    const object = this.#space.largeOfChunk.get(chunk);
    if (object === undefined) return undefined;
    let counts = this.#shared.get(object);
    if (counts === undefined && object.sharedCounts !== undefined) {
      counts = new NodeCounts(this.ids.length);
      this.#shared.set(object, counts);
    }
    return counts && { counts, index: chunk - object.firstChunk };
  }

  #count({ index, tier }: BackendState, user: number, accesses: number): void {
    const node = this.#nodeOf[index];
    if (user === noNode || node === noNode) return;
    const isNear = this.#distances[user][node] <= this.#nearest[tier][user];
    if (isNear) this.accesses[tier].near += accesses;
    else this.accesses[tier].far += accesses;
  }

  #look(): number {
    const index = this.ids.indexOf(this.#places.currentNode());
    return index < 0 ? noNode : index;
  }

  /** Undefined for what is gone. */
  #backendOf(unit: number): BackendState | undefined {
    const { set, table, largeOfChunk } = this.#space;
    if (unit >= chunkUnitBase) {
      const chunk = unit - chunkUnitBase;
      return largeOfChunk.has(chunk) ? set.backendOf(chunk) : undefined;
    }
    const alive = unit < table.end && this.#space.isSmall(unit);
    return alive ? set.backendOf(this.#space.chunkOf(unit)) : undefined;
  }
}
