/**
 * A store without bytes: units with sizes in modelled tiers, whose accesses and moves cost modelled time. Heat,
 * histograms and everything above them is the code that runs in a program.
 */

import type {
  MigrationTarget,
  MoveResult,
  SnapshotOptions,
} from '../migration/migration-target.ts';
import { type CostModel, defaultCosts, moveNs, type TierSpeed } from '../policy/cost-model.ts';
import type {
  Arrivals,
  HeatHistogram,
  PlacementRequest,
  Policy,
  TierState,
  UnitColumns,
} from '../policy/policy.ts';
import { gapOfInterval } from '../policy/unit-state.ts';
import type { TierName } from '../tiers/tier.ts';
import { CoolingClock, foldHeat, neverAccessed } from '../tracking/heat.ts';
import { HeatHistograms } from '../tracking/heat-histogram.ts';
import { AccessPrice } from './access-price.ts';
import { UnitList } from './unit-list.ts';
import * as unitRecords from './unit-records.ts';
import { gapIn, tierAndGap, tierIn, UnitRecords } from './unit-records.ts';

/** Capacity and figures of a tier that is only modelled. */
export interface ModelledTier extends TierSpeed {
  readonly name: TierName;
  readonly capacityBytes: number;
  /** Bytes policies should keep free. Default: as in a program. */
  readonly headroomBytes?: number | undefined;
  readonly costPerGiBMonth: number;
  /** Endurance, as in a program; absent: no limit. */
  readonly writeBytesPerDay?: number | undefined;
}

/** What one tier served and what came into it, since the start. */
export interface TierTally {
  accesses: number;
  accessNs: number;
  movesIn: number;
  bytesIn: number;
}

/** Imports are looked up at each use where modules are loaded by a test runner, and a plan's loops are hot. */
const { bytesDouble, doublesShift, heatWord, lastUseDouble } = unitRecords;
const { placeWord, roundWord, tierWord, wordsShift } = unitRecords;

const gone = 255;

type Columns = {
  -readonly [K in keyof Omit<UnitColumns, 'dwellUntil'>]: Omit<UnitColumns, 'dwellUntil'>[K];
};

/** Units are numbered 0, 1, 2... as they are created. */
export class ModelledStore implements MigrationTarget {
  readonly clock: CoolingClock = new CoolingClock();
  readonly served: readonly TierTally[];
  /** Modelled time of all moves. */
  moveNs = 0;
  moves = 0;
  readonly #tiers: readonly ModelledTier[];
  readonly #states: readonly { usedBytes: number }[];
  readonly #tierStates: TierState[];
  readonly #costs: CostModel;
  readonly #histograms: HeatHistograms;
  readonly #histogramViews: HeatHistogram[];
  readonly #members: readonly UnitList[];
  /** Where the rotation through a tier's units stands. */
  readonly #hands: number[];
  readonly #written: number[];
  /** What an access to a unit of some size takes, by tier. */
  readonly #prices: readonly AccessPrice[];
  #count = 0;
  readonly #records = new UnitRecords(1024);
  /** Since the last plan: two by two, reads and writes of a unit. */
  #uses = new Uint32Array(2 * 1024);
  #touched = new UnitList();
  #round = 0;
  #pending = 0;
  /** Units there were at the last snapshot. */
  #countThen = 0;
  #columns: Columns = makeColumns(1024);

  constructor(tiers: readonly ModelledTier[], costs: CostModel = defaultCosts) {
    this.#tiers = tiers;
    this.#costs = costs;
    this.#tierStates = tiers.map((tier) => ({ ...tier, usedBytes: 0 }));
    this.#states = this.#tierStates as { usedBytes: number }[];
    this.served = tiers.map(() => ({ accesses: 0, accessNs: 0, movesIn: 0, bytesIn: 0 }));
    this.#members = tiers.map(() => new UnitList());
    this.#hands = tiers.map(() => 0);
    this.#written = tiers.map(() => 0);
    this.#prices = tiers.map((tier) => new AccessPrice(tier, costs));
    this.#histograms = new HeatHistograms(tiers.length);
    this.#histogramViews = this.#histograms.view(0);
  }

  get size(): number {
    return this.#count;
  }

  get usedBytes(): readonly number[] {
    return this.#states.map(({ usedBytes }) => usedBytes);
  }

  tierOf(unit: number): number {
    return tierIn(this.#records.words[(unit << wordsShift) + tierWord]);
  }

  /** Where a policy puts a new unit: the first tier it admits that has room, else any that has; -1: all are full. */
  place(policy: Policy, request: PlacementRequest): number {
    const last = this.#tiers.length - 1;
    for (let tier = 0; tier < last; tier++) {
      if (policy.admits(request, tier, this.#tierStates) && this.#fits(tier, request.bytes))
        return tier;
    }
    for (let tier = last; tier >= 0; tier--) if (this.#fits(tier, request.bytes)) return tier;
    return -1;
  }

  /** Creates a unit in a tier; that costs nothing. */
  create(bytes: number, tier: number): number {
    const unit = this.#count++;
    if (unit === this.#records.capacity) this.#grow();
    const { doubles, floats, words } = this.#records;
    doubles[(unit << doublesShift) + bytesDouble] = bytes;
    doubles[(unit << doublesShift) + lastUseDouble] = -Infinity;
    floats[(unit << wordsShift) + heatWord] = neverAccessed;
    words[(unit << wordsShift) + placeWord] = this.#members[tier].push(unit);
    words[(unit << wordsShift) + tierWord] = tierAndGap(tier, 0);
    this.#states[tier].usedBytes += bytes;
    this.#written[tier] += bytes;
    this.#histograms.add(tier, bytes, neverAccessed);
    return unit;
  }

  /**
   * Accesses a unit `times` times, of which the tracker sees `seen`, and returns what that costs in nanoseconds.
   */
  access(unit: number, write: boolean, times = 1, seen: number = times): number {
    const { doubles, words } = this.#records;
    const tier = tierIn(words[(unit << wordsShift) + tierWord]);
    const bytes = doubles[(unit << doublesShift) + bytesDouble];
    const each = this.#prices[tier].ns(bytes, write);
    const tally = this.served[tier];
    tally.accesses += times;
    tally.accessNs += times * each;
    if (write) this.#written[tier] += times * Math.min(bytes, this.#costs.accessBytes);
    if (seen > 0) this.#see(unit, write, seen);
    return times * each;
  }

  #see(unit: number, write: boolean, times: number): void {
    const uses = this.#uses;
    if (uses[2 * unit] === 0 && uses[2 * unit + 1] === 0) this.#touched.push(unit);
    uses[write ? 2 * unit + 1 : 2 * unit] += times;
    this.#pending += times;
  }

  delete(unit: number): void {
    const tier = this.tierOf(unit);
    const { doubles, floats, words } = this.#records;
    const bytes = doubles[(unit << doublesShift) + bytesDouble];
    this.#histograms.remove(tier, bytes, floats[(unit << wordsShift) + heatWord]);
    this.#states[tier].usedBytes -= bytes;
    this.#unlink(unit, tier);
    words[(unit << wordsShift) + tierWord] = tierAndGap(gone, 0);
  }

  tierStates(): TierState[] {
    return this.#tierStates;
  }

  unitCounts(): number[] {
    return this.#members.map(({ length }) => length);
  }

  snapshot({
    halfLifeAccesses,
    maxUnits,
    step = 1,
  }: SnapshotOptions): ReturnType<MigrationTarget['snapshot']> {
    const accessesSincePlan = this.#pending;
    const arrivals = this.#takeArrivals();
    this.#pending = 0;
    this.clock.advance(accessesSincePlan, halfLifeAccesses);
    if (this.clock.needsRebase) this.#rebase();
    this.#round++;
    this.#columns.length = 0;
    this.#takeTouched(maxUnits, accessesSincePlan, step);
    this.#takeRotating(maxUnits);
    this.#histograms.viewInto(this.#histogramViews, this.clock.now);
    return {
      tiers: this.#tierStates,
      costs: this.#costs,
      units: this.#columns,
      histograms: this.#histogramViews,
      unitCounts: this.unitCounts(),
      accessClock: this.clock.accesses,
      accessesSincePlan,
      arrivals,
      halfLifeAccesses,
    };
  }

  #takeArrivals(): Arrivals {
    const { units: touched, length } = this.#touched;
    let seen = 0;
    for (let i = 0; i < length; i++) if (touched[i] >= this.#countThen) seen++;
    const arrivals = { units: this.#count - this.#countThen, seen };
    this.#countThen = this.#count;
    return arrivals;
  }

  move(unit: number, from: number, to: number): MoveResult | Promise<MoveResult> {
    const { doubles, floats, words } = this.#records;
    const at = unit << wordsShift;
    const tier = tierIn(words[at + tierWord]);
    if (tier === gone) return 'gone';
    if (tier !== from) return 'elsewhere';
    const bytes = doubles[(unit << doublesShift) + bytesDouble];
    if (!this.#fits(to, bytes)) return 'full';
    this.#histograms.move(from, to, bytes, floats[at + heatWord]);
    this.#states[from].usedBytes -= bytes;
    this.#states[to].usedBytes += bytes;
    this.#unlink(unit, from);
    words[at + placeWord] = this.#members[to].push(unit);
    words[at + tierWord] = tierAndGap(to, gapIn(words[at + tierWord]));
    this.moves++;
    this.moveNs += moveNs(this.#tiers[from], this.#tiers[to], bytes, this.#costs);
    this.served[to].movesIn++;
    this.served[to].bytesIn += bytes;
    return 'moved';
  }

  /** By creating and writing units. Unlike a program's page cache, it merges nothing. Goes on counting. */
  writtenBytes(): readonly number[] {
    return this.#written;
  }

  heatLog2(unit: number): number {
    if (this.tierOf(unit) === gone) return -Infinity;
    return this.#records.floats[(unit << wordsShift) + heatWord] - this.clock.now;
  }

  #fits(tier: number, bytes: number): boolean {
    return this.#states[tier].usedBytes + bytes <= this.#tiers[tier].capacityBytes;
  }

  #takeTouched(maxUnits: number, interval: number, step: number): void {
    const { now, accesses: clock } = this.clock;
    const { units, length } = this.#touched;
    const { doubles, floats, words } = this.#records;
    const uses = this.#uses;
    this.#makeRoom(Math.min(length, maxUnits));
    const columns = this.#columns;
    for (let i = 0; i < length; i++) {
      const unit = units[i];
      const reads = uses[2 * unit];
      const writes = uses[2 * unit + 1];
      uses[2 * unit] = 0;
      uses[2 * unit + 1] = 0;
      const at = unit << wordsShift;
      const tier = tierIn(words[at + tierWord]);
      if (tier === gone) continue;
      const gap = gapIn(words[at + tierWord]);
      const bytes = doubles[(unit << doublesShift) + bytesDouble];
      const idle = clock - doubles[(unit << doublesShift) + lastUseDouble];
      const before = floats[at + heatWord];
      const after = foldHeat(before, now, reads + writes);
      floats[at + heatWord] = after;
      this.#histograms.touch(tier, bytes, before, after);
      if (columns.length < maxUnits) {
        const row = columns.length++;
        words[at + roundWord] = this.#round;
        columns.id[row] = unit;
        columns.bytes[row] = bytes;
        columns.tier[row] = tier;
        columns.heatLog2[row] = after - now;
        columns.reads[row] = reads;
        columns.writes[row] = writes;
        columns.idle[row] = idle;
        columns.gap[row] = gap;
      }
      words[at + tierWord] = tierAndGap(tier, gapOfInterval(reads + writes, idle, interval, step));
      doubles[(unit << doublesShift) + lastUseDouble] = clock;
    }
    this.#touched.length = 0;
  }

  /** Each tier gets an equal share of what is left, fastest first, and what it does not need goes to the next. */
  #takeRotating(maxUnits: number): void {
    if (this.#columns.length >= maxUnits) return;
    for (let tier = 0; tier < this.#members.length; tier++) {
      const left = Math.max(0, maxUnits - this.#columns.length);
      this.#rotate(tier, Math.ceil(left / (this.#members.length - tier)));
    }
  }

  /** Takes the next `wanted` units of a tier that are not listed yet; nobody has used them since the last plan. */
  #rotate(tier: number, wanted: number): void {
    const { now, accesses: clock } = this.clock;
    const { units, length } = this.#members[tier];
    const { doubles, floats, words } = this.#records;
    const round = this.#round;
    this.#makeRoom(Math.min(length, wanted));
    const columns = this.#columns;
    const { id, bytes, tier: tiers, heatLog2, reads, writes, idle, gap } = columns;
    const end = columns.length + wanted;
    let row = columns.length;
    let hand = this.#hands[tier];
    for (let looked = 0; looked < length && row < end; looked++) {
      hand = hand + 1 < length ? hand + 1 : 0;
      const unit = units[hand];
      const at = unit << wordsShift;
      if (words[at + roundWord] === round) continue;
      id[row] = unit;
      bytes[row] = doubles[(unit << doublesShift) + bytesDouble];
      tiers[row] = tier;
      heatLog2[row] = floats[at + heatWord] - now;
      reads[row] = 0;
      writes[row] = 0;
      idle[row] = clock - doubles[(unit << doublesShift) + lastUseDouble];
      gap[row] = gapIn(words[at + tierWord]);
      row++;
    }
    columns.length = row;
    this.#hands[tier] = hand;
  }

  /** Room for so many more rows. */
  #makeRoom(rows: number): void {
    const needed = this.#columns.length + rows;
    while (this.#columns.id.length < needed) this.#columns = widened(this.#columns);
  }

  #rebase(): void {
    const by = this.clock.rebase();
    const { floats } = this.#records;
    const end = this.#count << wordsShift;
    for (let at = heatWord; at < end; at += 1 << wordsShift) floats[at] -= by;
    this.#histograms.shift(by);
  }

  #unlink(unit: number, tier: number): void {
    const { words } = this.#records;
    const place = words[(unit << wordsShift) + placeWord];
    const moved = this.#members[tier].removeAt(place);
    if (moved >= 0) words[(moved << wordsShift) + placeWord] = place;
  }

  #grow(): void {
    this.#records.grow();
    this.#uses = copied(this.#uses, new Uint32Array(this.#uses.length * 2));
  }
}

function copied<A extends Float64Array | Float32Array | Uint32Array | Uint8Array>(
  from: A,
  to: A,
): A {
  to.set(from);
  return to;
}

function makeColumns(capacity: number): Columns {
  return {
    length: 0,
    id: new Float64Array(capacity),
    bytes: new Float64Array(capacity),
    tier: new Uint8Array(capacity),
    heatLog2: new Float32Array(capacity),
    reads: new Uint32Array(capacity),
    writes: new Uint32Array(capacity),
    idle: new Float64Array(capacity),
    gap: new Uint8Array(capacity),
  };
}

function widened(from: Columns): Columns {
  const to = makeColumns(from.id.length * 2);
  to.length = from.length;
  copied(from.id, to.id);
  copied(from.bytes, to.bytes);
  copied(from.tier, to.tier);
  copied(from.heatLog2, to.heatLog2);
  copied(from.reads, to.reads);
  copied(from.writes, to.writes);
  copied(from.idle, to.idle);
  copied(from.gap, to.gap);
  return to;
}
