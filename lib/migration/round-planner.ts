/** What a round sees, and what the policy makes of it: observe, plan, and remember for the next plan. */

import type { PlanBudget, Policy } from '../policy/policy.ts';
import { ReuseEstimator } from '../tracking/reuse-estimator.ts';
import { AccessPace } from './access-pace.ts';
import type { CaughtErrors } from './caught-errors.ts';
import { completeSnapshot } from './complete-snapshot.ts';
import type { Decision } from './decision.ts';
import type { MigrationTarget } from './migration-target.ts';
import type { MoveHistory } from './move-history.ts';
import { noPlan, PolicyRunner } from './policy-runner.ts';
import type { Observed, Round, Tally } from './tally.ts';
import type { WriteBudget } from './write-budget.ts';

/** What a {@link RoundPlanner} works with; the engine's own. */
export interface PlannerParts {
  readonly target: MigrationTarget;
  readonly policy: Policy;
  readonly history: MoveHistory;
  readonly writes: WriteBudget;
  /** Counts all plans that are not only proposed. */
  readonly total: Tally;
  readonly errors: CaughtErrors;
  readonly nowNs: () => number;
  readonly onDecision: ((decision: Decision) => void) | undefined;
}

/** Asks one policy about one target. */
export class RoundPlanner {
  readonly runner: PolicyRunner;
  readonly #parts: PlannerParts;
  readonly #reuse = new ReuseEstimator();
  readonly #pace: AccessPace;
  /** What the policy asked to be kept for its next plan. */
  #carry: unknown;
  #rounds = 0;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    this.runner = new PolicyRunner(parts.policy);
    this.#pace = new AccessPace(parts.nowNs());
  }

  /** Snapshots that were no dry runs. */
  get rounds(): number {
    return this.#rounds;
  }

  /** A snapshot of up to `maxUnits` units. A dry run sees what a plan would, and teaches nothing. */
  observe(maxUnits: number, dryRun = false): Observed {
    const { target, history, writes, nowNs } = this.#parts;
    if (!dryRun) this.#rounds++;
    const { step } = this.#reuse.table();
    const halfLife = this.runner.halfLife(target.tierStates(), target.unitCounts(), step);
    const halfLifeAccesses = halfLife.answer;
    const observed = target.snapshot({ halfLifeAccesses, maxUnits, step, dryRun });
    // What follows a dry run is as if it had not been.
    const reuse = dryRun ? this.#reuse.copy() : this.#reuse;
    reuse.observe(observed);
    if (!dryRun) {
      const { accessClock } = observed;
      history.begin(observed, (unit) => target.heatLog2(unit));
      this.#pace.observe(accessClock, nowNs());
      const written = target.writtenBytes?.();
      if (written !== undefined) writes.written(written);
    }
    const snapshot = completeSnapshot(observed, history.dwellColumn(observed.units), {
      reuse: reuse.table(),
      carry: this.#carry,
      pingPongShare: history.pingPongShare,
      realisedShare: history.realisedShare,
    });
    return { snapshot, failure: halfLife.failure };
  }

  /** What a plan may spend: `bytes`, and what the drives may still be written. */
  budget(bytes: number, explain?: boolean): PlanBudget {
    const writeBytes = this.#parts.writes.left(this.#parts.nowNs());
    return {
      bytes,
      ...(explain === undefined ? {} : { explain }),
      ...(writeBytes === undefined ? {} : { writeBytes }),
    };
  }

  /**
   * The policy's answer, counted and told to who listens. The snapshot may be a turn old: a move of a unit that is gone
   * since does not happen.
   */
  plan(observed: Observed, budget: PlanBudget): Round {
    const round = this.propose(observed, budget);
    if (round.failure === undefined) this.#carry = round.plan.carry;
    this.#parts.total.counted(round);
    // A policy that failed before it saw the snapshot decided nothing.
    if (observed.failure === undefined) this.#tell(round, budget);
    return round;
  }

  /** The same without a trace in later plans. */
  propose({ snapshot, failure: before }: Observed, budget: PlanBudget): Round {
    const { answer: plan, failure } =
      before === undefined
        ? this.runner.plan(snapshot, budget)
        : { answer: noPlan, failure: before };
    return { snapshot, plan, failure };
  }

  /** Accesses a second, at an access clock. */
  perSecond(accessClock: number): number | undefined {
    return this.#pace.perSecond(accessClock, this.#parts.nowNs());
  }

  #tell({ snapshot, plan, failure }: Round, budget: PlanBudget): void {
    const { onDecision, errors } = this.#parts;
    if (onDecision === undefined) return;
    const { name } = this.runner.policy;
    try {
      onDecision({ policy: name, snapshot, budget, plan, failure: failure?.message });
    } catch (error) {
      errors.note(error);
    }
  }
}
