/** Workers that were started on a node: who they are to the kernel, where they are, and how busy. */

import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Worker } from 'node:worker_threads';
import type { TierError } from '../errors.ts';
import type { NumaBinding } from './numa-binding.ts';
import type { NumaTopology } from './topology.ts';
import { leastLoaded, loadByNode, type NodeCapacity, planMoves } from './worker-balance.ts';

/** What the registry asks the addon. */
export type WorkerBinding = Pick<NumaBinding, 'threads' | 'threadStart' | 'setThreadCpus'>;

/** A worker in a {@link BalanceReport}. */
export interface BalancedWorker {
  readonly worker: Worker;
  /** The node it is on now; `null` for one that is pinned to none. */
  readonly node: number | null;
  /** Where it was before, when it was moved. */
  readonly movedFrom: number | null;
  /** Share of the time its event loop was busy since it was last looked at, 0..1. */
  readonly load: number;
  /** Why it cannot be moved; `null` when it can. */
  readonly problem: string | null;
}

/** Result of `balance`. */
export interface BalanceReport {
  readonly workers: readonly BalancedWorker[];
  /** Load over allowed CPUs by node, before and after. */
  readonly nodes: readonly {
    readonly node: number;
    readonly cpus: number;
    readonly loadBefore: number;
    readonly loadAfter: number;
  }[];
}

interface PlacedWorker {
  node: number | null;
  /** `null`: which of the new threads it is could not be told. */
  readonly thread: { readonly id: number; readonly start: number } | null;
  seen: EventLoopUtilization | undefined;
}

/** An idle worker counts this much, so that a crowd of idle ones is not piled onto one node. */
const leastLoad = 0.05;

/** Nodes that workers can be on. */
export function workerNodes(topology: NumaTopology): NodeCapacity[] {
  return topology.runnableNodes.map(({ id, allowedCpus }) => ({
    node: id,
    cpus: allowedCpus.length,
  }));
}

/** The workers one thread started. */
export class PlacedWorkers {
  readonly #native: WorkerBinding;
  readonly #workers: Map<Worker, PlacedWorker> = new Map();

  constructor(native: WorkerBinding) {
    this.#native = native;
  }

  /** Starts a worker and finds its thread. `node`: where `start` puts it. */
  start(node: number | null, start: () => Worker): Worker {
    const before = new Set(this.#native.threads());
    const worker = start();
    // Several when another thread started one at the same moment: then none of them is touched later.
    const fresh = this.#native.threads().filter((thread) => !before.has(thread));
    const thread = fresh.length === 1 ? this.#identify(fresh[0]!) : null;
    this.#workers.set(worker, { node, thread, seen: undefined });
    worker.once('exit', () => this.#workers.delete(worker));
    return worker;
  }

  /** The node with the fewest of these workers per CPU; undefined when there is no node to run on. */
  nextNode(topology: NumaTopology): number | undefined {
    const nodes = workerNodes(topology);
    const placed = [...this.#workers.values()].flatMap(({ node }) =>
      node === null ? [] : [{ node, load: 1 }],
    );
    return leastLoaded(nodes, loadByNode(nodes, placed));
  }

  /** Evens out the load of these workers over the nodes by moving some of them. */
  balance(topology: NumaTopology, workers: Iterable<Worker>): BalanceReport {
    const nodes = workerNodes(topology);
    const known = [...new Set(workers)].map((worker) => this.#look(worker, nodes));
    const placed = known.flatMap((entry) =>
      entry.node === null ? [] : [{ ...entry, node: entry.node, movable: entry.problem === null }],
    );
    const weighed = placed.map(({ node, load, movable }) => ({
      node,
      load: Math.max(load, leastLoad),
      movable,
    }));
    const loadsBefore = loadByNode(nodes, placed);
    const moved = new Map<Worker, { readonly to: number } | { readonly problem: string }>();
    for (const { worker: index, to } of planMoves(nodes, weighed)) {
      const { worker } = placed[index]!;
      moved.set(worker, this.#move(worker, to, topology.node(to)?.allowedCpus ?? []));
    }
    const report = known.map((entry): BalancedWorker => {
      const outcome = moved.get(entry.worker);
      if (outcome === undefined) return entry;
      if ('problem' in outcome) return { ...entry, problem: outcome.problem };
      return { ...entry, node: outcome.to, movedFrom: entry.node };
    });
    const loadsAfter = loadByNode(
      nodes,
      report.flatMap(({ node, load }) => (node === null ? [] : [{ node, load }])),
    );
    return {
      workers: report,
      nodes: nodes.map(({ node, cpus }) => ({
        node,
        cpus,
        loadBefore: (loadsBefore.get(node) ?? 0) / cpus,
        loadAfter: (loadsAfter.get(node) ?? 0) / cpus,
      })),
    };
  }

  #look(worker: Worker, nodes: readonly NodeCapacity[]): BalancedWorker {
    const placed = this.#workers.get(worker);
    // A worker that has exited has no utilization to tell.
    const now = worker.performance.eventLoopUtilization();
    const since = worker.performance.eventLoopUtilization(now, placed?.seen);
    const load = Number.isFinite(since.utilization) ? since.utilization : 0;
    if (placed !== undefined) placed.seen = now;
    const entry = { worker, node: placed?.node ?? null, movedFrom: null, load };
    return { ...entry, problem: problemOf(placed, nodes) };
  }

  #identify(id: number): PlacedWorker['thread'] {
    try {
      return { id, start: this.#native.threadStart(id) };
    } catch {
      return null; // It has ended already.
    }
  }

  #move(
    worker: Worker,
    to: number,
    cpus: readonly number[],
  ): { readonly to: number } | { readonly problem: string } {
    const placed = this.#workers.get(worker)!;
    const { id, start } = placed.thread!;
    try {
      // Numbers of threads that ended are given out again; 'exit' may be on its way.
      if (this.#native.threadStart(id) !== start) return { problem: 'it has ended' };
      this.#native.setThreadCpus(id, cpus);
    } catch (error) {
      return { problem: (error as TierError).message };
    }
    placed.node = to;
    return { to };
  }
}

function problemOf(
  placed: PlacedWorker | undefined,
  nodes: readonly NodeCapacity[],
): string | null {
  if (placed === undefined) return 'it was not started by spawnWorker of this thread, or has ended';
  if (placed.node === null) return 'it is not pinned to one node';
  if (placed.thread === null) return 'another thread started at the same moment';
  return nodes.some(({ node }) => node === placed.node) ? null : 'its node is gone';
}
