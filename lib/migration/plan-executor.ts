/** Making the moves of a plan: one after the other, within budgets and slices, each with a record of its end. */

import { type Move, neverRefused } from '../policy/policy.ts';
import type { Slices } from '../slices.ts';
import type { CaughtErrors } from './caught-errors.ts';
import type { MoveRecord } from './engine-stats.ts';
import type { MigrationTarget, MoveResult } from './migration-target.ts';
import type { MoveHistory } from './move-history.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { SelfStop } from './self-stop.ts';
import type { MoveEnd, Round, Tally } from './tally.ts';
import type { WriteBudget } from './write-budget.ts';

/** What a {@link PlanExecutor} works with; the engine's own. */
export interface ExecutorParts {
  readonly target: MigrationTarget;
  readonly slices: Slices;
  readonly limiter: RateLimiter;
  readonly selfStop: SelfStop;
  readonly writes: WriteBudget;
  readonly history: MoveHistory;
  /** Counts all moves. */
  readonly total: Tally;
  readonly errors: CaughtErrors;
  readonly nowNs: () => number;
  readonly onMove: ((move: MoveRecord) => void) | undefined;
}

/** What one execution is held to, and where it is written down. */
export interface Execution {
  readonly maxBytes: number;
  readonly tally: Tally;
  /** One a move tried. */
  readonly records?: MoveRecord[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Moves units of one target. */
export class PlanExecutor {
  readonly #parts: ExecutorParts;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Moves what the budgets allow. Never rejects: what the target throws is a move that was refused. */
  async execute(round: Round, { maxBytes, tally, records, signal }: Execution): Promise<void> {
    const { slices } = this.#parts;
    let bytesLeft = maxBytes;
    const before = tally.outcomes.moved;
    for (const move of round.plan.moves) {
      if (slices.spent) await slices.yield();
      if (signal?.aborted === true) {
        tally.aborted = true;
        break;
      }
      if (move.bytes > bytesLeft) {
        tally.kept('budget', 1);
        continue;
      }
      if (!this.#mayWrite(move)) {
        tally.kept('endurance', 1);
        continue;
      }
      const pending = this.#start(move, signal);
      // Awaiting what is already there would give the thread away.
      const result = isPending(pending) ? await slices.outside(pending) : pending;
      const end: MoveEnd = typeof result === 'string' ? { outcome: result } : result;
      if (end.outcome === 'moved') {
        bytesLeft -= move.bytes;
        this.#moved(move, end, round);
      }
      tally.tried(move, end);
      this.#parts.total.tried(move, end);
      if (records !== undefined || this.#parts.onMove !== undefined) {
        this.#tell({ ...move, ...end }, records);
      }
    }
    if (tally.outcomes.moved > before) this.#adapt();
  }

  /** Policies plan within it; one that does not is held to it all the same. */
  #mayWrite({ to, bytes, reason }: Move): boolean {
    const { writes, nowNs } = this.#parts;
    return neverRefused(reason) || bytes <= (writes.left(nowNs())?.[to] ?? Infinity);
  }

  #start(move: Move, signal: AbortSignal | undefined): MoveResult | Promise<MoveResult> {
    const { target, errors } = this.#parts;
    try {
      const result = target.move(move.unit, move.from, move.to, signal, move.node);
      return isPending(result) ? result.catch((error) => errors.note(error)) : result;
    } catch (error) {
      return errors.note(error);
    }
  }

  #moved(move: Move, { copiedBytes = move.bytes }: MoveEnd, { snapshot }: Round): void {
    const { target, limiter, selfStop, writes, history } = this.#parts;
    limiter.spend(move.bytes);
    if (move.to < move.from) selfStop.spend(move.bytes);
    writes.moved(move.to, copiedBytes);
    history.applied(move, snapshot, target.heatLog2(move.unit));
  }

  #tell(record: MoveRecord, records: MoveRecord[] | undefined): void {
    records?.push(record);
    try {
      this.#parts.onMove?.(record);
    } catch (error) {
      this.#parts.errors.note(error);
    }
  }

  #adapt(): void {
    const { limiter, selfStop, history, nowNs } = this.#parts;
    // Whoever wants no limit at all wants none of this kind either.
    if (limiter.bytesPerSecond < Infinity) selfStop.adapt(history.paybackShare, nowNs());
  }
}

function isPending(result: MoveResult | Promise<MoveResult>): result is Promise<MoveResult> {
  return typeof result === 'object' && 'then' in result;
}
