/** The migration engine's view of a store: units to look at, units to move. */

import { TierError } from '../errors.ts';
import type {
  MigrationTarget,
  MoveResult,
  SnapshotOptions,
} from '../migration/migration-target.ts';
import { defaultCosts } from '../policy/cost-model.ts';
import type { TierState } from '../policy/policy.ts';
import { Evacuation } from './evacuation.ts';
import type { HeatLedger } from './heat-ledger.ts';
import type { Integrity } from './integrity.ts';
import { chunkUnitBase } from './large-object.ts';
import type { Mover } from './mover.ts';
import type { ObjectSpace } from './object-space.ts';
import { UnitScanner } from './unit-scanner.ts';

/** Small objects and chunks of one store as units. */
export class StoreUnits implements MigrationTarget {
  readonly #space: ObjectSpace;
  readonly #ledger: HeatLedger;
  readonly #mover: Mover;
  readonly #integrity: Integrity;
  readonly #scanner: UnitScanner;
  readonly #evacuation: Evacuation;
  /** Access clock at the last plan that was not a dry run. */
  #plannedAt = 0;
  #closed = false;

  constructor(space: ObjectSpace, ledger: HeatLedger, mover: Mover, integrity: Integrity) {
    this.#space = space;
    this.#ledger = ledger;
    this.#mover = mover;
    this.#integrity = integrity;
    this.#scanner = new UnitScanner(space, ledger, integrity.book);
    this.#evacuation = new Evacuation(space, integrity, mover.mayMove, () => this.#closed);
  }

  /** The tiers as they are now; `usedBytes` stays current in the same objects. */
  tierStates(): TierState[] {
    const space = this.#space;
    return space.set.tiers.map(({ name, capacityBytes, spec }, tier) => ({
      name,
      capacityBytes,
      get usedBytes() {
        return space.occupiedBytes(tier);
      },
      readLatencyNs: spec.readLatencyNs.value,
      writeLatencyNs: spec.writeLatencyNs.value,
      readBytesPerSecond: spec.readBytesPerSecond.value,
      writeBytesPerSecond: spec.writeBytesPerSecond.value,
      costPerGiBMonth: spec.costPerGiBMonth.value,
    }));
  }

  /** Small objects and chunks of large ones, by tier. */
  unitCounts(): number[] {
    const { set, allocators, largeOfChunk } = this.#space;
    const counts = set.tiers.map(() => 0);
    for (const { tier, index } of set.all) counts[tier] += allocators[index].objects;
    for (const chunk of largeOfChunk.keys()) counts[set.tierOf(chunk)]++;
    return counts;
  }

  snapshot(options: SnapshotOptions): ReturnType<MigrationTarget['snapshot']> {
    this.#check();
    this.#integrity.settle();
    const { halfLifeAccesses, maxUnits, step, dryRun = false } = options;
    const ledger = this.#ledger;
    const before = this.#plannedAt;
    ledger.fold(halfLifeAccesses, dryRun, step);
    if (!dryRun) this.#plannedAt = ledger.clock.accesses;
    return {
      tiers: this.tierStates(),
      costs: defaultCosts,
      units: this.#scanner.scan(maxUnits),
      histograms: ledger.histograms.view(ledger.clock.now),
      unitCounts: this.unitCounts(),
      accessClock: ledger.clock.accesses,
      accessesSincePlan: ledger.clock.accesses - before,
      halfLifeAccesses,
    };
  }

  move(
    unit: number,
    from: number,
    to: number,
    signal?: AbortSignal,
  ): MoveResult | Promise<MoveResult> {
    return this.#closed ? 'gone' : this.#mover.move(unit, from, to, signal);
  }

  tidy(thorough: boolean): Generator<number, void> | undefined {
    return this.#closed ? undefined : this.#evacuation.turn(thorough);
  }

  heatLog2(unit: number): number {
    const space = this.#space;
    const { now } = this.#ledger.clock;
    if (this.#closed) return -Infinity;
    if (unit >= chunkUnitBase) {
      const chunk = unit - chunkUnitBase;
      const object = space.largeOfChunk.get(chunk);
      return object === undefined ? -Infinity : object.heat[chunk - object.firstChunk] - now;
    }
    const alive = unit < space.table.end && space.isSmall(unit);
    return alive ? this.#ledger.stored(unit) - now : -Infinity;
  }

  /** From now on there is nothing to see and nothing to move. */
  close(): void {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', 'The memory is closed.');
  }
}
