/** Options of the migration engine and of its calls. */

import { invalidType, invalidValue } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { SliceClock } from '../slices.ts';
import type { Decision } from './decision.ts';
import type { MoveRecord } from './engine-stats.ts';
import type { MigrationTarget } from './migration-target.ts';

/** Options of {@link DataMigrationEngine}. */
export interface MigrationEngineOptions {
  readonly target: MigrationTarget;
  readonly policy: Policy;
  /** Monotonic nanoseconds, for rate limit and slices only. Default: `performance.now()`. */
  readonly clock?: (() => number) | undefined;
  /** Bytes moved a second at most. Default: min(200 MB/s, 10 % of the slowest tier's write bandwidth). */
  readonly bytesPerSecond?: number | undefined;
  /** Longest uninterrupted work on the main thread, as far as single moves allow. Default 200. */
  readonly mainThreadBudgetUs?: number | undefined;
  /** Where slices are timed together with those of others; its budget is in force then. Default: one of its own. */
  readonly sliceClock?: SliceClock | undefined;
  /** Units considered in one round. Default 16384; `Infinity` considers all of them every time. */
  readonly maxUnits?: number | undefined;
  /** Accesses for which a moved unit stays. Default: one for each unit of the fastest tier, at least 64. */
  readonly dwellAccesses?: number | undefined;
  /** Called after every move tried. What it throws is counted, not passed on. */
  readonly onMove?: ((move: MoveRecord) => void) | undefined;
  /**
   * Called after every plan that is to be executed, before its moves. The snapshot's columns are used again: what is
   * to be kept has to be copied before this returns. What it throws is counted, not passed on.
   */
  readonly onDecision?: ((decision: Decision) => void) | undefined;
}

/** Options of one step of {@link DataMigrationEngine}. */
export interface StepOptions {
  /** Bytes this round may move; the rate limit holds besides. */
  readonly maxBytes?: number | undefined;
  /** Units this round considers. Default: as the engine was made. */
  readonly maxUnits?: number | undefined;
}

/** Options of `optimize`. */
export interface OptimizeOptions {
  /** Propose only: nothing moves, and the next plan sees the same accesses once more. */
  readonly dryRun?: boolean | undefined;
  /** Name the units that stay, and why. Default false: they are only counted. */
  readonly explain?: boolean | undefined;
  /** Ends the work between two moves; the report says what was done until then. */
  readonly signal?: AbortSignal | undefined;
}

/** `value`, if it is a number above zero (`Infinity` is). */
export function positive(name: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (!(value > 0)) throw invalidValue(name, '> 0', value);
  return value;
}

/** `value`, if it is a number of zero or more. */
export function notNegative(name: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (!(value >= 0)) throw invalidValue(name, '>= 0', value);
  return value;
}

/** Checks what the types cannot promise to a JavaScript caller. */
export function checkParties(target: unknown, policy: unknown): void {
  if (typeof (policy as Policy | undefined)?.plan !== 'function') {
    throw invalidType('options.policy', 'a Policy', policy);
  }
  if (typeof (target as MigrationTarget | undefined)?.snapshot !== 'function') {
    throw invalidType('options.target', 'a MigrationTarget', target);
  }
}
