/** Sockets, nodes, CPUs, caches and distances of the machine, as one object that never changes. Pure. */

import { isAllowed } from '../tiers/capacity.ts';
import type { MachineDescription, NodeDescription } from '../tiers/machine-description.ts';
import { classifyNodes } from '../tiers/node-class.ts';
import type { TierName } from '../tiers/tier.ts';
import type { CpuCache, CpuDescription } from './numa-binding.ts';

/** A CPU and what it is part of. */
export interface NumaCpu {
  readonly id: number;
  readonly node: number;
  readonly socket: number;
  /** The lowest CPU of its core: the same for all hardware threads of one core. */
  readonly core: number;
  /** Whether this process may run on it (cpuset, taskset). */
  readonly allowed: boolean;
}

/** A NUMA node. */
export interface NumaNode {
  readonly id: number;
  /** The socket of its CPUs; without CPUs that of its initiators, `null` when they are on several. */
  readonly socket: number | null;
  /** Online CPUs; none for memory behind a link, HBM and the like. */
  readonly cpus: readonly number[];
  /** Those of them that this process may run on. */
  readonly allowedCpus: readonly number[];
  readonly memoryBytes: number;
  /** When the topology was looked at. */
  readonly freeBytes: number;
  /** Whether this process may allocate here (cpuset, numactl). */
  readonly memoryAllowed: boolean;
  /** The tier its memory counts as; `null` for a node without memory. */
  readonly tier: TierName | null;
  /**
   * Nodes with CPUs that are next to its memory: itself when it has CPUs, else what the firmware says, else those
   * at the shortest distance.
   */
  readonly initiators: readonly number[];
}

/** A processor package. With sub-NUMA clusters it has several nodes. */
export interface NumaSocket {
  readonly id: number;
  /** Nodes with its CPUs. */
  readonly nodes: readonly number[];
  /** Nodes without CPUs that are next to this socket alone, e.g. its HBM. */
  readonly memoryNodes: readonly number[];
  readonly cpus: readonly number[];
}

/** The parts a topology is made of. */
interface Parts {
  readonly sockets: readonly NumaSocket[];
  readonly nodes: readonly NumaNode[];
  readonly cpus: readonly NumaCpu[];
  readonly caches: readonly CpuCache[];
  readonly distances: ReadonlyMap<number, readonly number[]>;
  readonly unreadable: readonly string[];
}

const nothing: Parts = {
  sockets: [],
  nodes: [],
  cpus: [],
  caches: [],
  distances: new Map(),
  unreadable: [],
};

/**
 * What a program can know of the machine's layout. Everything is listed by number, ascending. Where the kernel
 * does not say which socket a CPU is on, every node with CPUs counts as one socket of its own number.
 */
export class NumaTopology {
  readonly sockets: readonly NumaSocket[];
  /** Online nodes; empty where `/sys` is hidden or there is no Linux. */
  readonly nodes: readonly NumaNode[];
  /** Online CPUs. */
  readonly cpus: readonly NumaCpu[];
  /** CPU caches by level, then by first CPU. */
  readonly caches: readonly CpuCache[];
  /** CPUs this process may run on, whatever its threads are pinned to. */
  readonly allowedCpus: readonly number[];
  /** Nodes this process may allocate on. */
  readonly allowedNodes: readonly number[];
  /** Files that should be readable but were not. */
  readonly unreadable: readonly string[];
  readonly #nodes: ReadonlyMap<number, NumaNode>;
  readonly #cpus: ReadonlyMap<number, NumaCpu>;
  readonly #order: ReadonlyMap<number, number>;
  readonly #distances: ReadonlyMap<number, readonly number[]>;

  constructor(parts: Parts = nothing) {
    this.sockets = parts.sockets;
    this.nodes = parts.nodes;
    this.cpus = parts.cpus;
    this.caches = parts.caches;
    this.unreadable = parts.unreadable;
    this.allowedCpus = parts.cpus.filter(({ allowed }) => allowed).map(({ id }) => id);
    this.allowedNodes = parts.nodes.filter((node) => node.memoryAllowed).map(({ id }) => id);
    this.#nodes = new Map(parts.nodes.map((node) => [node.id, node]));
    this.#cpus = new Map(parts.cpus.map((cpu) => [cpu.id, cpu]));
    this.#order = new Map(parts.nodes.map((node, index) => [node.id, index]));
    this.#distances = parts.distances;
  }

  /** The node of that number. */
  node(id: number): NumaNode | undefined {
    return this.#nodes.get(id);
  }

  /** The CPU of that number. */
  cpu(id: number): NumaCpu | undefined {
    return this.#cpus.get(id);
  }

  /** Nodes with CPUs that this process may run on: where threads can be placed. */
  get runnableNodes(): readonly NumaNode[] {
    return this.nodes.filter(({ allowedCpus }) => allowedCpus.length > 0);
  }

  /** The firmware's distance (SLIT, 10 is local); `null` when it does not say. */
  distance(from: number, to: number): number | null {
    const index = this.#order.get(to);
    return (index === undefined ? undefined : this.#distances.get(from)?.[index]) ?? null;
  }

  /** Whether memory of `node` is next to the CPUs of `from`: on it, or without CPUs and next to it. */
  isLocal(from: number, node: number): boolean {
    return from === node || (this.node(node)?.initiators.includes(from) ?? false);
  }

  /**
   * Nodes as seen from `from`, nearest first: by distance, then those it is an initiator of, then those on its
   * socket, then by number. A node without a known distance comes last.
   */
  byNearness(from: number, nodes: readonly number[]): number[] {
    const socket = this.node(from)?.socket ?? null;
    const keys = (id: number): readonly number[] => [
      this.distance(from, id) ?? Number.MAX_SAFE_INTEGER,
      this.isLocal(from, id) ? 0 : 1,
      socket !== null && this.node(id)?.socket === socket ? 0 : 1,
      id,
    ];
    return nodes
      .map((id) => ({ id, keys: keys(id) }))
      .sort((a, b) => {
        const at = a.keys.findIndex((key, index) => key !== b.keys[index]);
        return at < 0 ? 0 : a.keys[at]! - b.keys[at]!;
      })
      .map(({ id }) => id);
  }
}

/** Nodes with CPUs that are next to a node's memory. */
function initiatorsOf(
  node: NodeDescription,
  nodes: readonly NodeDescription[],
  distance: (from: number, to: number) => number | null,
): number[] {
  if (node.cpus.length > 0) return [node.id];
  const withCpus = nodes.filter(({ cpus }) => cpus.length > 0).map(({ id }) => id);
  // Class 1 is the best CPU; class 0 may be a device that starts transfers, without CPUs.
  for (const accessClass of [1, 0]) {
    const found = node.attributes.find((attributes) => attributes.accessClass === accessClass);
    const named = found?.initiators.filter((id) => withCpus.includes(id)) ?? [];
    if (named.length > 0) return named;
  }
  const distances = withCpus.map((id) => distance(id, node.id) ?? Number.MAX_SAFE_INTEGER);
  const shortest = Math.min(...distances);
  return withCpus.filter((_, index) => distances[index] === shortest);
}

function only<T>(values: readonly T[]): T | null {
  return new Set(values).size === 1 ? values[0]! : null;
}

const ascending = (a: number, b: number): number => a - b;

/** Puts the topology together from what the kernel says. */
export function describeTopology(
  machine: MachineDescription,
  description: CpuDescription,
): NumaTopology {
  const order = new Map(machine.nodes.map((node, index) => [node.id, index]));
  const distances = new Map(machine.nodes.map((node) => [node.id, node.distances]));
  const distance = (from: number, to: number): number | null =>
    distances.get(from)?.[order.get(to)!] ?? null;

  const described = new Map(description.cpus.map((cpu) => [cpu.id, cpu]));
  // An empty list means that the kernel did not say.
  const allowed = new Set(description.allowedCpus);
  const mayRun = (id: number): boolean => allowed.size === 0 || allowed.has(id);
  const cpus = machine.nodes
    .flatMap((node) =>
      node.cpus.map((id): NumaCpu => {
        const known = described.get(id);
        const socket = known === undefined || known.package < 0 ? node.id : known.package;
        return { id, node: node.id, socket, core: known?.core ?? id, allowed: mayRun(id) };
      }),
    )
    .sort((a, b) => a.id - b.id);
  const socketOf = new Map(cpus.map(({ node, socket }) => [node, socket]));
  const tiers = new Map(classifyNodes(machine).map(({ node, tier }) => [node.id, tier]));

  const nodes = machine.nodes.map((node): NumaNode => {
    const initiators = initiatorsOf(node, machine.nodes, distance);
    return {
      id: node.id,
      socket: only(initiators.map((id) => socketOf.get(id) ?? null)),
      cpus: node.cpus,
      allowedCpus: node.cpus.filter(mayRun),
      memoryBytes: node.memoryBytes,
      freeBytes: node.freeBytes,
      memoryAllowed: node.memoryBytes > 0 && isAllowed(machine, node.id),
      tier: tiers.get(node.id) ?? null,
      initiators,
    };
  });
  const sockets = [...new Set(cpus.map(({ socket }) => socket))].sort(ascending).map((id) => {
    const own = nodes.filter((node) => node.socket === id);
    return {
      id,
      nodes: own.filter((node) => node.cpus.length > 0).map((node) => node.id),
      memoryNodes: own.filter((node) => node.cpus.length === 0).map((node) => node.id),
      cpus: cpus.filter(({ socket }) => socket === id).map((cpu) => cpu.id),
    };
  });
  const unreadable = [...new Set([...machine.unreadable, ...description.unreadable])];
  const { caches } = description;
  return new NumaTopology({ sockets, nodes, cpus, caches, distances, unreadable });
}
