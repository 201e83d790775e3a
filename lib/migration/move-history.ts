/** What recent moves teach the next plan: who has to stay, who goes back and forth, and whether moving pays. */

import type { Move, Snapshot } from '../policy/policy.ts';
import { BenefitLedger } from './benefit-ledger.ts';
import { DwellTable } from './dwell.ts';

const maxDwelling: number = 1 << 16;
const maxAudits = 4096;
/** About this many moves are remembered in the ping-pong share. */
const pingPongMemory = 64;
/** Entries looked at in one round when the old ones are dropped. */
const prunedARound = 256;

/** What of a snapshot a round begins with. */
type HistoryRound = Pick<Snapshot, 'accessClock' | 'halfLifeAccesses' | 'unitCounts'>;

/** Dwell, ping-pong and benefit accounts of one engine. */
export class MoveHistory {
  readonly #dwell = new DwellTable(maxDwelling);
  readonly #ledger = new BenefitLedger(maxAudits);
  readonly #dwellAccesses: number | undefined;
  #column = new Float64Array(0);
  promotions = 0;
  demotions = 0;
  /** Moves between nodes of a tier. */
  nodeMoves = 0;
  pingPongMoves = 0;
  /** Share of the recent moves that undid another one, 0..1. */
  pingPongShare = 0;

  /** `dwellAccesses`: how long a moved unit stays; by default an access for each unit of the fastest tier. */
  constructor(dwellAccesses: number | undefined) {
    this.#dwellAccesses = dwellAccesses;
  }

  get realisedShare(): number {
    return this.#ledger.realisedShare;
  }

  get paybackShare(): number {
    return this.#ledger.paybackShare;
  }

  dwellUntil(unit: number): number {
    return this.#dwell.until(unit);
  }

  /** A new round: settles audits that are due and forgets what is long past. */
  begin(
    { accessClock: clock, halfLifeAccesses, unitCounts }: HistoryRound,
    heatLog2: (unit: number) => number,
  ): void {
    this.#ledger.settle(clock, halfLifeAccesses, unitCounts[0], heatLog2);
    this.#dwell.prune(clock, prunedARound);
  }

  /** The `dwellUntil` column of a snapshot; valid until the next call. */
  dwellColumn(units: Omit<Snapshot['units'], 'dwellUntil'>): Float64Array {
    if (this.#column.length < units.length) {
      this.#column = new Float64Array(Math.max(units.length, 2 * this.#column.length));
    }
    this.#dwell.untilOf(units.id, units.length, this.#column);
    return this.#column;
  }

  /** A move was applied. `heatLog2` is the unit's heat now. */
  applied(move: Move, snapshot: Snapshot, heatLog2: number): void {
    const { accessClock, halfLifeAccesses, unitCounts } = snapshot;
    if (move.to < move.from) this.promotions++;
    else if (move.to > move.from) this.demotions++;
    else this.nodeMoves++;
    const stay = this.#dwellAccesses ?? Math.max(64, unitCounts[0]);
    const fade = Math.max(stay, Number.isFinite(halfLifeAccesses) ? halfLifeAccesses : stay);
    const undone = this.#dwell.moved(move.unit, move.from, move.to, accessClock, stay, fade);
    if (undone) this.pingPongMoves++;
    this.pingPongShare += ((undone ? 1 : 0) - this.pingPongShare) / pingPongMemory;
    this.#ledger.applied(move, snapshot, heatLog2);
  }
}
