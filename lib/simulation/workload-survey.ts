/** A first pass over a workload for what sizes of tiers depend on. */

import { KeyTable } from './key-table.ts';
import type { Workload } from './workload.ts';

/** How much a workload has. */
export interface WorkloadSurvey {
  readonly requests: number;
  readonly units: number;
  /** Sum of the sizes that keys were first seen with. */
  readonly footprintBytes: number;
}

/**
 * Reads a workload once. Memory grows with its distinct keys, by 24 bytes each at most.
 *
 * @param onProgress - called after each batch with the requests read so far
 * @throws TierError what reading a trace throws
 */
export async function surveyWorkload(
  workload: Workload,
  onProgress?: (requests: number) => void,
): Promise<WorkloadSurvey> {
  const keys = new KeyTable();
  let requests = 0;
  let footprintBytes = 0;
  for await (const { key, sizeBytes, length } of workload.batches()) {
    for (let row = 0; row < length; row++) {
      const known = keys.size;
      if (keys.add(key[row]) === known) footprintBytes += sizeBytes[row];
    }
    requests += length;
    onProgress?.(requests);
  }
  return { requests, units: keys.size, footprintBytes };
}
