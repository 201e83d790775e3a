/** Collects the moves of one plan, keeps the books of every tier meanwhile, and can take steps back. */

import { modelledCostNs, modelledGainNs } from './modelled-gain.ts';
import type { Move, MoveReason, Plan, PlanBudget, Refusal, Snapshot } from './policy.ts';
import { usableBytes } from './thresholds.ts';

/** Where {@link PlanBuilder.rollback} goes back to. */
export interface PlanMark {
  readonly moves: number;
  readonly bytesLeft: number;
  readonly usedBytes: readonly number[];
}

/** One plan in the making. `row` is an index into the snapshot's columns. */
export class PlanBuilder {
  /** Bytes of every tier if the moves so far are applied. */
  readonly usedBytes: number[];
  readonly #snapshot: Snapshot;
  readonly #usable: readonly number[];
  readonly #moves: Move[] = [];
  readonly #rows: number[] = [];
  readonly #taken: Uint8Array;
  readonly #refused: Record<string, number> = {};
  /** By row, the last word on it. */
  readonly #refusals: Map<number, Refusal> | undefined;
  #bytesLeft: number;
  #leavingTier = -1;
  #leavingBytes = 0;

  constructor(snapshot: Snapshot, budget: PlanBudget) {
    this.#snapshot = snapshot;
    this.usedBytes = snapshot.tiers.map((tier) => tier.usedBytes);
    this.#usable = snapshot.tiers.map(usableBytes);
    this.#taken = new Uint8Array(snapshot.units.length);
    this.#bytesLeft = budget.bytes;
    this.#refusals = budget.explain === true ? new Map() : undefined;
  }

  /** Says that `bytes` leave `tier` as soon as room is made for them: an exchange needs no third place. */
  expectLeaving(tier: number, bytes: number): void {
    this.#leavingTier = tier;
    this.#leavingBytes = bytes;
  }

  /** Bytes missing in `tier` for `bytes` more to fit beside its head-room; 0 or less when they fit. */
  shortage(tier: number, bytes: number): number {
    const missing = this.usedBytes[tier] + bytes - this.#usable[tier];
    return tier === this.#leavingTier && this.fits(tier, bytes)
      ? missing - this.#leavingBytes
      : missing;
  }

  /** Whether `bytes` more fit at all: the head-room may be used in passing. */
  fits(tier: number, bytes: number): boolean {
    return this.usedBytes[tier] + bytes <= this.#snapshot.tiers[tier].capacityBytes;
  }

  /** Whether the plan already moves this row. */
  taken(row: number): boolean {
    return this.#taken[row] === 1;
  }

  /** Adds a move; false when the budget does not allow it. */
  add(row: number, to: number, reason: MoveReason, gainNs: number, costNs: number): boolean {
    const { units } = this.#snapshot;
    const bytes = units.bytes[row];
    if (bytes > this.#bytesLeft) return false;
    const from = units.tier[row];
    this.#bytesLeft -= bytes;
    this.usedBytes[from] -= bytes;
    this.usedBytes[to] += bytes;
    this.#taken[row] = 1;
    this.#rows.push(row);
    this.#moves.push({ unit: units.id[row], bytes, from, to, reason, gainNs, costNs });
    return true;
  }

  mark(): PlanMark {
    return {
      moves: this.#moves.length,
      bytesLeft: this.#bytesLeft,
      usedBytes: this.usedBytes.slice(),
    };
  }

  rollback(mark: PlanMark): void {
    for (let i = mark.moves; i < this.#rows.length; i++) this.#taken[this.#rows[i]] = 0;
    this.#moves.length = this.#rows.length = mark.moves;
    this.#bytesLeft = mark.bytesLeft;
    for (let i = 0; i < mark.usedBytes.length; i++) this.usedBytes[i] = mark.usedBytes[i];
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
