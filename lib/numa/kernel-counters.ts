/** What the kernel counted about NUMA since a moment, and what it means for us. Pure but for the reading. */

import type { Limit } from '../tiers/tier.ts';
import type {
  BalancingCounters,
  NodeAllocations,
  NumaBinding,
  RawKernelCounters,
} from './numa-binding.ts';
import type { NumaTopology } from './topology.ts';

/** Counters of the whole machine, everybody's processes included, since a moment. */
export interface KernelCounters {
  /** Pages allocated, by node. */
  readonly nodes: readonly NodeAllocations[];
  /** Share of the pages that CPUs of other nodes allocated, 0..1; `null` when none was. */
  readonly remoteShare: number | null;
  /** Contents of `kernel.numa_balancing`: 0 off, 1 on, 2 tiering; `null` when not built in. */
  readonly balancingMode: number | null;
  /** What NUMA balancing did; `null` when not built in. */
  readonly balancing: BalancingCounters | null;
}

/** A counter that went back began anew: its node was offline in between. */
function grown(now: number, before: number): number {
  return now >= before ? now - before : now;
}

function delta<T extends object>(now: T, before: Partial<T> | undefined, fixed?: keyof T): T {
  const entries = Object.entries(now) as [keyof T, number][];
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      key === fixed ? value : grown(value, (before?.[key] as number | undefined) ?? 0),
    ]),
  ) as unknown as T;
}

/** What was counted between two readings. */
export function countersSince(now: RawKernelCounters, before: RawKernelCounters): KernelCounters {
  const nodes = now.nodes.map((node) =>
    delta(
      node,
      before.nodes.find((earlier) => earlier.node === node.node),
      'node',
    ),
  );
  const local = nodes.reduce((sum, node) => sum + node.localPages, 0);
  const other = nodes.reduce((sum, node) => sum + node.otherPages, 0);
  return {
    nodes,
    remoteShare: local + other === 0 ? null : other / (local + other),
    balancingMode: now.balancingMode,
    balancing: now.balancing === null ? null : delta(now.balancing, before.balancing ?? {}),
  };
}

/** Reads the counters and remembers where they began. */
export class CounterWindow {
  readonly #native: Pick<NumaBinding, 'kernelCounters'>;
  readonly #begin: RawKernelCounters;

  constructor(native: Pick<NumaBinding, 'kernelCounters'>) {
    this.#native = native;
    this.#begin = native.kernelCounters('');
  }

  /** Since this was made. */
  read(): KernelCounters {
    return countersSince(this.#native.kernelCounters(''), this.#begin);
  }
}

/**
 * What to say when the kernel moves pages by itself. It leaves memory alone that is bound to a node, as that of real
 * tiers is; the heap of JavaScript, simulated tiers without a node, and files follow the threads that use them.
 */
export function balancingLimit(topology: NumaTopology, counters: KernelCounters): Limit | null {
  const { balancingMode, balancing } = counters;
  const withMemory = topology.nodes.filter(({ memoryBytes }) => memoryBytes > 0);
  if (balancingMode === null || balancingMode === 0 || withMemory.length < 2) return null;
  const moved =
    balancing === null ? '' : `, and the kernel has moved ${balancing.migratedPages} pages since`;
  return {
    what: 'The kernel moves pages too',
    reason: `kernel.numa_balancing is ${balancingMode}${moved}`,
    hint:
      'Set it to 0 (sysctl kernel.numa_balancing=0) so that placement stays as planned. Memory bound to a node is ' +
      'left alone; what is not bound moves to the threads that use it, and back when they move.',
  };
}
