/** One plan of the `balanced` policy; see balanced.ts for what it aims at. */

import { densityLog2 } from '../tracking/heat.ts';
import type { BalancedOptions } from './balanced.ts';
import { moveNs } from './cost-model.ts';
import { Expectation } from './expectation.ts';
import { PlanBuilder } from './plan-builder.ts';
import type { Plan, PlanBudget, Snapshot } from './policy.ts';
import { readReuse, reuseHorizons } from './reuse.ts';
import { RoomMaker } from './room-maker.ts';
import { nestedThresholds, usableBytes } from './thresholds.ts';

/** Of the fastest tier, at most this share is cleared ahead for new units in one plan. */
const landingShare = 0.1;
/** A unit is new when the last interval made all but this share of its heat. */
const newHeatShare = 0.02;

/** Makes one plan and is thrown away. */
export class BalancedPlan {
  readonly #snapshot: Snapshot;
  readonly #moveWeight: number;
  /** A move has to bring this many times its cost. */
  readonly #hurdle: number;
  readonly #thresholds: readonly number[];
  readonly #expect: Expectation;
  readonly #builder: PlanBuilder;
  readonly #room: RoomMaker;
  /** Time the victims of the promotion under consideration lose, by horizon. */
  readonly #lossNs: Float64Array;
  #victimsCostNs = 0;

  constructor(snapshot: Snapshot, budget: PlanBudget, options: BalancedOptions) {
    this.#snapshot = snapshot;
    this.#moveWeight = options.moveWeight;
    this.#hurdle = (1 + options.margin) * (1 + snapshot.pingPongShare);
    this.#thresholds = nestedThresholds(snapshot.tiers, snapshot.histograms);
    this.#expect = new Expectation(snapshot);
    this.#lossNs = new Float64Array(this.#expect.width);
    this.#builder = new PlanBuilder(snapshot, budget);
    this.#room = new RoomMaker(snapshot, this.#builder, {
      score: this.#expect.score,
      eligible: (row) => snapshot.units.dwellUntil[row] <= snapshot.accessClock,
      destination: (row, from) => this.#belongsBelow(row, from),
      gainNs: (row, from, to) => this.#expect.within(row) * this.#expect.savedNs(row, from, to),
      costNs: (row, from, to) => this.#costNs(row, from, to),
      demoted: (row, from, to) => this.#chargeVictim(row, from, to),
    });
  }

  make(): Plan {
    for (const row of this.#candidates()) this.#promote(row);
    this.#builder.expectLeaving(-1, 0);
    this.#restoreHeadroom();
    this.#clearLanding();
    return this.#builder.build(this.#thresholds);
  }

  /** Rows that may earn a faster tier, the best first: what was used, and what is hot enough by its heat. */
  #candidates(): number[] {
    const { units, accessClock } = this.#snapshot;
    const { score } = this.#expect;
    const rows: number[] = [];
    for (let row = 0; row < units.length; row++) {
      const tier = units.tier[row];
      if (tier === 0) continue;
      const used = units.reads[row] + units.writes[row] > 0;
      if (!used && !(this.#density(row) >= this.#thresholds[tier - 1])) continue;
      if (units.dwellUntil[row] > accessClock) this.#builder.refuse(row, 0, 'dwell');
      else rows.push(row);
    }
    return rows.sort((a, b) => score[b] - score[a] || a - b);
  }

  /** Takes the row to the fastest tier that pays, past those that do not. */
  #promote(row: number): void {
    const { units } = this.#snapshot;
    const from = units.tier[row];
    if (this.#builder.taken(row)) return;
    let kept = '';
    for (let to = 0; to < from; to++) {
      kept = this.#tryPromotion(row, from, to);
      if (kept === '') return;
    }
    this.#builder.refuse(row, 0, kept);
  }

  /** Adds the move and its victims; else leaves the plan as it was and says what kept the row. */
  #tryPromotion(row: number, from: number, to: number): string {
    const savedNs = this.#expect.savedNs(row, from, to);
    const costNs = this.#costNs(row, from, to);
    const gainNs = this.#expect.within(row) * savedNs;
    if (!(gainNs > this.#hurdle * costNs)) return 'benefit';
    const mark = this.#builder.mark();
    const positions = this.#room.positions();
    const bytes = this.#snapshot.units.bytes[row];
    this.#builder.expectLeaving(from, bytes);
    this.#lossNs.fill(0);
    this.#victimsCostNs = 0;
    const below = this.#expect.score[row];
    let kept = 'room';
    if (this.#room.make(to, bytes, { below, reason: 'victim' })) {
      kept = 'benefit';
      if (this.#netGainNs(row, savedNs) > this.#hurdle * (costNs + this.#victimsCostNs)) {
        if (this.#builder.add(row, to, 'hot', gainNs, costNs)) return '';
        kept = 'budget';
      }
    }
    this.#builder.rollback(mark);
    this.#room.restore(positions);
    return kept;
  }

  /**
   * The best a promotion brings over any of the horizons, victims' losses off: a burst pays before its victims are
   * wanted again, a steady unit in the long run.
   */
  #netGainNs(row: number, savedNs: number): number {
    const { accesses, width } = this.#expect;
    let best = -Infinity;
    for (let h = 0; h < width; h++) {
      best = Math.max(best, accesses[row * width + h] * savedNs - this.#lossNs[h]);
    }
    return best;
  }

  #chargeVictim(row: number, from: number, to: number): void {
    const { accesses, width } = this.#expect;
    const savedNs = this.#expect.savedNs(row, from, to);
    for (let h = 0; h < width; h++) this.#lossNs[h] -= accesses[row * width + h] * savedNs;
    this.#victimsCostNs += this.#costNs(row, from, to);
  }

  /** Brings tiers that hold more than they should back below their head-room, whatever that costs. */
  #restoreHeadroom(): void {
    const { tiers } = this.#snapshot;
    for (let tier = tiers.length - 2; tier >= 0; tier--) {
      if (this.#builder.usedBytes[tier] > usableBytes(tiers[tier])) {
        this.#room.make(tier, 0, { below: Infinity, reason: 'room' });
      }
    }
  }

  /**
   * Clears room for as many new units as came in the last interval, where they are expected to make more of it than
   * their victims. Placing a unit in the fast tier at once saves its first access and its promotion.
   */
  #clearLanding(): void {
    const { tiers, reuse } = this.#snapshot;
    if (tiers.length < 2) return;
    const bytes = Math.min(this.#newBytes(), landingShare * usableBytes(tiers[0]));
    if (bytes === 0) return;
    const again = new Float64Array(reuseHorizons.length).fill(Math.LN2);
    if (reuse !== undefined) readReuse(reuse, Math.log2(reuse.step), reuse.step, again, 0);
    const accesses = 1 + again[again.length - 1];
    this.#room.make(0, bytes, {
      below: Infinity,
      reason: 'cold',
      worth: (row, from, to) => {
        const savedNs = this.#expect.savedNs(row, to, from);
        // A victim that is wanted again pays for one slow access and for coming back, not for ever.
        const lossNs = Math.min(
          this.#expect.within(row) * savedNs,
          savedNs + this.#costNs(row, to, from),
        );
        return accesses * savedNs - lossNs > this.#hurdle * this.#costNs(row, from, to);
      },
    });
  }

  /** Bytes used for the first time, or after so long that it comes to the same, in the last interval. */
  #newBytes(): number {
    const { units } = this.#snapshot;
    let bytes = 0;
    for (let row = 0; row < units.length; row++) {
      const used = units.reads[row] + units.writes[row];
      if (used > 0 && 2 ** units.heatLog2[row] - used < newHeatShare * used) {
        bytes += units.bytes[row];
      }
    }
    return bytes;
  }

  /** The tier below `from` the row's heat earns. */
  #belongsBelow(row: number, from: number): number {
    const last = this.#snapshot.tiers.length - 1;
    const density = this.#density(row);
    let to = from + 1;
    while (to < last && density < this.#thresholds[to]) to++;
    return to;
  }

  #density(row: number): number {
    const { units } = this.#snapshot;
    return densityLog2(units.heatLog2[row], units.bytes[row]);
  }

  #costNs(row: number, from: number, to: number): number {
    const { tiers, units, costs } = this.#snapshot;
    return this.#moveWeight * moveNs(tiers[from], tiers[to], units.bytes[row], costs);
  }
}
