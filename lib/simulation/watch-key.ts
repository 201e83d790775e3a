/** Finds out which unit of a simulation a key of its workload is, while it is played. */

import { KeyTable } from './key-table.ts';
import type { TraceBatch } from './trace-parser.ts';
import type { Workload } from './workload.ts';

/** A workload, and the number that the unit of one of its keys has in a {@link simulate | simulation}. */
export interface WatchedKey {
  readonly workload: Workload;
  /** Undefined until the key's first request was played. */
  readonly unit: () => number | undefined;
}

/** Watches for `key`. Until it has come, that takes the memory of a table of the keys before it. */
export function watchKey(workload: Workload, key: number): WatchedKey {
  let unit: number | undefined;
  async function* batches(): AsyncGenerator<TraceBatch> {
    const keys = new KeyTable();
    for await (const batch of workload.batches()) {
      for (let row = 0; row < batch.length && unit === undefined; row++) {
        const number = keys.add(batch.key[row]);
        if (batch.key[row] === key) unit = number;
      }
      yield batch;
    }
  }
  const watched: Workload = {
    name: workload.name,
    weight: workload.weight,
    get loadRequests() {
      return workload.loadRequests;
    },
    get shifts() {
      return workload.shifts;
    },
    batches,
  };
  return { workload: watched, unit: () => unit };
}
