/**
 * The side of a replicated region that its owner's thread has: gives nodes memory of the region's tier for their
 * copies when readers ask, and takes it back when nobody reads there any more. Once a second it looks where the
 * region's chunks are now, and whether the region is still there; on a machine with one node it does nothing at all.
 */

import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { TierError } from '../errors.ts';
import { requireNative } from '../native.ts';
import { backendsByNearness } from '../numa/backend-nearness.ts';
import { copyNeed } from '../numa/replica-benefit.ts';
import { copyState, ReplicaTable } from '../numa/replica-table.ts';
import { evictEnded, processThreads, type ReplicaThreads } from '../numa/replica-thread.ts';
import { threadState } from '../numa/thread-state.ts';
import type { BackendState } from './backend-set.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectStore } from './object-store.ts';

/** Which memory is near to whom, and who is there. */
export interface ReplicaNearness extends Pick<ReplicaThreads, 'isAlive'> {
  /** Nodes whose threads may have a copy; fewer than two: nobody gets one. */
  readonly nodes: readonly number[];
  /** The backend of a tier that is nearest to a node's CPUs; undefined where it does not matter. */
  nearest(node: number, tier: number): BackendState | undefined;
}

/** How long a copy stays that nobody reads, in looks. */
const idleLooks = 30;
const lookMs = 1000;
/** A need beyond this is never met; two of them still fit a word. */
const maxNeed = 2 ** 29;

/** A copy of a node. */
interface Replica {
  readonly firstChunk: number;
  /** Looks since it was read last. */
  idle: number;
  /** Somebody attached it. */
  seen: boolean;
}

/** Copies of one region. */
export class ReplicaOwner {
  readonly table: ReplicaTable;
  readonly #store: ObjectStore;
  readonly #object: LargeObject;
  readonly #generation: number;
  readonly #nearness: ReplicaNearness;
  readonly #channel: BroadcastChannel | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  /** By index of the node. */
  readonly #replicas: Map<number, Replica> = new Map();
  #lastGeneration = 0;

  constructor(store: ObjectStore, object: LargeObject, nearness: ReplicaNearness) {
    this.#store = store;
    this.#object = object;
    this.#generation = store.space.table.generation(object.id);
    this.#nearness = nearness;
    const channel = `memory-tiers-replicas-${randomUUID()}`;
    this.table = ReplicaTable.create(object.byteLength, nearness.nodes, channel);
    if (this.table.parts.nodes.length === 0) return;
    const need = copyNeed(this.table.blocks);
    for (const node of nearness.nodes.keys()) this.table.setNeed(node, need);
    this.#look();
    this.#channel = new BroadcastChannel(channel);
    this.#channel.onmessage = ({ data }: { data: unknown }) => this.#asked(data);
    this.#channel.unref();
    this.#timer = setInterval(() => this.#asked(undefined), lookMs).unref();
  }

  /** Takes all copies back; threads that have one attached go on reading it until they look. Idempotent. */
  close(): void {
    if (this.table.closed) return;
    this.table.close();
    clearInterval(this.#timer);
    this.#channel?.close();
    for (const node of this.#replicas.keys()) this.#free(node);
    // Nobody is going to come to what is wanted.
    for (const node of this.table.parts.nodes.keys()) this.table.setState(node, copyState.none);
  }

  /** `what`: the index of a node that wants a copy, -1 when a thread let go; undefined: a second is over. */
  #asked(what: unknown): void {
    if (this.table.closed) return;
    const { closed, space } = this.#store;
    if (closed || !space.table.alive(this.#object.id, this.#generation)) {
      this.close();
      return;
    }
    this.#look();
    if (what === undefined) evictEnded(this.table, this.#nearness);
    if (typeof what === 'number' && this.table.parts.nodes[what] !== undefined) this.#give(what);
    else this.#sweep(what === undefined);
  }

  /** Notes for every node which chunks are as near as can be. */
  #look(): void {
    const { set } = this.#store.space;
    const { firstChunk, chunks } = this.#object;
    this.#nearness.nodes.forEach((id, node) => {
      const nearest = set.tiers.map((_, tier) => this.#nearest(id, tier));
      for (let chunk = 0; chunk < chunks; chunk++) {
        const backend = set.backendOf(firstChunk + chunk);
        const best = nearest[backend.tier];
        this.table.setNear(node, chunk, best === undefined || best === backend);
      }
    });
  }

  /** The backend for a node's copy of what is on a tier; undefined where a copy would be no nearer. */
  #nearest(node: number, tier: number): BackendState | undefined {
    const backend = this.#nearness.nearest(node, tier);
    // Files are read by way of the page cache, which is wherever the kernel put it.
    const isMemory = backend?.config.kind !== 'file' && backend?.config.kind !== 'memkind';
    return isMemory ? backend : undefined;
  }

  #give(node: number): void {
    const { table } = this;
    if (this.#replicas.has(node)) return;
    table.clearCredit(node);
    const { set, compactor } = this.#store.space;
    const { chunks, byteLength } = this.#object;
    const tier = this.#mostlyOn();
    const id = table.parts.nodes[node];
    const backend = this.#nearest(id, tier);
    if (backend === undefined) {
      this.#refuse(node, `${set.tiers[tier].name} has no memory near node ${id}`);
      return;
    }
    try {
      compactor.makeRunRoom(backend, chunks, this.#store.mover.mayMove);
      const firstChunk = set.takeRun(backend, chunks);
      this.#replicas.set(node, { firstChunk, idle: 0, seen: false });
      const token = set.heap.shareRun(firstChunk, byteLength);
      // Before the generation says that there is something to be had.
      table.clearHeld(node);
      table.setText(node, token);
      table.setState(node, copyState.held);
      table.setGeneration(node, ++this.#lastGeneration);
    } catch (error) {
      if (!(error instanceof TierError)) throw error;
      if (this.#replicas.has(node)) this.#free(node);
      this.#refuse(node, error.message);
    }
  }

  #refuse(node: number, reason: string): void {
    const { table } = this;
    table.setNeed(node, Math.min(maxNeed, 2 * table.need(node)));
    table.setText(node, reason);
    table.setState(node, copyState.refused);
  }

  /** Takes back copies that no thread has attached, or that nobody read for long. */
  #sweep(isLook: boolean): void {
    const { heap } = this.#store.space.set;
    for (const [node, replica] of this.#replicas) {
      const attached = heap.attachedThreads(replica.firstChunk) > 0;
      const used = this.table.takeUsed(node);
      replica.seen ||= attached || used;
      if (used) replica.idle = 0;
      else if (isLook) replica.idle++;
      // Who asked for it may not have come to it yet.
      const left = !attached && (replica.seen || replica.idle > 2);
      if (left || replica.idle >= idleLooks) this.#free(node);
    }
  }

  #free(node: number): void {
    const { table } = this;
    const replica = this.#replicas.get(node) as Replica;
    this.#replicas.delete(node);
    table.setGeneration(node, 0);
    table.clearCredit(node);
    table.setState(node, copyState.none);
    // The heap has gone with everything in it.
    if (this.#store.closed) return;
    this.#store.space.set.releaseRun(replica.firstChunk, this.#object.chunks);
  }

  /** The tier that most of the region's chunks are on. */
  #mostlyOn(): number {
    const { set } = this.#store.space;
    const counts = set.tiers.map(() => 0);
    for (let chunk = 0; chunk < this.#object.chunks; chunk++) {
      counts[set.tierOf(this.#object.firstChunk + chunk)]++;
    }
    return counts.indexOf(Math.max(...counts));
  }
}

/** The nodes of this machine, and what is near to them. One node, or none known: nobody gets a copy. */
export function machineNearness(store: ObjectStore): ReplicaNearness {
  const native = requireNative();
  const { source } = threadState(native);
  const { set } = store.space;
  return {
    ...processThreads(native),
    nodes: source.topology.runnableNodes.map(({ id }) => id),
    nearest: (node, tier) => {
      const { topology, machine } = source;
      const [place] = backendsByNearness(topology, machine, set.tiers[tier], node);
      return place?.node == null ? undefined : set.ofTier[tier][place.index];
    },
  };
}
