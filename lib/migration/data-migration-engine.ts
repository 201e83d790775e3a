/**
 * The loop that moves data: observe (snapshot), plan (policy), move (target), within a rate limit and in short
 * slices of the main thread. It decides nothing itself beyond what keeps the program safe from its policy: plans are
 * checked whole, units that just moved dwell, and a policy that fails is counted and left out, never thrown.
 */

import { explainUnits, type UnitExplanation } from '../explain/explain-plan.ts';
import type { Policy } from '../policy/policy.ts';
import { SliceClock, Slices } from '../slices.ts';
import { CaughtErrors } from './caught-errors.ts';
import {
  checkParties,
  type MigrationEngineOptions,
  notNegative,
  type OptimizeOptions,
  positive,
  type StepOptions,
} from './engine-options.ts';
import type { EngineStats, MoveRecord, OptimizeReport, StepReport } from './engine-stats.ts';
import type { MigrationTarget } from './migration-target.ts';
import { MoveHistory } from './move-history.ts';
import { PlanExecutor } from './plan-executor.ts';
import { defaultRate, RateLimiter } from './rate-limiter.ts';
import { RoundPlanner } from './round-planner.ts';
import { SelfStop } from './self-stop.ts';
import { Tally } from './tally.ts';
import { Tidying, tidyShareOfBytes } from './tidying.ts';
import { WriteBudget } from './write-budget.ts';

/** Consecutive failures of the store after which the background timer gives up. */
const maxBackgroundErrors = 8;

/** Moves units between tiers by a policy. One for each store; all methods run on the store's thread. */
export class DataMigrationEngine {
  readonly #target: MigrationTarget;
  readonly #planner: RoundPlanner;
  readonly #executor: PlanExecutor;
  readonly #tidying: Tidying;
  readonly #nowNs: () => number;
  readonly #maxUnits: number;
  readonly #limiter: RateLimiter;
  readonly #selfStop: SelfStop;
  readonly #writes: WriteBudget;
  readonly #history: MoveHistory;
  readonly #sliceClock: SliceClock;
  readonly #slices: Slices;
  readonly #total = new Tally();
  readonly #errors = new CaughtErrors();
  #turn: Promise<unknown> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #backgroundErrors = 0;

  /** Throws `TypeError`/`RangeError` for options that make no sense. */
  constructor(options: MigrationEngineOptions) {
    const { target, policy, clock, onMove, onDecision, dwellAccesses } = options;
    checkParties(target, policy);
    this.#target = target;
    this.#maxUnits = positive('options.maxUnits', options.maxUnits ?? 16_384);
    this.#history = new MoveHistory(
      dwellAccesses === undefined ? undefined : notNegative('options.dwellAccesses', dwellAccesses),
    );
    const budgetUs = positive('options.mainThreadBudgetUs', options.mainThreadBudgetUs ?? 200);
    this.#sliceClock = options.sliceClock ?? new SliceClock(budgetUs * 1000, clock);
    this.#slices = new Slices(this.#sliceClock);
    this.#nowNs = clock ?? this.#sliceClock.nowNs;
    const rate = options.bytesPerSecond ?? defaultRate(target.tierStates());
    this.#limiter = new RateLimiter(positive('options.bytesPerSecond', rate), this.#nowNs());
    this.#selfStop = new SelfStop(this.#nowNs());
    this.#writes = new WriteBudget(target.tierStates(), this.#nowNs());
    const shared = {
      target,
      slices: this.#slices,
      limiter: this.#limiter,
      writes: this.#writes,
      history: this.#history,
      total: this.#total,
      errors: this.#errors,
      nowNs: this.#nowNs,
    };
    this.#planner = new RoundPlanner({ ...shared, policy, onDecision });
    this.#executor = new PlanExecutor({ ...shared, selfStop: this.#selfStop, onMove });
    this.#tidying = new Tidying(shared);
  }

  /** The policy in use. */
  get policy(): Policy {
    return this.#planner.runner.policy;
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
        tally.aborted = !(await this.#tidying.run(untidy, () => signal?.aborted === true));
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
      const observed = this.#planner.observe(Infinity, true);
      const budget = this.#planner.budget(Infinity, true);
      const { snapshot, plan, failure } = this.#planner.propose(observed, budget);
      const perSecond = this.#planner.perSecond(snapshot.accessClock);
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
      rounds: this.#planner.rounds,
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
      evacuatedBytes: this.#tidying.evacuatedBytes,
      slices: this.#sliceClock.times(),
      policyErrors: this.#planner.runner.errors,
      lastPolicyFailure: this.#planner.runner.lastFailure,
      errors: this.#errors.count,
      lastError: this.#errors.last,
    };
  }

  #tick(): void {
    if (this.#turn !== undefined) return;
    this.#step(Infinity, this.#maxUnits, () =>
      this.#tidying.backgroundNs(this.#sliceClock.budgetNs),
    ).then(
      () => {
        this.#backgroundErrors = 0;
      },
      (error: unknown) => {
        this.#errors.note(error);
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
      const observed = this.#planner.observe(maxUnits);
      if (this.#slices.spent) await this.#slices.yield();
      const promotionBytes = this.#selfStop.available(this.#nowNs());
      const round = this.#planner.plan(observed, {
        ...this.#planner.budget(bytes),
        ...(promotionBytes === undefined ? {} : { promotionBytes }),
      });
      tally.observed(round);
      await this.#executor.execute(round, { maxBytes: bytes, tally });
      if (untidy !== undefined) {
        const left = Math.min(maxBytes - tally.bytesMoved, this.#limiter.available(this.#nowNs()));
        const maxNs = maxTidyNs();
        await this.#tidying.run(untidy, (copied, spentNs) => copied >= left || spentNs >= maxNs);
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

  #propose(tally: Tally, moves: MoveRecord[], explain: boolean): number {
    const planner = this.#planner;
    const observed = planner.observe(Infinity, true);
    const round = planner.propose(observed, planner.budget(Infinity, explain));
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
      const observed = this.#planner.observe(this.#maxUnits);
      if (this.#slices.spent) await this.#slices.yield();
      const round = this.#planner.plan(observed, this.#planner.budget(Infinity, explain));
      tally.observed(round);
      rounds++;
      const before = tally.outcomes.moved;
      await this.#executor.execute(round, { maxBytes: Infinity, tally, records: moves, signal });
      moved = tally.outcomes.moved > before;
      if (round.failure !== undefined || round.snapshot.units.length === 0) break;
      if (this.#slices.spent) await this.#slices.yield();
    }
    return rounds;
  }
}
