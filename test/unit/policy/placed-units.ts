/** Where a policy puts new units, for tests of policies that only place. */

import { createPolicy } from '../../../lib/policy/policies.ts';
import { ModelledStore, type ModelledTier } from '../../../lib/simulation/modelled-store.ts';

export const page = 4096;

export const memory = (
  capacityBytes: number,
  readLatencyNs: number,
  gigabytesPerSecond: number,
): ModelledTier => ({
  name: 'L1_DDR',
  capacityBytes,
  readLatencyNs,
  writeLatencyNs: readLatencyNs,
  readBytesPerSecond: gigabytesPerSecond * 1e9,
  writeBytesPerSecond: gigabytesPerSecond * 1e9,
  costPerGiBMonth: 1,
});

/** Places one more page in `store`; returns its tier. */
export function placeOne(store: ModelledStore, name: string, tierHint = -1): number {
  const request = { bytes: page, tierHint, accessPattern: 'unknown' } as const;
  const tier = store.place(createPolicy(name), request);
  store.create(page, tier);
  return tier;
}

/** Units in each tier after `count` new ones of a page, with hints by index. */
export function placed(
  name: string,
  tiers: readonly ModelledTier[],
  count: number,
  hint: (unit: number) => number = () => -1,
): number[] {
  const store = new ModelledStore(tiers);
  for (let unit = 0; unit < count; unit++) placeOne(store, name, hint(unit));
  return store.unitCounts();
}
