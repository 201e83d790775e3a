/**
 * What policies of the kind "promote these, let those make room" have in common: whole exchanges within budget and
 * capacity. A policy says who comes up, in which order, and who may be sent away for it.
 */

import { modelledCostNs, modelledGainNs } from './modelled-gain.ts';
import { type Denial, PlanBuilder } from './plan-builder.ts';
import type { MoveReason, Plan, PlanBudget, Snapshot } from './policy.ts';
import { RoomMaker } from './room-maker.ts';
import { usableBytes } from './thresholds.ts';

/** How a policy ranks units, a value a row. */
export interface PromoterRules {
  /** Orders victims, lowest first. */
  readonly score: Float64Array;
  /** Whether the row may be demoted; default: every row may. */
  readonly eligible?: ((row: number) => boolean) | undefined;
  /** Where a victim goes; default: the next tier. */
  readonly destination?: ((row: number, from: number) => number) | undefined;
  /** Whether moves say what they are expected to save, by heat. Default true. */
  readonly predicts?: boolean | undefined;
}

/** How others make room for a move. */
export interface Exchange {
  readonly reason: MoveReason;
  /** Victims score lower than this. */
  readonly below: number;
  /** Asked before each victim; false gives the move up. */
  readonly worth?: ((victim: number) => boolean) | undefined;
}

/** What kept a row where it is; empty when nothing did. */
type Kept = '' | 'room' | Denial;

/** Accesses that count as one use: above 1 where a tracker samples and weighs what it saw. */
export function useStep(snapshot: Snapshot): number {
  return snapshot.reuse?.step ?? 1;
}

/** Decayed uses of each row. */
export function usesColumn(snapshot: Snapshot): Float64Array {
  const { heatLog2, length } = snapshot.units;
  const step = useStep(snapshot);
  // Not Float64Array.from: it takes longer than the powers.
  const uses = new Float64Array(length);
  for (let row = 0; row < length; row++) uses[row] = 2 ** heatLog2[row] / step;
  return uses;
}

/** Whole uses in a decayed count, at most `max`. What was never halved is whole, but for the rounding of heat. */
export function wholeUses(uses: number, max: number): number {
  return Math.min(max, Math.floor(uses + 2 ** -10));
}

/** The target of policies that know one promotion only. */
export const fastest = (): number => 0;

/** Rows below the fastest tier that `wanted` accepts, in falling order of `score`, ties by row. */
export function candidatesBy(
  snapshot: Snapshot,
  score: Float64Array,
  wanted: (row: number) => boolean,
): number[] {
  const { tier, length } = snapshot.units;
  const rows: number[] = [];
  for (let row = 0; row < length; row++) if (tier[row] > 0 && wanted(row)) rows.push(row);
  return rows.sort((a, b) => score[b] - score[a] || a - b);
}

/** One plan in the making. */
export class Promoter {
  readonly #snapshot: Snapshot;
  readonly #builder: PlanBuilder;
  readonly #room: RoomMaker;
  readonly #predicts: boolean;

  constructor(snapshot: Snapshot, budget: PlanBudget, rules: PromoterRules) {
    this.#snapshot = snapshot;
    this.#predicts = rules.predicts ?? true;
    this.#builder = new PlanBuilder(snapshot, budget);
    this.#room = new RoomMaker(snapshot, this.#builder, {
      score: rules.score,
      eligible: rules.eligible ?? (() => true),
      destination: rules.destination ?? ((_row, from) => from + 1),
      gainNs: (row, _from, to) => this.#gainNs(row, to),
      costNs: (row, _from, to) => modelledCostNs(snapshot, row, to),
      demoted: () => {},
    });
  }

  /**
   * Moves the rows in their order to the tier `target` says, where they find room on the terms of `how`; what finds
   * none stays, and the first the budget does not allow ends it for all behind it.
   */
  moveAll(
    rows: readonly number[],
    target: (row: number) => number,
    how: (row: number) => Exchange,
  ): void {
    let spent = false;
    for (const row of rows) {
      const to = target(row);
      const kept: Kept =
        spent && !this.#builder.taken(row) ? 'budget' : this.#move(row, to, how(row));
      if (kept !== '') this.refuse(row, to, kept);
      spent ||= kept === 'budget';
    }
  }

  /** Counts a row that stays, by what kept it. */
  refuse(row: number, to: number, why: string): void {
    this.#builder.refuse(row, to, why);
  }

  /** Demotes the lowest in score until `bytes` fit in `tier` beside its head-room, or nothing is left to demote. */
  makeRoom(tier: number, bytes: number): void {
    this.#builder.expectLeaving(-1, 0);
    if (bytes > 0) this.#room.make(tier, bytes, { below: Infinity, reason: 'victim' });
  }

  /**
   * Demotes units that score below `below(tier)` where a tier's free bytes fell under `lowShare` of its capacity,
   * until its head-room is free again.
   */
  restoreHeadroom(lowShare: number, below: (tier: number) => number): void {
    const { tiers } = this.#snapshot;
    this.#builder.expectLeaving(-1, 0);
    for (let tier = tiers.length - 2; tier >= 0; tier--) {
      const low = Math.max(usableBytes(tiers[tier]), tiers[tier].capacityBytes * (1 - lowShare));
      if (this.#builder.usedBytes[tier] > low) {
        this.#room.make(tier, 0, { below: below(tier), reason: 'room' });
      }
    }
  }

  build(thresholdsLog2: readonly number[]): Plan {
    return this.#builder.build(thresholdsLog2);
  }

  /** Adds the move and its victims; else leaves the plan as it was and says what kept the row. */
  #move(row: number, to: number, { reason, below, worth }: Exchange): Kept {
    const { tier, bytes } = this.#snapshot.units;
    const from = tier[row];
    if (this.#builder.taken(row)) return '';
    const mark = this.#builder.mark();
    const positions = this.#room.positions();
    this.#builder.expectLeaving(from, bytes[row]);
    this.#builder.denied = undefined;
    if (this.#room.make(to, bytes[row], { below, reason: 'victim', worth })) {
      const costNs = modelledCostNs(this.#snapshot, row, to);
      if (this.#builder.add(row, to, reason, this.#gainNs(row, to), costNs)) return '';
    }
    this.#builder.rollback(mark);
    this.#room.restore(positions);
    return this.#builder.denied ?? 'room';
  }

  #gainNs(row: number, to: number): number {
    return this.#predicts ? modelledGainNs(this.#snapshot, row, to) : 0;
  }
}
