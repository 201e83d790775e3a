/** Two tiers and costs with numbers that can be added up in the head. */

import type { CostModel } from '../../../lib/policy/cost-model.ts';
import type { Policy, Snapshot } from '../../../lib/policy/policy.ts';
import type { ModelledTier } from '../../../lib/simulation/modelled-store.ts';
import type { TraceBatch } from '../../../lib/simulation/trace-parser.ts';
import type { Workload } from '../../../lib/simulation/workload.ts';

/** A byte a nanosecond, 100 ns to read and 200 to write. */
export const fast: ModelledTier = {
  name: 'L1_DDR',
  capacityBytes: 100,
  readLatencyNs: 100,
  writeLatencyNs: 200,
  readBytesPerSecond: 1e9,
  writeBytesPerSecond: 1e9,
  costPerGiBMonth: 1,
};

/** Two nanoseconds to read a byte, four to write one. */
export const slow: ModelledTier = {
  name: 'L2_CXL',
  capacityBytes: 1000,
  readLatencyNs: 300,
  writeLatencyNs: 500,
  readBytesPerSecond: 0.5e9,
  writeBytesPerSecond: 0.25e9,
  costPerGiBMonth: 0.5,
};

/** A device: slow enough that moves share its latency. */
export const drive: ModelledTier = {
  ...slow,
  name: 'L4_NVME',
  readLatencyNs: 4000,
  writeLatencyNs: 8000,
};

export const unitBytes: number = 64 * 1024;

/** Memory as fast as real one, for 64 units. */
export const ddr: ModelledTier = {
  name: 'L1_DDR',
  capacityBytes: 64 * unitBytes,
  readLatencyNs: 100,
  writeLatencyNs: 100,
  readBytesPerSecond: 100e9,
  writeBytesPerSecond: 100e9,
  costPerGiBMonth: 1,
};

export const costs: CostModel = {
  accessBytes: 64,
  moveOverheadNs: 10,
  moveNsPerByte: 0.5,
  deviceOverlap: 4,
};

/** A move as a scripted plan has it. */
export interface ScriptedMove {
  readonly unit: number;
  readonly from: number;
  readonly to: number;
}

/** A policy that does what it is told at each plan, and remembers what it was shown. */
export function scripted(
  moves: (plan: number, snapshot: Snapshot) => readonly ScriptedMove[],
  admits: Policy['admits'] = () => true,
): Policy & { readonly seen: Snapshot[] } {
  const seen: Snapshot[] = [];
  return {
    name: 'scripted',
    seen,
    halfLifeAccesses: () => 1000,
    admits,
    plan: (snapshot) => {
      const { units } = snapshot;
      seen.push({ ...snapshot, units: { ...units, reads: units.reads.slice() } });
      const script = moves(seen.length, snapshot);
      return {
        moves: script.map((move) => ({
          ...move,
          bytes: snapshot.units.bytes[snapshot.units.id.indexOf(move.unit)],
          reason: 'hot',
          gainNs: 0,
          costNs: 0,
        })),
        thresholdsLog2: snapshot.tiers.slice(1).map(() => 0),
        refused: {},
      };
    },
  };
}

export type Request = readonly [key: number, sizeBytes: number, op: 'r' | 'w'];

/** Requests as a workload, in batches of `rows`. */
export function requests(list: readonly Request[], weight = 1, rows = 3): Workload {
  return {
    name: 'list',
    weight,
    *batches(): Generator<TraceBatch> {
      for (let from = 0; from < list.length; from += rows) {
        const part = list.slice(from, from + rows);
        yield {
          length: part.length,
          firstLine: from + 2,
          key: Float64Array.from(part, ([key]) => key),
          sizeBytes: Float64Array.from(part, ([, bytes]) => bytes),
          write: Uint8Array.from(part, ([, , op]) => (op === 'w' ? 1 : 0)),
          time: new Float64Array(part.length),
        };
      }
    },
  };
}
