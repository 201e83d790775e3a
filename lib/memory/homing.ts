/**
 * What to do about nodes whose memory goes away and comes back. When a node is taken offline the kernel moves its pages
 * to other nodes, whatever they are bound to, and says nothing; when it returns they stay where they are.
 */

import type { Slices } from '../slices.ts';
import type { Limit } from '../tiers/tier.ts';
import type { BackendSet, BackendState } from './backend-set.ts';
import type { Mover } from './mover.ts';

/** Backends whose node has no memory now, as limits that say so. Reads one small file a node. */
export function absentNodes({ all, heap, tiers }: BackendSet): Limit[] {
  return all.filter(isOffline).map(({ tier, node }) => ({
    what: tiers[tier].name,
    reason: `node ${node} has no memory now: it was taken offline`,
    hint:
      'Bring it back, e.g. with daxctl online-memory. Its data is safe on other nodes, and optimizePlacement() ' +
      'moves it back then.',
  }));

  function isOffline({ config, index }: BackendState): boolean {
    return config.kind === 'numa' && !heap.isAvailable(index);
  }
}

/**
 * Moves chunks that are not on their backend's node back to it, off the main thread. Resolves to how many it moved.
 * Costs one system call for 1024 chunks that are where they belong.
 */
export async function bringStraysHome(
  { all, heap }: BackendSet,
  mover: Mover,
  isClosed: () => boolean,
  slices: Slices,
): Promise<number> {
  let moved = 0;
  await slices.during(async () => {
    for (const { index, config } of all) {
      if (config.kind !== 'numa') continue;
      let from: number | null = 0;
      while (from !== null && !isClosed() && heap.isAvailable(index)) {
        const strays: ReturnType<typeof heap.strayChunks> = heap.strayChunks(index, from);
        from = strays.next;
        for (const chunk of strays.chunks) {
          // It may have been freed, or taken by somebody else, during the last move.
          if (isClosed() || heap.strayChunks(index, chunk).chunks[0] !== chunk) continue;
          if (await slices.outside(mover.bringHome(chunk))) moved++;
        }
        // One look is a slice of the main thread.
        if (from !== null) await slices.yield();
      }
    }
  });
  return moved;
}
