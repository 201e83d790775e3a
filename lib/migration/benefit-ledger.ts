/**
 * What moves promised, cost and brought. A promotion is held to account when its unit moves again, or a half-life later:
 * the accesses the unit got until then are worth what each of them took less than it would have. Those of its victims
 * are worth what they took more. Against the policy's promise that says whether it predicts well; against what the moves
 * took, whether moving pays at all.
 */

import { accessNs } from '../policy/cost-model.ts';
import type { Move, Snapshot } from '../policy/policy.ts';

/**
 * With little evidence the shares are drawn towards 1, as by so many moves that were worth what they took: a share of
 * the units of the fastest tier, and a few at least. Evidence counts half after a half-life. So many moves in that time
 * are what it takes to find out, and not worth stopping.
 */
const priorShare: number = 1 / 8;
const minPriorMoves = 16;
const maxShare = 4;

interface Audit {
  readonly unit: number;
  readonly dueAt: number;
  readonly movedAt: number;
  readonly halfLifeAccesses: number;
  readonly heatLog2: number;
  /** 0 for a victim: what it loses is part of the promise of what came for it. */
  readonly gainNs: number;
  readonly costNs: number;
  /** Time one access saves: positive for a promotion, negative for a victim. */
  readonly perAccessNs: number;
  open: boolean;
}

/** Audits a sample of the moves. Memory is bounded; time is the access clock. */
export class BenefitLedger {
  readonly #maxOpen: number;
  readonly #byUnit: Map<number, Audit> = new Map();
  /** In the order in which they fall due; audits that ended early are passed over. */
  #queue: Audit[] = [];
  #head = 0;
  /** Demotions since the last promotion: it tells what they were for. */
  #victims: Audit[] = [];
  #settledAt = 0;
  #fastUnits = 0;
  /** Moves that should have been written down, and that were: the book may be too small for all of them. */
  #auditable = 0;
  #audited = 0;
  #weight = 0;
  #predictedNs = 0;
  #realisedNs = 0;
  #costNs = 0;

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen;
  }

  /** Realised over predicted benefit, smoothed, 0..4; 1 while nothing is known. */
  get realisedShare(): number {
    return this.#share(this.#predictedNs);
  }

  /** Realised benefit over what the moves took, smoothed, 0..4: below 1 moving does not pay. 1 while nothing is known. */
  get paybackShare(): number {
    return this.#share(this.#costNs);
  }

  /**
   * A move was applied. `heatLog2` is the unit's heat now. Promotions that promise something are written down with the
   * victims before them, as long as there is room in the book.
   */
  applied(move: Move, snapshot: Snapshot, heatLog2: number): void {
    const { unit, from, to, reason, gainNs, costNs } = move;
    const { tiers, costs, accessClock, halfLifeAccesses } = snapshot;
    // On another node of its tier it still has what the promotion brought.
    if (from === to) return;
    const before = this.#byUnit.get(unit);
    if (before !== undefined) this.#end(before, accessClock, heatLog2);
    const isVictim = to > from && reason === 'victim';
    if (!(isVictim || to < from) || !Number.isFinite(halfLifeAccesses)) return;
    const ns = (tier: number): number => accessNs(tiers[tier], move.bytes, 0, costs);
    const audit: Audit = {
      unit,
      dueAt: accessClock + halfLifeAccesses,
      movedAt: accessClock,
      halfLifeAccesses,
      heatLog2,
      gainNs: isVictim ? 0 : gainNs,
      costNs,
      perAccessNs: ns(from) - ns(to),
      open: true,
    };
    if (isVictim) {
      this.#victims.push(audit);
      return;
    }
    const all = [...this.#victims, audit];
    this.#victims = [];
    if (!(gainNs > 0)) return;
    this.#auditable += all.length;
    if (this.#byUnit.size + all.length > this.#maxOpen) return;
    this.#audited += all.length;
    for (const one of all) {
      this.#byUnit.set(one.unit, one);
      this.#queue.push(one);
    }
  }

  /**
   * A new round, when the fastest tier holds `fastUnits`: ends the audits that are due. `heatOf` gives a unit's heat now (log2; -Infinity when it is gone, and
   * then it is left out: nobody can say what its move would have brought).
   */
  settle(
    clock: number,
    halfLifeAccesses: number,
    fastUnits: number,
    heatOf: (unit: number) => number,
  ): void {
    this.#victims = [];
    this.#fade(2 ** ((this.#settledAt - clock) / halfLifeAccesses));
    this.#settledAt = clock;
    this.#fastUnits = fastUnits;
    while (this.#head < this.#queue.length) {
      const audit = this.#queue[this.#head];
      if (audit.open && audit.dueAt > clock) break;
      this.#head++;
      if (audit.open) this.#end(audit, clock, heatOf(audit.unit));
    }
    if (this.#queue.length > 2 * this.#maxOpen) {
      this.#queue = this.#queue.slice(this.#head).filter(({ open }) => open);
      this.#head = 0;
    }
  }

  #end(audit: Audit, clock: number, heatLog2: number): void {
    audit.open = false;
    this.#byUnit.delete(audit.unit);
    if (heatLog2 === Number.NEGATIVE_INFINITY) return;
    const halfLives = (clock - audit.movedAt) / audit.halfLifeAccesses;
    const kept = 2 ** -halfLives;
    const gained = Math.max(0, 2 ** heatLog2 - 2 ** audit.heatLog2 * kept);
    // Heat counts late accesses more than early ones; spread evenly they were this many, in a half-life at most.
    const spread = kept < 1 ? (Math.LN2 * Math.min(1, halfLives)) / (1 - kept) : 1;
    this.#weight += 1;
    this.#predictedNs += audit.gainNs;
    this.#realisedNs += gained * spread * audit.perAccessNs;
    this.#costNs += audit.costNs;
  }

  #fade(kept: number): void {
    this.#auditable *= kept;
    this.#audited *= kept;
    this.#weight *= kept;
    this.#predictedNs *= kept;
    this.#realisedNs *= kept;
    this.#costNs *= kept;
  }

  #share(expectedNs: number): number {
    const meanNs = this.#weight === 0 ? 0 : expectedNs / this.#weight;
    const sampled = this.#auditable > 0 ? this.#audited / this.#auditable : 1;
    const prior = Math.max(minPriorMoves, priorShare * this.#fastUnits * sampled) * meanNs;
    if (!(prior > 0)) return 1;
    const share = (this.#realisedNs + prior) / (expectedNs + prior);
    return Math.min(maxShare, Math.max(0, share));
  }
}
