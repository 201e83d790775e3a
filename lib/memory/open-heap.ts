import { TierError } from '../errors.ts';
import { chunkBytes, nativeBinding } from '../native.ts';
import type { Tier } from '../tiers/tier.ts';
import type { NativeHeap } from './heap-binding.ts';
import { PlainHeap } from './plain-heap.ts';

/** A heap with address space for all tiers; where there is no addon, one of ordinary ArrayBuffers. */
export function openHeap(tiers: readonly Tier[]): NativeHeap {
  const binding = nativeBinding();
  if (binding instanceof TierError) return new PlainHeap();
  const capacityBytes = tiers.reduce((sum, tier) => sum + tier.capacityBytes, 0);
  // Address space is free; twice the budget leaves room for runs between holes.
  return binding.openHeap({ reserveBytes: 2 * capacityBytes + 64 * chunkBytes });
}
