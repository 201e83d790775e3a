/** One plan of the `balanced` policy; see balanced.ts for what it aims at. */

import type { BalancedOptions } from './balanced.ts';
import { BalancedValues } from './balanced-values.ts';
import { moveNs } from './cost-model.ts';
import { type PlacementValues, valueAt, valueGoing, valueStaying } from './placement-values.ts';
import { PlanBuilder, type PlanMark } from './plan-builder.ts';
import { giveBackColumns, type PlanColumns, takeColumns } from './plan-columns.ts';
import type { MoveReason, Plan, PlanBudget, Snapshot } from './policy.ts';
import { onwards } from './room-maker.ts';
import { nestedThresholds, usableBytes } from './thresholds.ts';
import { type UnitState, unitStates } from './unit-state.ts';
import { useClass } from './use-class.ts';
import { VictimQueue } from './victim-queue.ts';

/** Of a tier, at most this share is cleared ahead for new units in one plan. */
const landingShare = 0.1;
/** Below this share of new units whose first use is seen, nobody can tell whether clearing room for them pays. */
const leastSeen = 0.9;
/** Victims looked at for one of the right size. */
const exchangeScan = 256;
const newcomer: number = useClass(0, 0);

/** Where the plan was, to go back to. */
interface Mark {
  readonly builder: PlanMark;
  readonly queues: readonly number[];
}

/** Where the most is; the first of equals. */
function mostOf(values: readonly number[]): number {
  let most = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[most]) most = i;
  return most;
}

/** Makes one plan and is thrown away. */
export class BalancedPlan {
  readonly #snapshot: Snapshot;
  readonly #options: BalancedOptions;
  readonly #last: number;
  readonly #values: BalancedValues;
  readonly #states: UnitState;
  readonly #builder: PlanBuilder;
  /** By row: what staying is worth over leaving for a slower tier, by byte. */
  readonly #worth: Float64Array;
  readonly #queues: (VictimQueue | undefined)[];
  readonly #columns: PlanColumns;
  /** Rows of `#columns.victims` that queues have. */
  #victims = 0;

  constructor(snapshot: Snapshot, budget: PlanBudget, options: BalancedOptions) {
    this.#snapshot = snapshot;
    this.#options = options;
    this.#last = snapshot.tiers.length - 1;
    this.#values = new BalancedValues(snapshot, options);
    this.#columns = takeColumns(snapshot.units.length);
    this.#states = unitStates(snapshot, this.#columns);
    this.#builder = new PlanBuilder(snapshot, budget, this.#columns.taken);
    this.#worth = this.#columns.worth;
    this.#queues = snapshot.tiers.map(() => undefined);
  }

  make(): Plan {
    const candidates = this.#candidates();
    for (let row = candidates.peek(); row >= 0; row = candidates.peek()) {
      candidates.position++;
      this.#promote(row);
    }
    this.#builder.expectLeaving(-1, 0);
    this.#restoreHeadroom();
    this.#clearLanding();
    const { tiers, histograms } = this.#snapshot;
    const plan = this.#builder.build(nestedThresholds(tiers, histograms));
    const { moves, thresholdsLog2, refused, refusals } = plan;
    const carry = this.#values.carry();
    giveBackColumns(this.#columns);
    // No spread: V8 takes some microseconds for one with more properties behind it.
    return refusals === undefined
      ? { moves, thresholdsLog2, refused, carry }
      : { moves, thresholdsLog2, refused, refusals, carry };
  }

  /** Rows that are worth more in a faster tier than it takes to get there, the best by byte first. */
  #candidates(): VictimQueue {
    const { length, tier, bytes } = this.#snapshot.units;
    const { candidates: rows, score } = this.#columns;
    let count = 0;
    for (let row = 0; row < length; row++) {
      const from = tier[row];
      if (from === 0) continue;
      const values = this.#valuesOf(row);
      const here = this.#at(values, row, from);
      let best = 0;
      let gain = 0;
      for (let to = 0; to < from; to++) {
        gain = this.#going(values, row, from, to) - here;
        if (gain > best) best = gain;
      }
      if (best > 0) {
        rows[count++] = row;
        score[row] = -best / bytes[row];
      } else this.#refuse(row, from - 1, 'benefit', gain);
    }
    return new VictimQueue(rows.subarray(0, count), score);
  }

  /** Takes the row where it gains most, past tiers where others are worth more. */
  #promote(row: number): void {
    const { units } = this.#snapshot;
    if (this.#builder.taken(row)) return;
    const from = units.tier[row];
    const bytes = units.bytes[row];
    const gains = this.#gainsOf(row, from);
    const first = mostOf(gains);
    const firstGain = gains[first];
    let kept = 'room';
    for (let to = first; gains[to] > 0; gains[to] = 0, to = mostOf(gains)) {
      const mark = this.#mark();
      this.#builder.denied = undefined;
      this.#builder.expectLeaving(from, bytes);
      const lossNs = this.#makeRoom(to, bytes, gains[to], 'victim');
      if (lossNs < gains[to] && this.#move(row, to, 'hot', gains[to] - lossNs)) return;
      kept = this.#builder.denied ?? (lossNs === Infinity ? 'room' : 'benefit');
      this.#rollback(mark);
    }
    this.#refuse(row, first, kept, firstGain);
  }

  /** What a faster tier is worth, the way there included, over staying; by tier. */
  #gainsOf(row: number, from: number): number[] {
    const values = this.#valuesOf(row);
    const here = this.#at(values, row, from);
    const gains: number[] = [];
    for (let to = 0; to < from; to++) gains.push(this.#going(values, row, from, to) - here);
    return gains;
  }

  /**
   * Demotes until `bytes` fit in `tier`, as long as that loses less than `maxLossNs` all in all. Returns the loss;
   * Infinity when there is no way, and then what was demoted is for the caller to roll back.
   */
  #makeRoom(tier: number, bytes: number, maxLossNs: number, reason: MoveReason): number {
    let lossNs = 0;
    while (this.#builder.shortage(tier, bytes) > 0) {
      const queue = this.#queueOf(tier);
      const head = queue.peek();
      if (head < 0) return Infinity;
      if (this.#builder.taken(head)) {
        queue.position++;
        continue;
      }
      const row = this.#exchange(tier, bytes) ?? head;
      const worthNs = this.#worth[row] * this.#snapshot.units.bytes[row];
      this.#values.judged(tier, worthNs > 0);
      if (lossNs + worthNs >= maxLossNs) return lossNs + worthNs;
      if (row === head) queue.position++;
      const more = this.#demote(row, tier, maxLossNs - lossNs, reason);
      lossNs += more;
      if (!(lossNs < maxLossNs)) return lossNs;
    }
    return Math.max(0, lossNs);
  }

  /** Where a slot is all that is missing: the unit of that size that is least worth keeping, not a slab of others. */
  #exchange(tier: number, bytes: number): number | undefined {
    if (!this.#builder.lacksSlot(tier, bytes)) return undefined;
    const { units } = this.#snapshot;
    const passes = (row: number): boolean =>
      units.bytes[row] === bytes && !this.#builder.taken(row);
    const row = this.#queueOf(tier).find(passes, exchangeScan);
    return row < 0 ? undefined : row;
  }

  /** Sends a victim where it loses least, others making room for it if need be. Returns the loss of all of them. */
  #demote(row: number, from: number, maxLossNs: number, reason: MoveReason): number {
    const values = this.#valuesOf(row);
    const bytes = this.#snapshot.units.bytes[row];
    const staying = this.#staying(values, row, from);
    const ways: { to: number; lossNs: number }[] = [];
    for (let to = from + 1; to <= this.#last; to++) {
      ways.push({ to, lossNs: staying - this.#going(values, row, from, to) });
    }
    ways.sort((a, b) => a.lossNs - b.lossNs || a.to - b.to);
    let least = Infinity;
    for (const [i, { to, lossNs }] of ways.entries()) {
      if (lossNs >= maxLossNs) break;
      const mark = this.#mark();
      // Another way out bounds what this one may cost.
      const bound = Math.min(maxLossNs, ways[i + 1]?.lossNs ?? Infinity);
      const more =
        to === this.#last
          ? this.#builder.fits(to, bytes)
            ? 0
            : Infinity
          : this.#makeRoom(to, bytes, bound - lossNs, onwards(reason));
      const all = lossNs + more;
      if ((all < bound || more === 0) && this.#move(row, to, reason, -lossNs)) return all;
      least = Math.min(least, all);
      this.#rollback(mark);
    }
    return Math.max(least, maxLossNs);
  }

  /** Brings tiers that hold more than they should back below their head-room, whatever that costs. */
  #restoreHeadroom(): void {
    const { tiers } = this.#snapshot;
    for (let tier = this.#last - 1; tier >= 0; tier--) {
      if (this.#builder.usedBytes[tier] <= usableBytes(tiers[tier])) continue;
      this.#makeRoom(tier, 0, Infinity, 'room');
    }
  }

  /**
   * Clears room for as many new units as came in the last interval, where they are worth more than their victims. A
   * unit placed well at once saves its first use and its promotion.
   */
  #clearLanding(): void {
    const { tiers, units } = this.#snapshot;
    const { bytes: coming, meanBytes } = this.#arrivals();
    let bytes = coming;
    if (bytes === 0) return;
    const values = this.#values.of(meanBytes);
    const worth = tiers.map((_, k) => valueAt(values, k, newcomer, 0) - values.useNs[k]);
    for (let tier = 0; tier < this.#last && bytes > 0; tier++) {
      const wanted = Math.min(bytes, landingShare * usableBytes(tiers[tier]));
      const next = this.#nextBest(worth, tier, meanBytes);
      const gain = (worth[tier] - worth[next]) / meanBytes;
      const sure = (values.useNs[next] - values.useNs[tier]) / meanBytes;
      while (this.#builder.shortage(tier, wanted) > 0) {
        const mark = this.#mark();
        const row = this.#queueOf(tier).peek();
        const size = row < 0 ? 0 : units.bytes[row];
        // One victim at a time: what is not worth it ends the clearing, and leaves what was cleared.
        const free = -this.#builder.shortage(tier, 0);
        const gainNs = row < 0 ? 0 : gain * size + this.#unhurdled(row, sure * size);
        const lossNs = this.#makeRoom(tier, free + Math.max(1, size), gainNs, 'cold');
        if (lossNs < gainNs) continue;
        this.#rollback(mark);
        break;
      }
      bytes -= Math.max(0, -this.#builder.shortage(tier, 0));
    }
  }

  /**
   * Of what moving a victim all the way down is taken to cost, the margin on the part that `sureNs` pays: it is there
   * because expectations err, and the first use of a new unit is none.
   */
  #unhurdled(row: number, sureNs: number): number {
    const { margin, moveWeight } = this.#options;
    return margin * Math.min(sureNs, moveWeight * this.#costNs(row, this.#last));
  }

  /** Where a newcomer is worth most of the slower tiers that have room, or can be given some. */
  #nextBest(worth: readonly number[], tier: number, bytes: number): number {
    let best = this.#last;
    for (let to = tier + 1; to < this.#last; to++) {
      if (this.#builder.shortage(to, bytes) <= 0 && worth[to] > worth[best]) best = to;
    }
    return best;
  }

  /** What was used for the first time in the last interval. */
  #arrivals(): { bytes: number; meanBytes: number } {
    const { units, arrivals } = this.#snapshot;
    // Who is first used without having come is one whose earlier uses nobody saw.
    if (arrivals !== undefined && !(arrivals.seen > leastSeen * arrivals.units)) {
      return { bytes: 0, meanBytes: 0 };
    }
    let bytes = 0;
    let count = 0;
    for (let row = 0; row < units.length; row++) {
      if (units.idle[row] !== Infinity || units.reads[row] + units.writes[row] === 0) continue;
      bytes += units.bytes[row];
      count++;
    }
    return { bytes, meanBytes: count === 0 ? 0 : bytes / count };
  }

  #queueOf(tier: number): VictimQueue {
    let queue = this.#queues[tier];
    if (queue !== undefined) return queue;
    const { units } = this.#snapshot;
    const { victims: rows } = this.#columns;
    const first = this.#victims;
    let end = first;
    for (let row = 0; row < units.length; row++) {
      if (units.tier[row] !== tier) continue;
      rows[end++] = row;
      const values = this.#valuesOf(row);
      let leaving = -Infinity;
      for (let to = tier + 1; to <= this.#last; to++) {
        leaving = Math.max(leaving, this.#going(values, row, tier, to));
      }
      this.#worth[row] = (this.#staying(values, row, tier) - leaving) / units.bytes[row];
    }
    this.#victims = end;
    queue = new VictimQueue(rows.subarray(first, end), this.#worth);
    this.#queues[tier] = queue;
    return queue;
  }

  #move(row: number, to: number, reason: MoveReason, netNs: number): boolean {
    const costNs = this.#costNs(row, to);
    return this.#builder.add(row, to, reason, netNs + costNs, costNs);
  }

  #refuse(row: number, to: number, why: string, netNs: number): void {
    if (!this.#builder.explains) {
      this.#builder.refuse(row, to, why);
      return;
    }
    const costNs = this.#costNs(row, to);
    this.#builder.refuse(row, to, why, netNs + costNs, costNs);
  }

  #costNs(row: number, to: number): number {
    const { tiers, units, costs } = this.#snapshot;
    return moveNs(tiers[units.tier[row]], tiers[to], units.bytes[row], costs);
  }

  #mark(): Mark {
    return {
      builder: this.#builder.mark(),
      queues: this.#queues.map((queue) => queue?.position ?? 0),
    };
  }

  #rollback({ builder, queues }: Mark): void {
    this.#builder.rollback(builder);
    this.#queues.forEach((queue, tier) => {
      if (queue !== undefined) queue.position = queues[tier];
    });
  }

  #valuesOf(row: number): PlacementValues {
    return this.#values.of(this.#snapshot.units.bytes[row]);
  }

  #at(values: PlacementValues, row: number, tier: number): number {
    return valueAt(values, tier, this.#states.useClass[row], this.#states.age[row]);
  }

  #staying(values: PlacementValues, row: number, tier: number): number {
    return valueStaying(values, tier, this.#states.useClass[row], this.#states.age[row]);
  }

  #going(values: PlacementValues, row: number, from: number, to: number): number {
    return valueGoing(values, from, to, this.#states.useClass[row], this.#states.age[row]);
  }
}
