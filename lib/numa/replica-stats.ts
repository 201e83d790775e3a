/** What became of a region's copies, summed up for people. */

import { chunkBytes } from '../native.ts';
import { reluctance } from './replica-benefit.ts';
import { copyState, type ReplicaTable, replicaBlockBytes } from './replica-table.ts';

/** One node's copy. */
export interface NodeReplica {
  readonly node: number;
  /**
   * `none`: reads from there have not been worth one, or it was given back. `wanted`: the owner was asked and has not
   * come to it, which needs its event loop. `held`: there is one. `refused`: there was no room; it is asked again
   * when it would have been worth twice as much.
   */
  readonly state: keyof typeof copyState;
  /** Bytes of memory it takes, and is charged for. */
  readonly heldBytes: number;
  /** Bytes of it that are the region's present ones. */
  readonly validBytes: number;
  /** Bytes that are not copied readily any more, because copies were written off before they had paid. */
  readonly heldBackBytes: number;
  /** Why there is none; empty unless `refused`. */
  readonly reason: string;
}

/** A replicated region, as all threads use it. Counts begin when it was shared. */
export interface ReplicaStats {
  /** Reads and uses of memory as near to the thread as the tier has it: the region itself, or a copy. */
  readonly localReads: number;
  /** Others; also those of which a part had to be got from afar. */
  readonly remoteReads: number;
  readonly writes: number;
  /** Blocks of 64 KiB that were copied to a node, ever. */
  readonly copiedBlocks: number;
  /** Copies of blocks that writes made useless. */
  readonly invalidations: number;
  /** Bytes that all copies take. */
  readonly heldBytes: number;
  /** Nodes that can have a copy; none on a machine where all memory is equally near. */
  readonly nodes: readonly NodeReplica[];
}

const states = Object.keys(copyState) as (keyof typeof copyState)[];

/** Sums a table up. Takes some microseconds for each MiB of the region. */
export function replicaStats(table: ReplicaTable): ReplicaStats {
  const { localReads, remoteReads, copies } = table.counts();
  const nodes = table.parts.nodes.map((node, index) => describeNode(table, node, index));
  return {
    localReads,
    remoteReads,
    writes: table.writes,
    copiedBlocks: copies,
    invalidations: table.invalidations,
    heldBytes: nodes.reduce((sum, { heldBytes }) => sum + heldBytes, 0),
    nodes,
  };
}

function describeNode(table: ReplicaTable, node: number, index: number): NodeReplica {
  const isHeld = table.generation(index) !== 0;
  const state = states[table.state(index)];
  let validBytes = 0;
  let heldBackBytes = 0;
  for (let block = 0; block < table.blocks; block++) {
    const from = block * replicaBlockBytes;
    const bytes = Math.min(replicaBlockBytes, table.parts.byteLength - from);
    if (isHeld && table.held(index, block) === table.version(block)) validBytes += bytes;
    if (reluctance(table.benefit(index, block)) > 0) heldBackBytes += bytes;
  }
  const heldBytes = isHeld ? table.chunks * chunkBytes : 0;
  const reason = state === 'refused' ? table.text(index) : '';
  return { node, state, heldBytes, validBytes, heldBackBytes, reason };
}
