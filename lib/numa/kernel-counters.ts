/** What the kernel counted about NUMA since a moment, and what it means for us. Pure but for the reading. */

import type { Limit } from '../tiers/tier.ts';
import { balancingLimit } from '../tiers/tier-limits.ts';
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

/** What to say of the kernel's own balancing; `null` where it does nothing. `since`: when counting began. */
export function countedBalancingLimit(
  topology: NumaTopology,
  { balancingMode, balancing }: KernelCounters,
  since?: string,
): Limit | null {
  const memoryNodes = topology.nodes.filter(({ memoryBytes }) => memoryBytes > 0).length;
  const migratedPages = balancing?.migratedPages;
  return balancingLimit({ mode: balancingMode, memoryNodes, migratedPages, since });
}
