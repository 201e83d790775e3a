/** What a process has where: its memory by node, beside the nodes that its threads run on. Pure. */

import type { NodeMemory, ProcessThread } from './numa-binding.ts';
import type { NumaTopology } from './topology.ts';

/** A node's part of something. */
export interface NodeShare {
  readonly node: number;
  /** 0..1. */
  readonly share: number;
}

/** A thread while its process was watched. */
export interface ThreadUse {
  readonly threadId: number;
  readonly name: string;
  /** Online CPUs it may run on. */
  readonly cpus: readonly number[];
  /** Their nodes. */
  readonly mayRunOn: readonly number[];
  /** Where it spent its CPU time, most first; where it ran last when it took none. */
  readonly ranOn: readonly NodeShare[];
  /** CPU time it took, in ticks of 10 ms. */
  readonly cpuTicks: number;
}

/** A process on one node. */
export interface ProcessNode {
  readonly node: number;
  /** Its memory there, files included. */
  readonly bytes: number;
  /** The part that was put there by a memory policy, as the memory of tiers is. */
  readonly placedBytes: number;
  /** Threads that ran there most. */
  readonly threads: number;
  /** Share of its CPU time that was spent there, 0..1. */
  readonly cpuShare: number;
  /** Share of its CPU time spent where this memory is not near, 0..1; `null` without memory here. */
  readonly remoteShare: number | null;
}

/** A process, its threads and its memory. */
export interface ProcessUse {
  readonly pid: number;
  readonly watchedMs: number;
  /** It took no CPU time meanwhile: shares are then by all the time its threads took, where they ran last. */
  readonly idle: boolean;
  readonly threads: readonly ThreadUse[];
  readonly nodes: readonly ProcessNode[];
  /**
   * The part of its accesses to memory that crosses nodes, 0..1. Nobody outside sees who uses what: `least` is of
   * the memory that is far from all its threads, `even` is if every thread used all of it alike. `null` when nothing is known.
   */
  readonly remote: { readonly least: number; readonly even: number } | null;
  /** Why its memory is not known; `null` when it is. */
  readonly memoryProblem: string | null;
}

/** From this share on, memory is taken for far from all threads: helpers run a little anywhere. */
export const farShare = 0.95;

/** What was seen of a thread so far. */
interface Watched {
  last: ProcessThread;
  readonly ticksByNode: Map<number, number>;
}

const ascending = (a: number, b: number): number => a - b;

function shares(byNode: ReadonlyMap<number, number>): NodeShare[] {
  const total = [...byNode.values()].reduce((sum, value) => sum + value, 0);
  return [...byNode]
    .map(([node, value]) => ({ node, share: value / total }))
    .sort((a, b) => b.share - a.share || a.node - b.node);
}

/** Adds up where threads spend their CPU time, from looks at them. */
export class ThreadWatch {
  readonly #topology: NumaTopology;
  #threads: Map<number, Watched> = new Map();
  #looks = 0;

  constructor(topology: NumaTopology) {
    this.#topology = topology;
  }

  /** Takes one look. What a thread took since the last one counts for the node where it is now. */
  look(threads: readonly ProcessThread[]): void {
    const watched = new Map<number, Watched>();
    for (const thread of threads) {
      const before = this.#threads.get(thread.threadId);
      // The time of one that is new was taken since the last look, but for the first.
      const since = before?.last.cpuTicks ?? (this.#looks === 0 ? thread.cpuTicks : 0);
      const again = thread.cpuTicks < since; // Another thread of the same number.
      const ticksByNode = again || before === undefined ? new Map() : before.ticksByNode;
      const ticks = again ? thread.cpuTicks : thread.cpuTicks - since;
      const node = this.#topology.cpu(thread.cpu)?.node;
      if (node !== undefined && ticks > 0) {
        ticksByNode.set(node, (ticksByNode.get(node) ?? 0) + ticks);
      }
      watched.set(thread.threadId, { last: thread, ticksByNode });
    }
    this.#threads = watched;
    this.#looks += 1;
  }

  /** Threads there are now, those that took the most CPU time first. */
  threads(): ThreadUse[] {
    const topology = this.#topology;
    return [...this.#threads.values()]
      .map(({ last, ticksByNode }): ThreadUse => {
        const cpus = last.cpus.filter((cpu) => topology.cpu(cpu) !== undefined);
        const here = topology.cpu(last.cpu)?.node;
        const lastNode = here === undefined ? [] : [{ node: here, share: 1 }];
        return {
          threadId: last.threadId,
          name: last.name,
          cpus,
          mayRunOn: [...new Set(cpus.map((cpu) => topology.cpu(cpu)!.node))].sort(ascending),
          ranOn: ticksByNode.size > 0 ? shares(ticksByNode) : lastNode,
          cpuTicks: [...ticksByNode.values()].reduce((sum, ticks) => sum + ticks, 0),
        };
      })
      .sort((a, b) => b.cpuTicks - a.cpuTicks || a.threadId - b.threadId);
  }

  /** Share of the CPU time by node, and whether there was any while it was watched. */
  cpuTime(): { readonly idle: boolean; readonly shares: readonly NodeShare[] } {
    const watched = new Map<number, number>();
    const ever = new Map<number, number>();
    for (const { last, ticksByNode } of this.#threads.values()) {
      for (const [node, ticks] of ticksByNode) watched.set(node, (watched.get(node) ?? 0) + ticks);
      const node = this.#topology.cpu(last.cpu)?.node;
      // One that never took a whole tick is somewhere, too.
      if (node !== undefined) ever.set(node, (ever.get(node) ?? 0) + Math.max(last.cpuTicks, 0.1));
    }
    const idle = watched.size === 0;
    return { idle, shares: shares(idle ? ever : watched) };
  }
}

/** Puts memory beside threads. */
export function describeUse(
  pid: number,
  watchedMs: number,
  watch: ThreadWatch,
  memory: readonly NodeMemory[] | { readonly problem: string },
  topology: NumaTopology,
): ProcessUse {
  const threads = watch.threads();
  const cpuTime = watch.cpuTime();
  const known = 'problem' in memory ? [] : memory.filter(({ bytes }) => bytes > 0);
  const remoteFrom = (node: number): number =>
    cpuTime.shares.reduce(
      (sum, { node: from, share }) => sum + (topology.isLocal(from, node) ? 0 : share),
      0,
    );
  const ids = [...cpuTime.shares, ...known].map(({ node }) => node);
  const nodes = [...new Set(ids)].sort(ascending).map((node): ProcessNode => {
    const here = known.find((one) => one.node === node);
    return {
      node,
      bytes: here?.bytes ?? 0,
      placedBytes: here?.placedBytes ?? 0,
      threads: threads.filter(({ ranOn }) => ranOn[0]?.node === node).length,
      cpuShare: cpuTime.shares.find((one) => one.node === node)?.share ?? 0,
      remoteShare: here === undefined || cpuTime.shares.length === 0 ? null : remoteFrom(node),
    };
  });
  const total = nodes.reduce((sum, { bytes }) => sum + bytes, 0);
  const part = (weight: (remote: number) => number): number =>
    nodes.reduce((sum, { bytes, remoteShare }) => sum + bytes * weight(remoteShare ?? 0), 0) /
    total;
  return {
    pid,
    watchedMs,
    idle: cpuTime.idle,
    threads,
    nodes,
    remote:
      total === 0 || cpuTime.shares.length === 0
        ? null
        : {
            least: part((remote) => (remote >= farShare ? remote : 0)),
            even: part((remote) => remote),
          },
    memoryProblem: 'problem' in memory ? memory.problem : null,
  };
}
