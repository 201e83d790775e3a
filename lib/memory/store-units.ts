/** The migration engine's view of a store: units to look at, units to move. */

import { TierError } from '../errors.ts';
import type {
  MigrationTarget,
  MoveResult,
  SnapshotOptions,
} from '../migration/migration-target.ts';
import { defaultCosts } from '../policy/cost-model.ts';
import { fastUnits } from '../policy/fast-units.ts';
import type { AccessPattern, SlabShape, TierState } from '../policy/policy.ts';
import { usableBytes } from '../policy/thresholds.ts';
import { accessClasses, randomAccess } from '../tracking/stream-classifier.ts';
import { type PatternStats, UnitPatterns } from '../tracking/unit-patterns.ts';
import { minAccesses, writeShare } from '../tracking/usage-patterns.ts';
import { Evacuation } from './evacuation.ts';
import { type HeatLedger, maxCount } from './heat-ledger.ts';
import type { Integrity } from './integrity.ts';
import { chunkUnitBase } from './large-object.ts';
import type { LatencyWatch } from './latency-watch.ts';
import type { Mover } from './mover.ts';
import type { NodeUse } from './node-use.ts';
import type { ObjectSpace } from './object-space.ts';
import {
  recordWords,
  segmentMask,
  segmentShift,
  typeMask,
  typeShift,
  whereWord,
} from './object-table.ts';
import { valueKind, valueKinds } from './placement.ts';
import { tiersBeside } from './same-drive.ts';
import { collectCounts } from './shared-counts.ts';
import { sizeClasses, unitBytes } from './size-classes.ts';
import { UnitScanner } from './unit-scanner.ts';

const slabShapes: readonly SlabShape[] = sizeClasses.map(({ slotBytes, slots, units }) => ({
  slotBytes,
  slots,
  slabBytes: units * unitBytes,
}));
/** Share of the fastest tier, its head-room left out, from which on there is no room to waste in it. */
const pressedShare = 0.9;

/** Small objects and chunks of one store as units. */
export class StoreUnits implements MigrationTarget {
  /** Measures latencies under load, for policies that balance them. */
  latency: LatencyWatch | undefined;
  /** Knows who uses what from which node; undefined where no tier is on two. */
  nodes: NodeUse | undefined;
  /** Whether the policy is told. */
  tellsNodes = false;
  readonly #space: ObjectSpace;
  readonly #ledger: HeatLedger;
  readonly #mover: Mover;
  readonly #integrity: Integrity;
  readonly #scanner: UnitScanner;
  readonly #patterns: UnitPatterns;
  /** Of the units touched last, how many the patterns know of already. */
  #told = 0;
  /** The fastest tier has hardly any room left beside its head-room. */
  #isPressed = false;
  #keptOut = 0;
  readonly #evacuation: Evacuation;
  /** Access clock at the last plan that was not a dry run. */
  #plannedAt = 0;
  #closed = false;

  constructor(space: ObjectSpace, ledger: HeatLedger, mover: Mover, integrity: Integrity) {
    this.#space = space;
    this.#ledger = ledger;
    this.#mover = mover;
    this.#integrity = integrity;
    this.#patterns = new UnitPatterns({ kinds: valueKinds, kindOf: (unit) => this.#kindOf(unit) });
    this.#scanner = new UnitScanner(space, ledger, integrity.book, this.#patterns);
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
      get slabs() {
        return space.packedSlabs(tier);
      },
      readLatencyNs: spec.readLatencyNs.value,
      writeLatencyNs: spec.writeLatencyNs.value,
      readBytesPerSecond: spec.readBytesPerSecond.value,
      writeBytesPerSecond: spec.writeBytesPerSecond.value,
      costPerGiBMonth: spec.costPerGiBMonth.value,
      writeBytesPerDay: spec.writeBytesPerDay?.value,
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
    this.#collectShared();
    ledger.fold(halfLifeAccesses, dryRun, step);
    if (!dryRun) this.#plannedAt = ledger.clock.accesses;
    const tiers = this.tierStates();
    const unitCounts = this.unitCounts();
    const { touched, clock } = ledger;
    this.#patterns.observe(touched, this.#told, clock.accesses, fastUnits(tiers, unitCounts));
    this.nodes?.observe(touched, this.#told, { accesses: clock.accesses, halfLifeAccesses });
    this.#told = dryRun ? touched.length : 0;
    if (!dryRun) this.#isPressed = tiers[0].usedBytes >= pressedShare * usableBytes(tiers[0]);
    const units = this.#scanner.scan(maxUnits);
    const nodes = this.tellsNodes ? this.nodes : undefined;
    if (nodes !== undefined) Object.assign(units, nodes.columns(units));
    return {
      tiers,
      slabShapes,
      costs: defaultCosts,
      units,
      histograms: ledger.histograms.view(ledger.clock.now),
      unitCounts,
      accessClock: ledger.clock.accesses,
      accessesSincePlan: ledger.clock.accesses - before,
      halfLifeAccesses,
      latencyBalance: this.latency?.observe(units, tiers, dryRun),
      nodes: nodes?.states(),
    };
  }

  /** Of accesses so far, as of the last plan; and how many new values were not let into the fastest tier for them. */
  patterns(): PatternStats & { readonly keptOut: number } {
    return { ...this.#patterns.stats(), keptOut: this.#keptOut };
  }

  /**
   * Whether the new value of a kind is better not let into the fastest tier: room is scarce there, and hardly any of
   * its kind was used after it was stored. To be asked once a value: it counts.
   */
  storedOnce(kind: number): boolean {
    if (!this.#isPressed || !this.#patterns.storedOnce(kind)) return false;
    this.#keptOut++;
    return true;
  }

  /** How a small object was used when it was used last before the last plan; undefined when that is not known. */
  patternOfSmall(id: number): AccessPattern | undefined {
    const { unit, reads, writes, length } = this.#ledger.touched;
    let at = -1;
    for (let i = 0; i < length; i++) if (unit[i] === id) at = i;
    if (at < 0) return undefined;
    if (this.#patterns.passingAt(at)) return 'one-touch';
    const accessClass = this.#patterns.classAt(at);
    if (accessClass !== randomAccess) return accessClasses[accessClass];
    const all = reads[at] + writes[at];
    return all >= minAccesses && writes[at] >= writeShare * all ? 'write-mostly' : undefined;
  }

  move(
    unit: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    node?: number,
  ): MoveResult | Promise<MoveResult> {
    return this.#closed ? 'gone' : this.#mover.move(unit, from, to, signal, node);
  }

  /** By the program, checkpoints on a tier's own drive included, and by closing holes. */
  writtenBytes(): readonly number[] {
    const { repackedBytes } = this.#space;
    return Array.from(this.#ledger.writtenBytes, (bytes, tier) => bytes + repackedBytes[tier]);
  }

  /** Somebody wrote a file of `bytes` bytes: a tier whose drive holds it, too, has taken them. */
  wroteFile(path: string, bytes: number): void {
    for (const tier of tiersBeside(this.#space.set, path)) this.#ledger.writtenBytes[tier] += bytes;
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

  /** What other threads did to the regions they have attached. */
  #collectShared(): void {
    for (const object of this.#space.shared) {
      if (object.sharedCounts === undefined) continue;
      collectCounts(object.sharedCounts, object.chunks, (index, node, { reads, writes }) => {
        this.#ledger.noteForeign(object, index, reads, writes);
        // As many as the owner's own can be, or it would seem to use the chunk less than it does.
        const accesses = Math.min(maxCount, reads) + Math.min(maxCount, writes);
        this.nodes?.noteShared(object, index, node, accesses);
      });
    }
  }

  /** -1 for chunks, whose order within a plan is that of their addresses. */
  #kindOf(unit: number): number {
    const space = this.#space;
    if (unit >= chunkUnitBase || !space.isSmall(unit)) return -1;
    const at = (unit & segmentMask) * recordWords + whereWord;
    const code = (space.table.words[unit >>> segmentShift][at] >>> typeShift) & typeMask;
    return valueKind(code, space.byteLength(unit));
  }

  #check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', 'The memory is closed.');
  }
}
