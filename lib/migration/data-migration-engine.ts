/**
 * The loop that moves data: observe (snapshot), plan (policy), move (target), within a rate limit and in short
 * slices of the main thread. It decides nothing itself beyond what keeps the program safe from its policy: plans are
 * checked whole, units that just moved dwell, and a policy that fails is counted and left out, never thrown.
 */

import { explainUnits, type UnitExplanation } from '../explain/explain-plan.ts';
import { type Move, neverRefused, type PlanBudget, type Policy } from '../policy/policy.ts';
import { SliceClock, Slices } from '../slices.ts';
import { ReuseEstimator } from '../tracking/reuse-estimator.ts';
import { AccessPace } from './access-pace.ts';
import { completeSnapshot } from './complete-snapshot.ts';
import type { Decision } from './decision.ts';
import {
  checkParties,
  type MigrationEngineOptions,
  notNegative,
  type OptimizeOptions,
  positive,
  type StepOptions,
} from './engine-options.ts';
import type { EngineStats, MoveRecord, OptimizeReport, StepReport } from './engine-stats.ts';
import type { MigrationTarget, MoveResult } from './migration-target.ts';
import { MoveHistory } from './move-history.ts';
import { noPlan, PolicyRunner } from './policy-runner.ts';
import { defaultRate, RateLimiter } from './rate-limiter.ts';
import { SelfStop } from './self-stop.ts';
import { type MoveEnd, type Observed, type Round, Tally } from './tally.ts';
import { WriteBudget } from './write-budget.ts';

/** Consecutive failures of the store after which the background timer gives up. */
const maxBackgroundErrors = 8;
/** Share of a round's bytes that tidying gets before moves, and of the main thread that it takes in the background. */
const tidyShareOfBytes = 0.25;
const tidyShareOfTime = 0.1;

/** Moves units between tiers by a policy. One for each store; all methods run on the store's thread. */
export class DataMigrationEngine {
  readonly #target: MigrationTarget;
  readonly #runner: PolicyRunner;
  readonly #nowNs: () => number;
  readonly #maxUnits: number;
  readonly #onMove: ((move: MoveRecord) => void) | undefined;
  readonly #onDecision: ((decision: Decision) => void) | undefined;
  readonly #limiter: RateLimiter;
  readonly #selfStop: SelfStop;
  readonly #writes: WriteBudget;
  readonly #history: MoveHistory;
  readonly #reuse = new ReuseEstimator();
  readonly #sliceClock: SliceClock;
  readonly #slices: Slices;
  readonly #total = new Tally();
  readonly #pace: AccessPace;
  /** What the policy asked to be kept for its next plan. */
  #carry: unknown;
  #rounds = 0;
  #errors = 0;
  #lastError: unknown;
  #turn: Promise<unknown> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #backgroundErrors = 0;
  #evacuatedBytes = 0;
  /** When the background last tidied. */
  #tidiedNs: number;

  /** Throws `TypeError`/`RangeError` for options that make no sense. */
  constructor(options: MigrationEngineOptions) {
    const { target, policy, clock, onMove, dwellAccesses } = options;
    checkParties(target, policy);
    this.#target = target;
    this.#runner = new PolicyRunner(policy);
    this.#onMove = onMove;
    this.#onDecision = options.onDecision;
    this.#maxUnits = positive('options.maxUnits', options.maxUnits ?? 16_384);
    this.#history = new MoveHistory(
      dwellAccesses === undefined ? undefined : notNegative('options.dwellAccesses', dwellAccesses),
    );
    const budgetUs = positive('options.mainThreadBudgetUs', options.mainThreadBudgetUs ?? 200);
    this.#sliceClock = options.sliceClock ?? new SliceClock(budgetUs * 1000, clock);
    this.#slices = new Slices(this.#sliceClock);
    this.#nowNs = clock ?? this.#sliceClock.nowNs;
    this.#tidiedNs = this.#nowNs();
    this.#pace = new AccessPace(this.#tidiedNs);
    const rate = options.bytesPerSecond ?? defaultRate(target.tierStates());
    this.#limiter = new RateLimiter(positive('options.bytesPerSecond', rate), this.#nowNs());
    this.#selfStop = new SelfStop(this.#nowNs());
    this.#writes = new WriteBudget(target.tierStates(), this.#nowNs());
  }

  /** The policy in use. */
  get policy(): Policy {
    return this.#runner.policy;
  }

  /** Whether the background timer runs. */
  get running(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * One round, and then what tidying is due. Work that fits the main-thread budget is done before this returns; the
   * promise only says so. Rejects with what the store throws while it is observed (e.g. `ERR_TIER_CLOSED`).
   */
  step(options: StepOptions = {}): Promise<StepReport> {
    return this.#step(
      notNegative('options.maxBytes', options.maxBytes ?? Infinity),
      positive('options.maxUnits', options.maxUnits ?? this.#maxUnits),
      () => Infinity,
    );
  }

  /**
   * Rounds without rate limit until nothing moves and every unit was considered; then the target is tidied. An
   * aborted signal ends it early with `aborted: true`; what was moved stays moved. Rejects as {@link step} does.
   */
  optimize(options: OptimizeOptions = {}): Promise<OptimizeReport> {
    const { dryRun = false, explain = false, signal } = options;
    return this.#inTurn(async () => {
      const tally = new Tally();
      const moves: MoveRecord[] = [];
      const rounds = dryRun
        ? this.#propose(tally, moves, explain)
        : await this.#settle(tally, moves, explain, signal);
      const untidy = dryRun || tally.aborted ? undefined : this.#target.tidy?.(true);
      if (untidy !== undefined) {
        tally.aborted = !(await this.#tidy(untidy, () => signal?.aborted === true));
      }
      const refusals = explain ? [...tally.refusals.values()] : [];
      return { ...tally.report(), dryRun, rounds, moves, refusals };
    });
  }

  /**
   * What a plan over all units would do now with some of them, and why; undefined for a unit that no plan may move.
   * Moves nothing and leaves no trace in later plans. Takes as long as a dry run: O(all units).
   */
  explain(units: readonly number[]): Promise<(UnitExplanation | undefined)[]> {
    return this.#inTurn(async () => {
      const observed = this.#observe(Infinity, true);
      const budget = this.#budget(Infinity, true);
      const { snapshot, plan, failure } = this.#plan(observed, budget, true);
      const perSecond = this.#pace.perSecond(snapshot.accessClock, this.#nowNs());
      const { writeBytes } = budget;
      const more = { failure: failure?.message, perSecond, writeBytes };
      return explainUnits(units, { snapshot, plan, ...more });
    });
  }

  /**
   * Runs a round every `intervalMs` milliseconds without keeping the process alive. A round that takes longer
   * swallows the ticks meanwhile. Restarts with the new interval when already running.
   */
  start(intervalMs: number): void {
    positive('intervalMs', intervalMs);
    this.stop();
    this.#backgroundErrors = 0;
    this.#timer = setInterval(() => this.#tick(), intervalMs);
    this.#timer.unref();
  }

  /** Stops the background timer; a round under way is finished. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Resolves when no round is under way. */
  async idle(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn.catch(() => {});
  }

  /** Access clock before which a unit should stay where it is; 0 when it is free to move. */
  dwellUntil(unit: number): number {
    return this.#history.dwellUntil(unit);
  }

  stats(): EngineStats {
    const { planned, outcomes, failures, bytesMoved, refused, notes } = this.#total;
    const { promotions, demotions, nodeMoves, pingPongMoves, pingPongShare } = this.#history;
    const { realisedShare, paybackShare } = this.#history;
    const tried = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    return {
      rounds: this.#rounds,
      planned,
      tried,
      applied: outcomes.moved,
      failed: tried - outcomes.moved,
      outcomes: { ...outcomes },
      failures: { ...failures },
      refused: { ...refused },
      notes,
      promotions,
      demotions,
      nodeMoves,
      bytesMoved,
      pingPongMoves,
      pingPongShare,
      realisedShare,
      paybackShare,
      rateFactor: this.#selfStop.factor,
      endurance: this.#writes.stats(this.#nowNs()),
      evacuatedBytes: this.#evacuatedBytes,
      slices: this.#sliceClock.times(),
      policyErrors: this.#runner.errors,
      lastPolicyFailure: this.#runner.lastFailure,
      errors: this.#errors,
      lastError: this.#lastError,
    };
  }

  #tick(): void {
    if (this.#turn !== undefined) return;
    this.#step(Infinity, this.#maxUnits, () => this.#backgroundTidyNs()).then(
      () => {
        this.#backgroundErrors = 0;
      },
      (error: unknown) => {
        this.#failed(error);
        if (++this.#backgroundErrors >= maxBackgroundErrors) this.stop();
      },
    );
  }

  /** `maxTidyNs` says how long tidying may take: without a bound it does not depend on the speed of the machine. */
  #step(maxBytes: number, maxUnits: number, maxTidyNs: () => number): Promise<StepReport> {
    return this.#inTurn(async () => {
      const tally = new Tally();
      const all = Math.min(maxBytes, this.#limiter.available(this.#nowNs()));
      const untidy = this.#target.tidy?.(false);
      const bytes = untidy === undefined ? all : all * (1 - tidyShareOfBytes);
      const observed = this.#observe(maxUnits);
      if (this.#slices.spent) await this.#slices.yield();
      const promotionBytes = this.#selfStop.available(this.#nowNs());
      const round = this.#plan(observed, {
        ...this.#budget(bytes),
        ...(promotionBytes === undefined ? {} : { promotionBytes }),
      });
      tally.observed(round);
      await this.#execute(round, bytes, tally, undefined, undefined);
      if (untidy !== undefined) {
        const left = Math.min(maxBytes - tally.bytesMoved, this.#limiter.available(this.#nowNs()));
        const maxNs = maxTidyNs();
        await this.#tidy(untidy, (copied, spentNs) => copied >= left || spentNs >= maxNs);
      }
      return tally.report();
    });
  }

  /** One at a time; when nothing is under way the first part of `work` runs before this returns. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const sliced = (): Promise<T> => this.#slices.during(work);
    const turn = this.#turn === undefined ? sliced() : this.#turn.then(sliced, sliced);
    const over = (): void => {
      if (this.#turn === turn) this.#turn = undefined;
    };
    this.#turn = turn;
    turn.then(over, over);
    return turn;
  }

  #observe(maxUnits: number, dryRun = false): Observed {
    const target = this.#target;
    if (!dryRun) this.#rounds++;
    const { step } = this.#reuse.table();
    const halfLife = this.#runner.halfLife(target.tierStates(), target.unitCounts(), step);
    const halfLifeAccesses = halfLife.answer;
    const observed = target.snapshot({ halfLifeAccesses, maxUnits, step, dryRun });
    // A dry run sees what a plan would, and teaches nothing: what follows is as if it had not been.
    const reuse = dryRun ? this.#reuse.copy() : this.#reuse;
    reuse.observe(observed);
    if (!dryRun) {
      const { accessClock } = observed;
      this.#history.begin(observed, (unit) => target.heatLog2(unit));
      this.#pace.observe(accessClock, this.#nowNs());
      const written = target.writtenBytes?.();
      if (written !== undefined) this.#writes.written(written);
    }
    const snapshot = completeSnapshot(observed, this.#history.dwellColumn(observed.units), {
      reuse: reuse.table(),
      carry: this.#carry,
      pingPongShare: this.#history.pingPongShare,
      realisedShare: this.#history.realisedShare,
    });
    return { snapshot, failure: halfLife.failure };
  }

  #budget(bytes: number, explain?: boolean): PlanBudget {
    const writeBytes = this.#writes.left(this.#nowNs());
    return {
      bytes,
      ...(explain === undefined ? {} : { explain }),
      ...(writeBytes === undefined ? {} : { writeBytes }),
    };
  }

  /** The snapshot may be a turn old: a move of a unit that is gone since does not happen. */
  #plan({ snapshot, failure: before }: Observed, budget: PlanBudget, dryRun = false): Round {
    const { answer: plan, failure } =
      before === undefined
        ? this.#runner.plan(snapshot, budget)
        : { answer: noPlan, failure: before };
    const round: Round = { snapshot, plan, failure };
    if (dryRun) return round;
    if (failure === undefined) this.#carry = plan.carry;
    this.#total.counted(round);
    // A policy that failed before it saw the snapshot decided nothing.
    if (before === undefined) this.#tellDecision(round, budget);
    return round;
  }

  #tellDecision({ snapshot, plan, failure }: Round, budget: PlanBudget): void {
    if (this.#onDecision === undefined) return;
    const { name } = this.#runner.policy;
    try {
      this.#onDecision({ policy: name, snapshot, budget, plan, failure: failure?.message });
    } catch (error) {
      this.#failed(error);
    }
  }

  #propose(tally: Tally, moves: MoveRecord[], explain: boolean): number {
    const round = this.#plan(this.#observe(Infinity, true), this.#budget(Infinity, explain), true);
    tally.observed(round);
    for (const move of round.plan.moves) {
      tally.proposed(move);
      moves.push({ ...move, outcome: 'planned' });
    }
    return 1;
  }

  async #settle(
    tally: Tally,
    moves: MoveRecord[],
    explain: boolean,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const units = this.#target.unitCounts().reduce((sum, count) => sum + count, 0);
    // To consider every unit takes this many rounds; a policy that never rests is stopped at twice that.
    const maxRounds = 16 + 2 * Math.ceil(units / this.#maxUnits);
    let rounds = 0;
    for (let moved = true; rounds < maxRounds && (moved || tally.unitsConsidered < units); ) {
      tally.aborted ||= signal?.aborted === true;
      if (tally.aborted) break;
      const observed = this.#observe(this.#maxUnits);
      if (this.#slices.spent) await this.#slices.yield();
      const round = this.#plan(observed, this.#budget(Infinity, explain));
      tally.observed(round);
      rounds++;
      const before = tally.outcomes.moved;
      await this.#execute(round, Infinity, tally, moves, signal);
      moved = tally.outcomes.moved > before;
      if (round.failure !== undefined || round.snapshot.units.length === 0) break;
      if (this.#slices.spent) await this.#slices.yield();
    }
    return rounds;
  }

  async #execute(
    round: Round,
    maxBytes: number,
    tally: Tally,
    records: MoveRecord[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let bytesLeft = maxBytes;
    const before = tally.outcomes.moved;
    for (const move of round.plan.moves) {
      if (this.#slices.spent) await this.#slices.yield();
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
      const result = isPending(pending) ? await this.#slices.outside(pending) : pending;
      const end: MoveEnd = typeof result === 'string' ? { outcome: result } : result;
      if (end.outcome === 'moved') {
        bytesLeft -= move.bytes;
        this.#limiter.spend(move.bytes);
        if (move.to < move.from) this.#selfStop.spend(move.bytes);
        this.#writes.moved(move.to, end.copiedBytes ?? move.bytes);
        this.#history.applied(move, round.snapshot, this.#target.heatLog2(move.unit));
      }
      tally.tried(move, end);
      this.#total.tried(move, end);
      if (records !== undefined || this.#onMove !== undefined) {
        this.#tell({ ...move, ...end }, records);
      }
    }
    if (tally.outcomes.moved > before) {
      // Whoever wants no limit at all wants none of this kind either.
      if (this.#limiter.bytesPerSecond < Infinity) {
        this.#selfStop.adapt(this.#history.paybackShare, this.#nowNs());
      }
    }
  }

  /** Policies plan within it; one that does not is held to it all the same. */
  #mayWrite({ to, bytes, reason }: Move): boolean {
    return neverRefused(reason) || bytes <= (this.#writes.left(this.#nowNs())?.[to] ?? Infinity);
  }

  /** A share of the time since the last time, and a slice at least. */
  #backgroundTidyNs(): number {
    const sinceNs = this.#nowNs() - this.#tidiedNs;
    this.#tidiedNs += sinceNs;
    return Math.max(this.#sliceClock.budgetNs, sinceNs * tidyShareOfTime);
  }

  /** `false` when it was ended early by `enough`, which is told of bytes copied and time on this thread. */
  async #tidy(
    work: Iterator<number>,
    enough: (copiedBytes: number, spentNs: number) => boolean,
  ): Promise<boolean> {
    let copied = 0;
    let spentNs = 0;
    try {
      while (!enough(copied, spentNs)) {
        if (this.#slices.spent) await this.#slices.yield();
        const startNs = this.#nowNs();
        const step = work.next();
        spentNs += this.#nowNs() - startNs;
        if (step.done === true) return true;
        copied += step.value;
        this.#limiter.spend(step.value);
        this.#evacuatedBytes += step.value;
      }
      work.return?.();
      return false;
    } catch (error) {
      this.#failed(error);
      return true;
    }
  }

  #start(move: Move, signal: AbortSignal | undefined): MoveResult | Promise<MoveResult> {
    try {
      const result = this.#target.move(move.unit, move.from, move.to, signal, move.node);
      return isPending(result) ? result.catch((error) => this.#failed(error)) : result;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #tell(record: MoveRecord, records: MoveRecord[] | undefined): void {
    records?.push(record);
    try {
      this.#onMove?.(record);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Notes an error nobody is there to catch; a move that threw did not happen. */
  #failed(error: unknown): 'refused' {
    this.#errors++;
    this.#lastError = error;
    return 'refused';
  }
}

function isPending(result: MoveResult | Promise<MoveResult>): result is Promise<MoveResult> {
  return typeof result === 'object' && 'then' in result;
}
