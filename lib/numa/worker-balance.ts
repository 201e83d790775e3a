/** Which node a worker should be on: greedily by load per CPU, and moved only where that pays. Pure. */

/** A node as far as workers are concerned. */
export interface NodeCapacity {
  readonly node: number;
  /** CPUs that this process may use. */
  readonly cpus: number;
}

/** A worker that is somewhere. Load: CPUs' worth of work, 0..1 for one thread. */
export interface LoadedWorker {
  readonly node: number;
  readonly load: number;
  /** Whether it could be moved. */
  readonly movable: boolean;
}

/** A worker, by its index, and where it should go. */
export interface WorkerMove {
  readonly worker: number;
  readonly from: number;
  readonly to: number;
}

/** A move has to take at least this share off the busier of its two nodes: a worker leaves its memory behind. */
const leastGain = 0.1;

/** Load of each node, by number. */
export function loadByNode(
  nodes: readonly NodeCapacity[],
  workers: readonly Pick<LoadedWorker, 'node' | 'load'>[],
): Map<number, number> {
  const loads = new Map(nodes.map(({ node }) => [node, 0]));
  for (const { node, load } of workers) loads.set(node, (loads.get(node) ?? 0) + load);
  return loads;
}

/**
 * The node for one more worker: the one with the least load per CPU once it is there. Equal ones: the first.
 * Undefined without nodes.
 */
export function leastLoaded(
  nodes: readonly NodeCapacity[],
  loads: ReadonlyMap<number, number>,
  load = 1,
): number | undefined {
  let best: number | undefined;
  let bestRatio = Number.POSITIVE_INFINITY;
  for (const { node, cpus } of nodes) {
    const ratio = ((loads.get(node) ?? 0) + load) / cpus;
    if (ratio >= bestRatio) continue;
    best = node;
    bestRatio = ratio;
  }
  return best;
}

/**
 * The fewest moves the greedy way: from the node with the most load per CPU, the worker and the target that leave
 * the busier of the two nodes least busy, for as long as that takes a tenth off it. No worker moves twice, so that
 * what is even stays, and what cannot be made even does not go back and forth.
 */
export function planMoves(
  nodes: readonly NodeCapacity[],
  workers: readonly LoadedWorker[],
): WorkerMove[] {
  const loads = loadByNode(nodes, workers);
  const capacity = new Map(nodes.map(({ node, cpus }) => [node, cpus]));
  const ratio = (node: number, change = 0): number =>
    ((loads.get(node) ?? 0) + change) / (capacity.get(node) ?? 0);
  const moved = new Set<number>();
  const moves: WorkerMove[] = [];
  for (;;) {
    const busiest = nodes.reduce<NodeCapacity | undefined>(
      (most, each) => (most === undefined || ratio(each.node) > ratio(most.node) ? each : most),
      undefined,
    );
    if (busiest === undefined) return moves;
    const from = busiest.node;
    let best: { readonly worker: number; readonly to: number; readonly left: number } | undefined;
    for (const [worker, { node, load, movable }] of workers.entries()) {
      if (node !== from || !movable || moved.has(worker)) continue;
      for (const { node: to } of nodes) {
        if (to === from) continue;
        const left = Math.max(ratio(from, -load), ratio(to, load));
        if (best === undefined || left < best.left) best = { worker, to, left };
      }
    }
    if (best === undefined || best.left > ratio(from) * (1 - leastGain)) return moves;
    const { worker, to } = best;
    const { load } = workers[worker]!;
    loads.set(from, loads.get(from)! - load);
    loads.set(to, (loads.get(to) ?? 0) + load);
    moved.add(worker);
    moves.push({ worker, from, to });
  }
}
