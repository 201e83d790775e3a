/**
 * What promotions promised against what they brought: one half-life later, the accesses the unit really got are worth
 * the latency difference times their number, and are held against the gain the policy predicted.
 */

import type { Move, TierState } from '../policy/policy.ts';

/** Older evidence counts for e^-1 after this many audited moves. */
const memoryMoves = 256;
/** With less evidence than this, the share is drawn towards 1: nothing is known. */
const priorMoves = 16;

interface Audit {
  readonly unit: number;
  readonly dueAt: number;
  readonly movedAt: number;
  readonly heatLog2: number;
  readonly gainNs: number;
  /** Time one access saves (positive for a promotion). */
  readonly perAccessNs: number;
}

/** Audits a sample of the moves. Memory is bounded; time is the access clock. */
export class BenefitLedger {
  readonly #open: Audit[] = [];
  readonly #maxOpen: number;
  #head = 0;
  #predictedNs = 0;
  #realisedNs = 0;
  #weight = 0;

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen;
  }

  /** Realised over predicted benefit, smoothed, 0..4; 1 while nothing is known. */
  get realisedShare(): number {
    if (this.#weight === 0) return 1;
    const mean = this.#predictedNs / this.#weight;
    if (!(mean > 0)) return 1;
    const prior = priorMoves * mean;
    const share = (this.#realisedNs + prior) / (this.#predictedNs + prior);
    return Math.min(4, Math.max(0, share));
  }

  /**
   * Writes a promotion down that was applied; a move that promised nothing and whatever does not fit the book is left
   * out. `heatLog2` is the unit's heat then.
   */
  applied(
    move: Move,
    tiers: readonly TierState[],
    heatLog2: number,
    clock: number,
    dueIn: number,
  ): void {
    if (!(move.gainNs > 0) || !Number.isFinite(dueIn)) return;
    if (this.#open.length - this.#head >= this.#maxOpen) return;
    this.#open.push({
      unit: move.unit,
      dueAt: clock + dueIn,
      movedAt: clock,
      heatLog2,
      gainNs: move.gainNs,
      perAccessNs: tiers[move.from].readLatencyNs - tiers[move.to].readLatencyNs,
    });
  }

  /**
   * Settles what is due. `heatOf` gives a unit's heat now (log2; -Infinity when it is gone, and then the move is
   * left out: nobody can say what it would have brought).
   */
  settle(clock: number, halfLifeAccesses: number, heatOf: (unit: number) => number): void {
    while (this.#head < this.#open.length && this.#open[this.#head].dueAt <= clock) {
      const entry = this.#open[this.#head++];
      const heatLog2 = heatOf(entry.unit);
      if (heatLog2 === Number.NEGATIVE_INFINITY) continue;
      const halfLives = (clock - entry.movedAt) / halfLifeAccesses;
      const kept = 2 ** -halfLives;
      const cooled = Math.max(0, 2 ** heatLog2 - 2 ** entry.heatLog2 * kept);
      // Heat counts late accesses more than early ones; spread evenly they were this many, per half-life.
      const accesses = kept < 1 ? (cooled * Math.LN2) / (1 - kept) : cooled;
      this.#weight = this.#weight * (1 - 1 / memoryMoves) + 1;
      this.#predictedNs = this.#predictedNs * (1 - 1 / memoryMoves) + entry.gainNs;
      this.#realisedNs = this.#realisedNs * (1 - 1 / memoryMoves) + accesses * entry.perAccessNs;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#open.length) {
      this.#open.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
