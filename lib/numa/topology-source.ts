/** Looks at the machine when it has to: once, and again when CPUs, nodes or the cpuset have changed. */

import type { NativeBinding } from '../native.ts';
import type { MachineDescription } from '../tiers/machine-description.ts';
import { describeTopology, type NumaTopology } from './topology.ts';

/** What the source asks the addon. */
export type TopologyBinding = Pick<
  NativeBinding,
  'describeMachine' | 'describeCpus' | 'topologyStamp'
>;

/** Options of {@link TopologySource}. For tests. */
export interface TopologySourceOptions {
  /** Directory that holds `/sys` and `/proc`; '' is the running system. */
  readonly root?: string;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

/** A change is seen this long after it happened at the latest. Looking costs about 0.1 ms. */
const checkIntervalMs = 1000;

/**
 * Describing takes some milliseconds; being asked again costs a look at the clock, and once a second about
 * 0.1 ms: five small files and the cpuset, of which a change shows in every case.
 */
export class TopologySource {
  readonly #native: TopologyBinding;
  readonly #root: string;
  readonly #now: () => number;
  #found:
    | { readonly topology: NumaTopology; readonly machine: MachineDescription; stamp: string }
    | undefined;
  #checkedAt: number = Number.NEGATIVE_INFINITY;

  constructor(native: TopologyBinding, options: TopologySourceOptions = {}) {
    this.#native = native;
    this.#root = options.root ?? '';
    this.#now = options.now ?? (() => performance.now());
  }

  /** The topology, at most a second old. The same object for as long as nothing changes. */
  get topology(): NumaTopology {
    return this.#current().topology;
  }

  /** What it was made of; its free bytes are those of that moment. */
  get machine(): MachineDescription {
    return this.#current().machine;
  }

  /** Looks at everything again, changed or not, e.g. for the free bytes. */
  refresh(): NumaTopology {
    this.#found = undefined;
    return this.topology;
  }

  #current(): { readonly topology: NumaTopology; readonly machine: MachineDescription } {
    const now = this.#now();
    if (this.#found !== undefined && now - this.#checkedAt < checkIntervalMs) return this.#found;
    // Before the rest: what changes while it is read makes the next stamp another one.
    const stamp = this.#native.topologyStamp(this.#root);
    this.#checkedAt = now;
    if (this.#found?.stamp === stamp) return this.#found;
    const machine = this.#native.describeMachine(this.#root);
    const topology = describeTopology(machine, this.#native.describeCpus(this.#root));
    this.#found = { topology, machine, stamp };
    return this.#found;
  }
}
