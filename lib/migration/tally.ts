/** Running totals over the moves of one round, one optimisation, or the engine's life. */

import type { Move, Plan, Refusal, Snapshot } from '../policy/policy.ts';
import type { OutcomeCounts, PolicyFailure, StepReport } from './engine-stats.ts';
import type { FailedMove, MoveOutcome } from './migration-target.ts';

/** What a policy is to be asked about, unless it has failed already. */
export interface Observed {
  readonly snapshot: Snapshot;
  readonly failure: PolicyFailure | undefined;
}

/** A snapshot with what came of it. The plan is empty when the policy failed. */
export interface Round extends Observed {
  readonly plan: Plan;
}

/** How a move ended, and the code of what was behind it where there is one. */
export interface MoveEnd {
  readonly outcome: MoveOutcome;
  readonly code?: FailedMove['code'];
  /** Of a move that copied less than the unit holds. */
  readonly copiedBytes?: number;
}

/** All outcomes at zero. */
export function noOutcomes(): OutcomeCounts {
  return {
    moved: 0,
    gone: 0,
    elsewhere: 0,
    leased: 0,
    cancelled: 0,
    full: 0,
    damaged: 0,
    refused: 0,
    unsupported: 0,
  };
}

/** Sums up what was planned and done. */
export class Tally {
  unitsConsidered = 0;
  planned = 0;
  readonly outcomes: OutcomeCounts = noOutcomes();
  readonly failures: Record<string, number> = {};
  bytesMoved = 0;
  predictedGainNs = 0;
  costNs = 0;
  readonly refused: Record<string, number> = {};
  thresholdsLog2: readonly number[] = [];
  notes: Readonly<Record<string, number>> = {};
  /** The last word on each unit that plans have named. */
  readonly refusals: Map<number, Refusal> = new Map<number, Refusal>();
  policyFailure: PolicyFailure | undefined = undefined;
  aborted = false;

  /** What the plan says in numbers. */
  counted({ plan }: Round): void {
    this.planned += plan.moves.length;
    for (const [why, count] of Object.entries(plan.refused)) this.kept(why, count);
    this.notes = plan.notes ?? {};
  }

  observed(round: Round): void {
    this.unitsConsidered += round.snapshot.units.length;
    this.counted(round);
    for (const refusal of round.plan.refusals ?? []) this.refusals.set(refusal.unit, refusal);
    this.thresholdsLog2 = round.plan.thresholdsLog2;
    this.policyFailure = round.failure ?? this.policyFailure;
  }

  /** `count` units stay although they would have moved. */
  kept(why: string, count: number): void {
    this.refused[why] = (this.refused[why] ?? 0) + count;
  }

  proposed(move: Move): void {
    this.predictedGainNs += move.gainNs;
    this.costNs += move.costNs;
  }

  tried(move: Move, { outcome, code }: MoveEnd): void {
    this.outcomes[outcome]++;
    if (code !== undefined) this.failures[code] = (this.failures[code] ?? 0) + 1;
    if (outcome !== 'moved') return;
    this.refusals.delete(move.unit);
    this.bytesMoved += move.bytes;
    this.proposed(move);
  }

  report(): StepReport {
    const { unitsConsidered, planned, bytesMoved, predictedGainNs, costNs, aborted } = this;
    const { thresholdsLog2, notes, policyFailure } = this;
    return {
      unitsConsidered,
      planned,
      outcomes: { ...this.outcomes },
      failures: { ...this.failures },
      bytesMoved,
      predictedGainNs,
      costNs,
      refused: { ...this.refused },
      thresholdsLog2,
      notes,
      policyFailure,
      aborted,
    };
  }
}
