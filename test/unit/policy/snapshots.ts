/** Snapshots and units by hand, for tests of policies. */

import { defaultCosts } from '../../../lib/policy/cost-model.ts';
import type { Snapshot, TierState } from '../../../lib/policy/policy.ts';
import type { ReuseTable } from '../../../lib/policy/reuse.ts';
import { ageBins, ageLengths, useClasses } from '../../../lib/policy/use-class.ts';
import { HeatHistograms } from '../../../lib/tracking/heat-histogram.ts';

export interface UnitSpec {
  readonly id: number;
  readonly bytes?: number;
  readonly tier: number;
  /** Decayed accesses now. */
  readonly heat: number;
  readonly reads?: number;
  readonly writes?: number;
  readonly dwellUntil?: number;
  /** Accesses since its last use. */
  readonly idle?: number;
  /** Bin of the gap before that. */
  readonly gap?: number;
}

export interface TierSpec {
  readonly capacityBytes: number;
  readonly readLatencyNs: number;
  readonly writeLatencyNs?: number;
}

/** A snapshot in which every unit is under consideration and used bytes are what the units make. */
export function snapshotOf(
  tierSpecs: readonly TierSpec[],
  unitSpecs: readonly UnitSpec[],
  more: Partial<Snapshot> = {},
): Snapshot {
  const bytesOf = (unit: UnitSpec): number => unit.bytes ?? 4096;
  const histograms = new HeatHistograms(tierSpecs.length);
  for (const unit of unitSpecs) {
    histograms.add(unit.tier, bytesOf(unit), Math.fround(Math.log2(unit.heat)));
  }
  const names = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'] as const;
  const tiers: TierState[] = tierSpecs.map((spec, tier) => ({
    name: names[tier],
    capacityBytes: spec.capacityBytes,
    usedBytes: unitSpecs.reduce((sum, u) => sum + (u.tier === tier ? bytesOf(u) : 0), 0),
    readLatencyNs: spec.readLatencyNs,
    writeLatencyNs: spec.writeLatencyNs ?? spec.readLatencyNs,
    readBytesPerSecond: 10e9,
    writeBytesPerSecond: 10e9,
    costPerGiBMonth: 1,
  }));
  return {
    tiers,
    costs: defaultCosts,
    units: {
      length: unitSpecs.length,
      id: Float64Array.from(unitSpecs, (u) => u.id),
      bytes: Float64Array.from(unitSpecs, bytesOf),
      tier: Uint8Array.from(unitSpecs, (u) => u.tier),
      heatLog2: Float32Array.from(unitSpecs, (u) => Math.log2(u.heat)),
      reads: Uint32Array.from(unitSpecs, (u) => u.reads ?? 0),
      writes: Uint32Array.from(unitSpecs, (u) => u.writes ?? 0),
      idle: Float64Array.from(unitSpecs, (u) => u.idle ?? 100),
      gap: Uint8Array.from(unitSpecs, (u) => u.gap ?? 1),
      dwellUntil: Float64Array.from(unitSpecs, (u) => u.dwellUntil ?? 0),
    },
    histograms: histograms.view(0),
    unitCounts: tierSpecs.map((_, tier) => unitSpecs.filter((u) => u.tier === tier).length),
    accessClock: 1000,
    accessesSincePlan: 100,
    halfLifeAccesses: 1000,
    pingPongShare: 0,
    realisedShare: 1,
    ...more,
  };
}

/** Units that each class and age of a {@link reuseOf} was learned from: far more than what is believed beforehand. */
const evidence = 1e6;

/**
 * What an estimator would have learned of a program in which a unit of a class, unused for an age of this bin, is used
 * with the probability `rate` at each access: one in 300 means again after about 300 accesses.
 */
export function reuseOf(
  rate: (useClass: number, ageBin: number) => number,
  more: Partial<ReuseTable> = {},
): ReuseTable {
  const uses = new Float64Array(useClasses * ageBins);
  const atRisk = new Float64Array(useClasses * ageBins);
  for (let c = 0; c < useClasses; c++) {
    for (let bin = 0; bin < ageBins; bin++) {
      const at = c * ageBins + bin;
      atRisk[at] = evidence * ageLengths[bin];
      uses[at] = atRisk[at] * rate(c, bin);
    }
  }
  return { uses, atRisk, lowestBin: 0, step: 1, writeShare: 0, ...more };
}

/** Bytes each tier holds after every step of a plan, in the order of the plan. */
export function fillingOf(
  snapshot: Snapshot,
  moves: readonly { bytes: number; from: number; to: number }[],
): number[][] {
  const used = snapshot.tiers.map((tier) => tier.usedBytes);
  return moves.map(({ bytes, from, to }) => {
    used[from] -= bytes;
    used[to] += bytes;
    return used.slice();
  });
}
