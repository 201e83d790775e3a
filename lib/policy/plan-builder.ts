/** Collects the moves of one plan, keeps the books of every tier meanwhile, and can take steps back. */

import { modelledCostNs, modelledGainNs } from './modelled-gain.ts';
import {
  type Move,
  type MoveReason,
  neverRefused,
  type Plan,
  type PlanBudget,
  type Refusal,
  type Snapshot,
} from './policy.ts';
import { SlabBooks } from './slab-books.ts';
import { usableBytes } from './thresholds.ts';

/** Where {@link PlanBuilder.rollback} goes back to. */
export interface PlanMark {
  readonly moves: number;
  readonly bytesLeft: number;
  readonly promotionLeft: number;
  readonly usedBytes: readonly number[];
  readonly writeLeft: readonly number[] | undefined;
}

/** What of a budget a move does not fit in: bytes of the plan, what its tier may be written, or what may be promoted. */
export type Denial = 'budget' | 'endurance' | 'payback';

/** One plan in the making. `row` is an index into the snapshot's columns. */
export class PlanBuilder {
  /** Bytes of every tier if the moves so far are applied. */
  readonly usedBytes: number[];
  /** What the last move ran into that the budget did not allow; whoever wants to know sets it back before. */
  denied: Denial | undefined = undefined;
  readonly #snapshot: Snapshot;
  readonly #usable: readonly number[];
  readonly #moves: Move[] = [];
  readonly #rows: number[] = [];
  readonly #slabs: SlabBooks;
  readonly #taken: Uint8Array;
  readonly #refused: Record<string, number> = {};
  /** By row, the last word on it. */
  readonly #refusals: Map<number, Refusal> | undefined;
  #bytesLeft: number;
  #promotionLeft: number;
  readonly #writeLeft: number[] | undefined;
  #leavingTier = -1;
  #leavingBytes = 0;

  /** `taken` is the builder's until the plan is made: a value for each row at least. */
  constructor(
    snapshot: Snapshot,
    budget: PlanBudget,
    taken: Uint8Array = new Uint8Array(snapshot.units.length),
  ) {
    this.#snapshot = snapshot;
    this.usedBytes = snapshot.tiers.map((tier) => tier.usedBytes);
    this.#usable = snapshot.tiers.map(usableBytes);
    this.#slabs = new SlabBooks(snapshot);
    this.#taken = taken.fill(0, 0, snapshot.units.length);
    this.#bytesLeft = budget.bytes;
    this.#promotionLeft = budget.promotionBytes ?? Infinity;
    this.#writeLeft = budget.writeBytes?.slice();
    this.#refusals = budget.explain === true ? new Map() : undefined;
  }

  /** Says that `bytes` leave `tier` as soon as room is made for them: an exchange needs no third place. */
  expectLeaving(tier: number, bytes: number): void {
    this.#leavingTier = tier;
    this.#leavingBytes = bytes;
  }

  /** Bytes missing in `tier` for a unit of `bytes` to fit beside its head-room; 0 or less when it fits. */
  shortage(tier: number, bytes: number): number {
    const missing = this.usedBytes[tier] + bytes - this.#usable[tier];
    const isLeft = tier === this.#leavingTier && this.fits(tier, bytes);
    return Math.max(
      isLeft ? missing - this.#leavingBytes : missing,
      this.#slabs.missing(tier, bytes),
    );
  }

  /** Whether `tier` has the bytes for a unit, and lacks but a slot of its size. */
  lacksSlot(tier: number, bytes: number): boolean {
    const hasBytes = this.usedBytes[tier] + bytes <= this.#usable[tier];
    return hasBytes && this.#slabs.missing(tier, bytes) > 0;
  }

  /** Whether `bytes` more fit at all: the head-room may be used in passing. */
  fits(tier: number, bytes: number): boolean {
    const { capacityBytes } = this.#snapshot.tiers[tier];
    return this.usedBytes[tier] + bytes <= capacityBytes && this.#slabs.missing(tier, bytes) <= 0;
  }

  /** Whether the plan already moves this row. */
  taken(row: number): boolean {
    return this.#taken[row] === 1;
  }

  /** Adds a move; false when the budget does not allow it. */
  add(row: number, to: number, reason: MoveReason, gainNs: number, costNs: number): boolean {
    const { units } = this.#snapshot;
    const bytes = units.bytes[row];
    const from = units.tier[row];
    const promoted = to < from && gainNs > 0 ? bytes : 0;
    if (promoted > this.#promotionLeft) this.denied = 'payback';
    if (bytes > this.#bytesLeft) this.denied = 'budget';
    if (bytes > this.#bytesLeft || promoted > this.#promotionLeft) return false;
    if (!this.mayWrite(to, bytes, reason)) return false;
    this.#bytesLeft -= bytes;
    this.#promotionLeft -= promoted;
    if (this.#writeLeft !== undefined) this.#writeLeft[to] -= bytes;
    this.usedBytes[from] -= bytes;
    this.usedBytes[to] += bytes;
    this.#slabs.moved(bytes, from, to);
    this.#taken[row] = 1;
    this.#rows.push(row);
    this.#moves.push({ unit: units.id[row], bytes, from, to, reason, gainNs, costNs });
    return true;
  }

  /** Whether the tier's endurance allows a move of `bytes` into it. */
  mayWrite(to: number, bytes: number, reason: MoveReason): boolean {
    if (this.#writeLeft === undefined || bytes <= this.#writeLeft[to]) return true;
    if (neverRefused(reason)) return true;
    this.denied = 'endurance';
    return false;
  }

  mark(): PlanMark {
    return {
      moves: this.#moves.length,
      bytesLeft: this.#bytesLeft,
      promotionLeft: this.#promotionLeft,
      usedBytes: this.usedBytes.slice(),
      writeLeft: this.#writeLeft?.slice(),
    };
  }

  rollback(mark: PlanMark): void {
    for (let i = this.#rows.length - 1; i >= mark.moves; i--) {
      const { bytes, from, to } = this.#moves[i];
      this.#taken[this.#rows[i]] = 0;
      this.#slabs.moved(bytes, to, from);
    }
    this.#moves.length = this.#rows.length = mark.moves;
    this.#bytesLeft = mark.bytesLeft;
    this.#promotionLeft = mark.promotionLeft;
    for (let i = 0; i < mark.usedBytes.length; i++) this.usedBytes[i] = mark.usedBytes[i];
    mark.writeLeft?.forEach((bytes, tier) => {
      (this.#writeLeft as number[])[tier] = bytes;
    });
  }

  /** Whether refusals are named, and figures made for them are worth their time. */
  get explains(): boolean {
    return this.#refusals !== undefined;
  }

  /** Counts a unit that stays, by what kept it. Figures that are left out are what its heat alone promises. */
  refuse(row: number, to: number, why: string, gainNs?: number, costNs?: number): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + 1;
    if (this.#refusals === undefined) return;
    const { id, tier } = this.#snapshot.units;
    this.#refusals.set(row, {
      unit: id[row],
      from: tier[row],
      to,
      why,
      gainNs: gainNs ?? modelledGainNs(this.#snapshot, row, to),
      costNs: costNs ?? modelledCostNs(this.#snapshot, row, to),
    });
  }

  build(thresholdsLog2: readonly number[]): Plan {
    const plan: Plan = { moves: this.#moves, thresholdsLog2, refused: this.#refused };
    if (this.#refusals === undefined) return plan;
    // What was kept from going up may have made room for others in the end.
    for (const row of this.#rows) this.#refusals.delete(row);
    return { ...plan, refusals: [...this.#refusals.values()] };
  }
}
