/** Nodes and the calling thread's place among them, as the store needs it. */

import { TierError } from '../errors.ts';
import { nativeBinding } from '../native.ts';
import { threadState } from './thread-state.ts';

/** Nodes, and where the calling thread is. */
export interface NodePlaces {
  /** Nodes that threads may run on. */
  readonly runnableNodes: readonly number[];
  /** The firmware's relative distance (10: its own); `null` when it does not say. */
  distance(from: number, to: number): number | null;
  /** Whether memory of `node` is next to the CPUs of `from`. */
  isLocal(from: number, node: number): boolean;
  /** The node whose CPU the calling thread is on now. About 0.1 µs. */
  currentNode(): number;
}

/** Of this machine; undefined without the addon. */
export function nodePlaces(): NodePlaces | undefined {
  const native = nativeBinding();
  if (native instanceof TierError) return undefined;
  const { topology } = threadState(native).source;
  return {
    runnableNodes: topology.runnableNodes.map(({ id }) => id),
    distance: (from, to) => topology.distance(from, to),
    isLocal: (from, node) => topology.isLocal(from, node),
    currentNode: () => native.currentNode(),
  };
}
