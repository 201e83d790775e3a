/** Which backend of a tier is next to whom. Pure. */

import { findMount } from '../tiers/directory-probe.ts';
import type { MachineDescription } from '../tiers/machine-description.ts';
import type { BackendConfig, Tier, TierName } from '../tiers/tier.ts';
import type { NumaTopology } from './topology.ts';

/** A backend as seen from a node. */
export interface BackendPlace {
  /** Index in the tier's `backends`. */
  readonly index: number;
  /** The node its bytes, or the device behind them, are at; `null` when nobody says. */
  readonly node: number | null;
  /** The firmware's distance; `null` when the node or the distance is not known. */
  readonly distance: number | null;
  /** Whether it is next to the CPUs of the node it is seen from. */
  readonly local: boolean;
}

/** The nearest backend of each tier, as seen from one socket. */
export interface SocketBackends {
  readonly socket: number;
  readonly tiers: readonly (BackendPlace & {
    readonly tier: TierName;
    /** The socket's node that it is nearest to. */
    readonly from: number;
  })[];
}

function directoryNode(machine: MachineDescription, directory: string): number | null {
  try {
    const node = findMount(machine, directory)?.block.node ?? -1;
    return node < 0 ? null : node;
  } catch {
    return null; // The directory went away, and with it whatever it was next to.
  }
}

/** The node a backend's bytes or device are at. */
export function backendNode(machine: MachineDescription, backend: BackendConfig): number | null {
  switch (backend.kind) {
    case 'numa':
      return backend.node;
    case 'simulated':
      return backend.node ?? null;
    case 'dax':
    case 'pool': {
      const node = machine.dax.find(({ path }) => path === backend.path)?.targetNode ?? -1;
      return node < 0 ? null : node;
    }
    case 'file':
      return directoryNode(machine, backend.directory);
    case 'memkind':
      return backend.directory === undefined ? null : directoryNode(machine, backend.directory);
  }
}

// A devdax device names the node it would be online as, to which nobody knows a distance before it is.
function place(
  topology: NumaTopology,
  from: number,
  node: number | null,
): Omit<BackendPlace, 'index'> {
  const distance = node === null ? null : topology.distance(from, node);
  return { node, distance, local: node !== null && topology.isLocal(from, node) };
}

/** The backends of a tier as seen from the CPUs of a node, nearest first; those without a node come last. */
export function backendsByNearness(
  topology: NumaTopology,
  machine: MachineDescription,
  tier: Tier,
  from: number,
): BackendPlace[] {
  const places = tier.backends.map((backend, index) => ({
    index,
    ...place(topology, from, backendNode(machine, backend)),
  }));
  const nodes = places.flatMap(({ node }) => (node === null ? [] : [node]));
  const ranks = new Map(topology.byNearness(from, [...new Set(nodes)]).map((id, i) => [id, i]));
  const rank = ({ node }: BackendPlace): number =>
    node === null ? nodes.length : ranks.get(node)!;
  return places.sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}

/** Each tier's nearest backend for each socket; of the socket's nodes the one that is nearest to it counts. */
export function nearestBySocket(
  topology: NumaTopology,
  machine: MachineDescription,
  tiers: readonly Tier[],
): SocketBackends[] {
  const far = Number.MAX_SAFE_INTEGER;
  return topology.sockets.map(({ id, nodes }) => ({
    socket: id,
    tiers: tiers.flatMap((tier) => {
      const candidates = nodes.flatMap((from) => {
        const nearest = backendsByNearness(topology, machine, tier, from)[0];
        return nearest === undefined ? [] : [{ tier: tier.name, from, ...nearest }];
      });
      candidates.sort(
        (a, b) =>
          (a.distance ?? far) - (b.distance ?? far) ||
          Number(b.local) - Number(a.local) ||
          a.from - b.from,
      );
      return candidates.slice(0, 1);
    }),
  }));
}
