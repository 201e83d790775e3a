/** What the engine has done so far, and what one round or one optimisation did. */

import type { Move, Refusal } from '../policy/policy.ts';
import type { SliceTimes } from '../slices.ts';
import type { MoveOutcome } from './migration-target.ts';
import type { TierEndurance } from './write-budget.ts';

/** A move that was tried, and how it ended; `planned` when it was only proposed. */
export interface MoveRecord extends Move {
  readonly outcome: MoveOutcome | 'planned';
  /** What was behind a failure, where it is known: `ERR_TIER_*`, or the kernel's name for it, e.g. `EBUSY`. */
  readonly code?: string;
  /** Bytes really copied, where that is less than `bytes`: what went back to where its bytes still were took no copy. */
  readonly copiedBytes?: number;
}

/** Moves counted by how they ended. */
export type OutcomeCounts = Record<MoveOutcome, number>;

/** A policy that threw or returned a plan that cannot be right. Nothing of that plan was done. */
export interface PolicyFailure {
  readonly policy: string;
  readonly message: string;
  /** What the policy threw, if it threw. */
  readonly cause?: unknown;
}

/** One round of observe, plan, move. */
export interface StepReport {
  readonly unitsConsidered: number;
  readonly planned: number;
  readonly outcomes: OutcomeCounts;
  /** Moves that failed, by the code of what was behind it. */
  readonly failures: Readonly<Record<string, number>>;
  readonly bytesMoved: number;
  /** Sum of the predicted gains of the moves applied, victims' losses included. */
  readonly predictedGainNs: number;
  /** Modelled cost of the moves applied. */
  readonly costNs: number;
  /** Units that would have moved, by what kept them. */
  readonly refused: Readonly<Record<string, number>>;
  readonly thresholdsLog2: readonly number[];
  /** What the policy wanted to be seen, of the last plan; e.g. `costPerMonth`. */
  readonly notes: Readonly<Record<string, number>>;
  readonly policyFailure: PolicyFailure | undefined;
  /** The caller's signal ended the round early. */
  readonly aborted: boolean;
}

/** What {@link DataMigrationEngine.optimize} did, or would do in a dry run. */
export interface OptimizeReport extends StepReport {
  readonly dryRun: boolean;
  readonly rounds: number;
  /** In the order in which they were tried; in a dry run the proposals. */
  readonly moves: readonly MoveRecord[];
  /** With `explain`: who stays, and why, as of the last plan that considered it. */
  readonly refusals: readonly Refusal[];
}

/** Counters since the engine was made. */
export interface EngineStats {
  readonly rounds: number;
  readonly planned: number;
  /** Moves handed to the store; the sum of all outcomes. */
  readonly tried: number;
  /** `outcomes.moved`. */
  readonly applied: number;
  /** Tried and not applied. */
  readonly failed: number;
  readonly outcomes: Readonly<OutcomeCounts>;
  /** Moves that failed, by the code of what was behind it. */
  readonly failures: Readonly<Record<string, number>>;
  /** Units that would have moved, by what kept them; a unit counts in every plan that considers it. */
  readonly refused: Readonly<Record<string, number>>;
  /** What the policy wanted to be seen, of the last plan. */
  readonly notes: Readonly<Record<string, number>>;
  readonly promotions: number;
  readonly demotions: number;
  /** Moves between nodes of a tier. */
  readonly nodeMoves: number;
  readonly bytesMoved: number;
  /** Moves that took a unit back over the boundary it had crossed shortly before. */
  readonly pingPongMoves: number;
  /** Share of the recent moves that did, 0..1. */
  readonly pingPongShare: number;
  /** Realised over predicted benefit of promotions, smoothed, 0..4; 1 while nothing is known. */
  readonly realisedShare: number;
  /** Realised benefit over what the moves took, victims included, smoothed, 0..4; below 1 moving does not pay. */
  readonly paybackShare: number;
  /** 1; while promotions do not pay for themselves, the share of their earlier pace that they are held to. */
  readonly rateFactor: number;
  /** What the drives of tiers with a rated endurance were written, and what moves may still write. */
  readonly endurance: readonly TierEndurance[];
  /** Bytes of small objects that were copied within their tier, to close the holes between them. */
  readonly evacuatedBytes: number;
  /** Uninterrupted work on the main thread: the engine's, and that of others who share its slice clock. */
  readonly slices: SliceTimes;
  readonly policyErrors: number;
  readonly lastPolicyFailure: PolicyFailure | undefined;
  /** Errors thrown by the store or by `onMove`; the last one. */
  readonly errors: number;
  readonly lastError: unknown;
}
