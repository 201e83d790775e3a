/**
 * A store without bytes: units with sizes in modelled tiers, whose accesses and moves cost modelled time. Heat,
 * histograms and everything above them is the code that runs in a program.
 */

import type {
  MigrationTarget,
  MoveResult,
  SnapshotOptions,
} from '../migration/migration-target.ts';
import {
  accessNs,
  type CostModel,
  defaultCosts,
  moveNs,
  type TierSpeed,
} from '../policy/cost-model.ts';
import type { PlacementRequest, Policy, TierState, UnitColumns } from '../policy/policy.ts';
import { gapOfInterval } from '../policy/unit-state.ts';
import type { TierName } from '../tiers/tier.ts';
import { CoolingClock, foldHeat, neverAccessed, shiftHeat } from '../tracking/heat.ts';
import { HeatHistograms } from '../tracking/heat-histogram.ts';
import { UnitList } from './unit-list.ts';

/** Capacity and figures of a tier that is only modelled. */
export interface ModelledTier extends TierSpeed {
  readonly name: TierName;
  readonly capacityBytes: number;
  /** Bytes policies should keep free. Default: as in a program. */
  readonly headroomBytes?: number | undefined;
  readonly costPerGiBMonth: number;
}

/** What one tier served and what came into it, since the start. */
export interface TierTally {
  accesses: number;
  accessNs: number;
  movesIn: number;
  bytesIn: number;
}

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
  readonly #members: readonly UnitList[];
  /** Where the rotation through a tier's units stands. */
  readonly #hands: number[];
  #count = 0;
  #bytes = new Float64Array(1024);
  #tier = new Uint8Array(1024);
  #heat = new Float32Array(1024);
  #reads = new Uint32Array(1024);
  #writes = new Uint32Array(1024);
  #slot = new Uint32Array(1024);
  #seen = new Uint32Array(1024);
  /** Access clock at the plan that saw the unit's last use; -Infinity before. */
  #lastUse = new Float64Array(1024);
  #gap = new Uint8Array(1024);
  #touched = new UnitList();
  #round = 0;
  #pending = 0;
  #columns: Columns = makeColumns(1024);

  constructor(tiers: readonly ModelledTier[], costs: CostModel = defaultCosts) {
    this.#tiers = tiers;
    this.#costs = costs;
    this.#tierStates = tiers.map((tier) => ({ ...tier, usedBytes: 0 }));
    this.#states = this.#tierStates as { usedBytes: number }[];
    this.served = tiers.map(() => ({ accesses: 0, accessNs: 0, movesIn: 0, bytesIn: 0 }));
    this.#members = tiers.map(() => new UnitList());
    this.#hands = tiers.map(() => 0);
    this.#histograms = new HeatHistograms(tiers.length);
  }

  get size(): number {
    return this.#count;
  }

  get usedBytes(): readonly number[] {
    return this.#states.map(({ usedBytes }) => usedBytes);
  }

  tierOf(unit: number): number {
    return this.#tier[unit];
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
    if (unit === this.#bytes.length) this.#grow();
    this.#bytes[unit] = bytes;
    this.#tier[unit] = tier;
    this.#heat[unit] = neverAccessed;
    this.#lastUse[unit] = -Infinity;
    this.#states[tier].usedBytes += bytes;
    this.#slot[unit] = this.#members[tier].push(unit);
    this.#histograms.add(tier, bytes, neverAccessed);
    return unit;
  }

  /**
   * Accesses a unit `times` times, of which the tracker sees `seen`, and returns what that costs in nanoseconds.
   */
  access(unit: number, write: boolean, times = 1, seen: number = times): number {
    const tier = this.#tier[unit];
    const each = accessNs(this.#tiers[tier], this.#bytes[unit], write ? 1 : 0, this.#costs);
    const tally = this.served[tier];
    tally.accesses += times;
    tally.accessNs += times * each;
    if (seen > 0) this.#see(unit, write, seen);
    return times * each;
  }

  #see(unit: number, write: boolean, times: number): void {
    if (this.#reads[unit] === 0 && this.#writes[unit] === 0) this.#touched.push(unit);
    if (write) this.#writes[unit] += times;
    else this.#reads[unit] += times;
    this.#pending += times;
  }

  delete(unit: number): void {
    const tier = this.#tier[unit];
    this.#histograms.remove(tier, this.#bytes[unit], this.#heat[unit]);
    this.#states[tier].usedBytes -= this.#bytes[unit];
    this.#unlink(unit, tier);
    this.#tier[unit] = gone;
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
    this.#pending = 0;
    this.clock.advance(accessesSincePlan, halfLifeAccesses);
    if (this.clock.needsRebase) this.#rebase();
    this.#round++;
    this.#columns.length = 0;
    this.#takeTouched(maxUnits, accessesSincePlan, step);
    this.#takeRotating(maxUnits);
    return {
      tiers: this.#tierStates,
      costs: this.#costs,
      units: this.#columns,
      histograms: this.#histograms.view(this.clock.now),
      unitCounts: this.unitCounts(),
      accessClock: this.clock.accesses,
      accessesSincePlan,
      halfLifeAccesses,
    };
  }

  move(unit: number, from: number, to: number): MoveResult | Promise<MoveResult> {
    if (this.#tier[unit] === gone) return 'gone';
    if (this.#tier[unit] !== from) return 'elsewhere';
    const bytes = this.#bytes[unit];
    if (!this.#fits(to, bytes)) return 'full';
    this.#histograms.move(from, to, bytes, this.#heat[unit]);
    this.#states[from].usedBytes -= bytes;
    this.#states[to].usedBytes += bytes;
    this.#unlink(unit, from);
    this.#slot[unit] = this.#members[to].push(unit);
    this.#tier[unit] = to;
    this.moves++;
    this.moveNs += moveNs(this.#tiers[from], this.#tiers[to], bytes, this.#costs);
    this.served[to].movesIn++;
    this.served[to].bytesIn += bytes;
    return 'moved';
  }

  heatLog2(unit: number): number {
    return this.#tier[unit] === gone ? -Infinity : this.#heat[unit] - this.clock.now;
  }

  #fits(tier: number, bytes: number): boolean {
    return this.#states[tier].usedBytes + bytes <= this.#tiers[tier].capacityBytes;
  }

  #takeTouched(maxUnits: number, interval: number, step: number): void {
    const { now, accesses: clock } = this.clock;
    const { units, length } = this.#touched;
    for (let i = 0; i < length; i++) {
      const unit = units[i];
      if (this.#tier[unit] !== gone) {
        const before = this.#heat[unit];
        const after = foldHeat(before, now, this.#reads[unit] + this.#writes[unit]);
        this.#heat[unit] = after;
        this.#histograms.touch(this.#tier[unit], this.#bytes[unit], before, after);
        if (this.#columns.length < maxUnits) this.#take(unit, now);
        this.#used(unit, clock, interval, step);
      }
      this.#reads[unit] = this.#writes[unit] = 0;
    }
    this.#touched.length = 0;
  }

  /** Each tier gets an equal share of what is left, fastest first, and what it does not need goes to the next. */
  #takeRotating(maxUnits: number): void {
    const { now } = this.clock;
    this.#members.forEach(({ units, length }, tier) => {
      const left = Math.max(0, maxUnits - this.#columns.length);
      let wanted = Math.ceil(left / (this.#members.length - tier));
      let hand = this.#hands[tier];
      for (let looked = 0; looked < length && wanted > 0; looked++) {
        hand = hand + 1 < length ? hand + 1 : 0;
        if (this.#seen[units[hand]] === this.#round) continue;
        wanted--;
        this.#take(units[hand], now);
      }
      this.#hands[tier] = hand;
    });
  }

  #take(unit: number, now: number): void {
    if (this.#columns.length === this.#columns.id.length) {
      this.#columns = widened(this.#columns);
    }
    const columns = this.#columns;
    const row = columns.length++;
    this.#seen[unit] = this.#round;
    columns.id[row] = unit;
    columns.bytes[row] = this.#bytes[unit];
    columns.tier[row] = this.#tier[unit];
    columns.heatLog2[row] = this.#heat[unit] - now;
    columns.reads[row] = this.#reads[unit];
    columns.writes[row] = this.#writes[unit];
    columns.idle[row] = this.clock.accesses - this.#lastUse[unit];
    columns.gap[row] = this.#gap[unit];
  }

  #used(unit: number, clock: number, interval: number, step: number): void {
    const accesses = this.#reads[unit] + this.#writes[unit];
    this.#gap[unit] = gapOfInterval(accesses, clock - this.#lastUse[unit], interval, step);
    this.#lastUse[unit] = clock;
  }

  #rebase(): void {
    const by = this.clock.rebase();
    shiftHeat(this.#heat, by);
    this.#histograms.shift(by);
  }

  #unlink(unit: number, tier: number): void {
    const moved = this.#members[tier].removeAt(this.#slot[unit]);
    if (moved >= 0) this.#slot[moved] = this.#slot[unit];
  }

  #grow(): void {
    const to = this.#bytes.length * 2;
    this.#bytes = copied(this.#bytes, new Float64Array(to));
    this.#tier = copied(this.#tier, new Uint8Array(to));
    this.#heat = copied(this.#heat, new Float32Array(to));
    this.#reads = copied(this.#reads, new Uint32Array(to));
    this.#writes = copied(this.#writes, new Uint32Array(to));
    this.#slot = copied(this.#slot, new Uint32Array(to));
    this.#seen = copied(this.#seen, new Uint32Array(to));
    this.#lastUse = copied(this.#lastUse, new Float64Array(to));
    this.#gap = copied(this.#gap, new Uint8Array(to));
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
