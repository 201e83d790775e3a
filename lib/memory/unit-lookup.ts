/** From an object to the units that plans know it by, and what can be said of one that no plan may move. */

import type { UnitExplanation } from '../explain/explain-plan.ts';
import { explanationText } from '../explain/explanation-text.ts';
import { chunkBytes } from '../native.ts';
import { chunkUnitBase } from './large-object.ts';
import type { ObjectStore } from './object-store.ts';
import { leasedFlag, pinnedFlag } from './object-table.ts';
import { type KnownPattern, patternOfLarge } from './region-patterns.ts';

/** Units of an object: itself, or its chunks in the order of their addresses. */
export function unitsOfObject({ space }: ObjectStore, id: number): number[] {
  const large = space.largeOf(id);
  if (large === undefined) return [id];
  return Array.from({ length: large.chunks }, (_, i) => chunkUnitBase + large.firstChunk + i);
}

/** How an object is used, as far as that was declared or seen. Of a small one: as of the last plan. */
export function knownPattern(store: ObjectStore, id: number): KnownPattern | undefined {
  const large = store.space.largeOf(id);
  if (large !== undefined) return patternOfLarge(large);
  const pattern = store.units.patternOfSmall(id);
  return pattern === undefined ? undefined : { pattern, source: 'seen' };
}

/**
 * Explains a unit of object `id` that is left out of plans. `ERR_TIER_CLOSED` is for the caller to find: the object
 * must be alive.
 */
export function explainHeld(store: ObjectStore, id: number, unit: number): UnitExplanation {
  const { space } = store;
  const large = space.largeOf(id);
  const chunk = large === undefined ? space.chunkOf(id) : unit - chunkUnitBase;
  const heatLog2 = store.units.heatLog2(unit);
  const facts: Omit<UnitExplanation, 'text'> = {
    unit,
    bytes: large === undefined ? space.slotBytes(id) : chunkBytes,
    tier: space.set.tiers[space.set.tierOf(chunk)].name,
    decision: 'stay',
    to: undefined,
    why: whyHeld(store, id, chunk),
    heat: 2 ** heatLog2,
    threshold: undefined,
    heatPerSecond: undefined,
    thresholdPerSecond: undefined,
    gainNs: 0,
    costNs: 0,
    dwellAccesses: 0,
  };
  return { ...facts, text: explanationText(facts) };
}

function whyHeld({ space, integrity }: ObjectStore, id: number, chunk: number): string {
  if (space.table.flag(id, leasedFlag) || space.table.flag(id, pinnedFlag)) return 'leased';
  const large = space.largeOf(id);
  if (integrity.book.has(id) || (large !== undefined && space.set.damage.has(chunk)))
    return 'damaged';
  return large?.tracked === false ? 'untracked' : 'leased';
}
