/** Reads workloads whole, for tests. */

import type { Workload } from '../../../../lib/simulation/workload.ts';

export interface Access {
  readonly key: number;
  readonly sizeBytes: number;
  readonly write: number;
}

/** Accesses `from` to `to` of a workload, the load phase counted. */
export async function accessesOf(
  workload: Workload,
  from: number = 0,
  to: number = Infinity,
): Promise<Access[]> {
  const list: Access[] = [];
  let at = 0;
  for await (const batch of workload.batches()) {
    for (let row = 0; row < batch.length; row++, at++) {
      if (at < from) continue;
      if (at >= to) return list;
      list.push({
        key: batch.key[row],
        sizeBytes: batch.sizeBytes[row],
        write: batch.write[row],
      });
    }
  }
  return list;
}

/** Keys after the load phase. */
export async function keysOf(workload: Workload, count: number = Infinity): Promise<number[]> {
  const { loadRequests = 0 } = workload;
  const list = await accessesOf(workload, loadRequests, loadRequests + count);
  return list.map(({ key }) => key);
}
