/** The simulator's store with the means tests want: tiers in a line, accesses by name, moves that can be made to fail. */

import type { MoveResult } from '../../../lib/migration/migration-target.ts';
import { headroomBytes } from '../../../lib/policy/thresholds.ts';
import { ModelledStore, type ModelledTier } from '../../../lib/simulation/modelled-store.ts';
import { tierNames } from '../../../lib/tiers/tier.ts';

export interface ModelTier {
  readonly name?: ModelledTier['name'];
  readonly capacityBytes: number;
  readonly readLatencyNs: number;
  readonly writeLatencyNs?: number;
  readonly bytesPerSecond?: number;
}

/** DDR and CXL figures of the study's yardstick: 100/250 ns, 100/30 GB/s. */
export const ddr = (capacityBytes: number): ModelTier => ({
  name: 'L1_DDR',
  capacityBytes,
  readLatencyNs: 100,
  bytesPerSecond: 100e9,
});
export const cxl = (capacityBytes: number): ModelTier => ({
  name: 'L2_CXL',
  capacityBytes,
  readLatencyNs: 250,
  bytesPerSecond: 30e9,
});
export const nvme = (capacityBytes: number): ModelTier => ({
  name: 'L4_NVME',
  capacityBytes,
  readLatencyNs: 20_000,
  bytesPerSecond: 3e9,
});

export class ModelTarget extends ModelledStore {
  /** Answers instead of moving, for tests of what the engine does with them. */
  moveHook:
    | ((unit: number, from: number, to: number) => MoveResult | Promise<MoveResult> | undefined)
    | undefined;

  constructor(tiers: readonly ModelTier[]) {
    super(
      tiers.map((tier, i) => ({
        name: tier.name ?? tierNames[i],
        capacityBytes: tier.capacityBytes,
        readLatencyNs: tier.readLatencyNs,
        writeLatencyNs: tier.writeLatencyNs ?? tier.readLatencyNs,
        readBytesPerSecond: tier.bytesPerSecond ?? 10e9,
        writeBytesPerSecond: tier.bytesPerSecond ?? 10e9,
        costPerGiBMonth: 1,
      })),
    );
  }

  /** Puts a unit into the fastest tier with room beside its head-room, or into `tier`. */
  override create(bytes: number, tier?: number): number {
    const states = this.tierStates();
    let to = tier ?? 0;
    if (tier === undefined) {
      while (
        to < states.length - 1 &&
        states[to].usedBytes + bytes >
          states[to].capacityBytes - headroomBytes(states[to].capacityBytes)
      )
        to++;
    }
    return super.create(bytes, to);
  }

  read(unit: number, times = 1): void {
    this.access(unit, false, times);
  }

  write(unit: number, times = 1): void {
    this.access(unit, true, times);
  }

  override move(unit: number, from: number, to: number): MoveResult | Promise<MoveResult> {
    return this.moveHook?.(unit, from, to) ?? super.move(unit, from, to);
  }
}
