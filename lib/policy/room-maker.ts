/** Makes room in a tier by demoting its coldest units, and theirs in turn where the next tier is full. */

import type { PlanBuilder } from './plan-builder.ts';
import type { MoveReason, Snapshot } from './policy.ts';
import { VictimQueue } from './victim-queue.ts';

/** What a policy decides about demotions. */
export interface DemotionRules {
  /** Orders the victims, lowest first: one value a row. */
  readonly score: Float64Array;
  /** Whether the row may be demoted at all. */
  eligible(row: number): boolean;
  /** The tier below `from` in which the row belongs. */
  destination(row: number, from: number): number;
  /** Modelled gain (negative: time lost) and cost of moving the row. */
  gainNs(row: number, from: number, to: number): number;
  costNs(row: number, from: number, to: number): number;
  /** The demotion was added to the plan; it may still be rolled back with the rest. */
  demoted(row: number, from: number, to: number): void;
}

/** When to stop making room. */
export interface RoomLimits {
  /** Victims have a lower score than this. */
  readonly below: number;
  readonly reason: MoveReason;
  /** Asked before each victim of the tier itself; false ends it. */
  readonly worth?: ((row: number, from: number, to: number) => boolean) | undefined;
}

/** Queues of victims, one a tier, built when first needed. */
export class RoomMaker {
  readonly #snapshot: Snapshot;
  readonly #builder: PlanBuilder;
  readonly #rules: DemotionRules;
  readonly #queues: (VictimQueue | undefined)[];

  constructor(snapshot: Snapshot, builder: PlanBuilder, rules: DemotionRules) {
    this.#snapshot = snapshot;
    this.#builder = builder;
    this.#rules = rules;
    this.#queues = snapshot.tiers.map(() => undefined);
  }

  /** How far each queue has been used; give it to {@link restore} together with a builder's rollback. */
  positions(): number[] {
    return this.#queues.map((queue) => queue?.position ?? 0);
  }

  restore(positions: readonly number[]): void {
    positions.forEach((position, tier) => {
      const queue = this.#queues[tier];
      if (queue !== undefined) queue.position = position;
    });
  }

  /**
   * Demotes until `bytes` fit in `tier` beside its head-room. Returns false when it cannot; what it demoted until
   * then stays in the plan unless the caller rolls back.
   */
  make(tier: number, bytes: number, limits: RoomLimits): boolean {
    const { score } = this.#rules;
    while (this.#builder.shortage(tier, bytes) > 0) {
      const queue = this.#queueOf(tier);
      const row = queue.peek();
      if (row < 0 || !(score[row] < limits.below)) return false;
      if (this.#builder.taken(row)) {
        queue.position++;
        continue;
      }
      const to = this.#settle(row, tier, limits.reason);
      if (to < 0 || limits.worth?.(row, tier, to) === false) return false;
      const gainNs = this.#rules.gainNs(row, tier, to);
      const costNs = this.#rules.costNs(row, tier, to);
      if (!this.#builder.add(row, to, limits.reason, gainNs, costNs)) return false;
      queue.position++;
      this.#rules.demoted(row, tier, to);
    }
    return true;
  }

  /**
   * Finds the tier the victim goes to, making room there when it is full; -1 when there is none. Tiers that may not be
   * written now are passed over.
   */
  #settle(row: number, from: number, reason: MoveReason): number {
    const last = this.#snapshot.tiers.length - 1;
    const bytes = this.#snapshot.units.bytes[row];
    for (let to = this.#rules.destination(row, from); to <= last; to++) {
      if (!this.#builder.mayWrite(to, bytes, reason)) continue;
      if (this.#builder.shortage(to, bytes) <= 0) return to;
      if (to === last) return this.#builder.fits(to, bytes) ? to : -1;
      const mark = this.#builder.mark();
      const positions = this.positions();
      const below = this.#rules.score[row];
      if (this.make(to, bytes, { below, reason: onwards(reason) })) return to;
      this.#builder.rollback(mark);
      this.restore(positions);
    }
    return -1;
  }

  #queueOf(tier: number): VictimQueue {
    let queue = this.#queues[tier];
    if (queue === undefined) {
      const { units } = this.#snapshot;
      const rows = new Uint32Array(units.length);
      let count = 0;
      for (let row = 0; row < units.length; row++) {
        if (units.tier[row] === tier && this.#rules.eligible(row)) rows[count++] = row;
      }
      queue = new VictimQueue(rows.subarray(0, count), this.#rules.score);
      this.#queues[tier] = queue;
    }
    return queue;
  }
}

/** Why somebody makes room for a victim in turn: what has to be done takes what it needs. */
export function onwards(reason: MoveReason): MoveReason {
  return reason === 'room' ? 'room' : 'victim';
}
