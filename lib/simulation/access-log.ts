/** A whole workload in memory: what an oracle, which knows the future, works on. */

import { KeyTable } from './key-table.ts';
import { UnitList } from './unit-list.ts';
import type { Workload } from './workload.ts';

/** Accesses as columns. Units are numbered in order of their first access. */
export interface AccessLog {
  readonly name: string;
  /** Accesses of the program that one row stands for. */
  readonly weight: number;
  /** Rows. */
  readonly length: number;
  readonly unit: Uint32Array;
  /** 1 for a write, 0 for a read. */
  readonly write: Uint8Array;
  readonly unitCount: number;
  /** By unit; the largest size a key was seen with. */
  readonly sizeBytes: Float64Array;
  /** Sum of `sizeBytes`. */
  readonly footprintBytes: number;
}

/**
 * Reads a workload into memory: 5 bytes an access and 8 a unit.
 *
 * @param onProgress - called after each batch with the requests read so far
 */
export async function loadAccessLog(
  workload: Workload,
  onProgress?: (requests: number) => void,
): Promise<AccessLog> {
  const keys = new KeyTable();
  const rows = new UnitList();
  let write = new Uint8Array(1024);
  let sizes = new Float64Array(1024);
  for await (const batch of workload.batches()) {
    for (let row = 0; row < batch.length; row++) {
      const unit = keys.add(batch.key[row]);
      if (unit === sizes.length) sizes = widened(sizes, new Float64Array(unit * 2));
      if (batch.sizeBytes[row] > sizes[unit]) sizes[unit] = batch.sizeBytes[row];
      const at = rows.push(unit);
      if (at === write.length) write = widened(write, new Uint8Array(at * 2));
      write[at] = batch.write[row];
    }
    onProgress?.(rows.length);
  }
  const sizeBytes = sizes.subarray(0, keys.size);
  return {
    name: workload.name,
    weight: workload.weight,
    length: rows.length,
    unit: rows.units.subarray(0, rows.length),
    write: write.subarray(0, rows.length),
    unitCount: keys.size,
    sizeBytes,
    footprintBytes: sizeBytes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

function widened<A extends Float64Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
