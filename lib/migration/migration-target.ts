/** What the migration engine needs from whatever holds the units: the object store, or a model of one. */

import type { Snapshot, TierState } from '../policy/policy.ts';

/** How one move ended. Everything but `moved` leaves the unit where it was, whole. */
export type MoveOutcome =
  | 'moved'
  | 'gone' // deleted since the plan was made
  | 'elsewhere' // no longer in the tier the plan saw it in
  | 'leased' // a lease or pin holds it, or came during the move
  | 'cancelled' // the caller's signal ended it
  | 'full' // the target tier has no room for it
  | 'damaged' // a part of it is lost, or its bytes fail their checksum
  | 'refused' // the kernel refused, or the copy was not good
  | 'unsupported'; // this unit cannot move between these backends

/** An outcome with what was behind it. */
export interface FailedMove {
  readonly outcome: Exclude<MoveOutcome, 'moved'>;
  /** Code of the error, `ERR_TIER_*`, or the kernel's name for it, e.g. `EBUSY`. */
  readonly code: string;
}

/** A move that copied less than the unit holds, e.g. because its bytes were still where it went. */
export interface AppliedMove {
  readonly outcome: 'moved';
  readonly copiedBytes: number;
}

/** What a move comes to. */
export type MoveResult = MoveOutcome | AppliedMove | FailedMove;

/** How a snapshot is taken. */
export interface SnapshotOptions {
  readonly halfLifeAccesses: number;
  readonly maxUnits: number;
  /** Accesses that count as one use. Default 1. */
  readonly step?: number | undefined;
  /** Nothing will be moved by it. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** The engine's view of the store. All methods run on the thread that owns the store. */
export interface MigrationTarget {
  tierStates(): TierState[];
  unitCounts(): number[];
  /**
   * Folds the accesses counted since the last call into heat and returns what a policy may see.
   * `maxUnits` bounds the units under consideration (`Infinity`: all): the accessed ones first, then others, of
   * each tier an equal share, so that victims in a small fast tier are found among millions of cold units. Columns
   * are valid until the next call. After a dry run the same accesses are reported once more.
   */
  snapshot(options: SnapshotOptions): Omit<
    Snapshot,
    'pingPongShare' | 'realisedShare' | 'reuse' | 'units'
  > & {
    readonly units: Omit<Snapshot['units'], 'dwellUntil'>;
  };
  /**
   * Moves one unit: at once where a copy on this thread does it, or as a promise where the kernel moves the
   * pages in the background; an aborted `signal` ends that early. Of the tier, memory on `node` is preferred; from a
   * tier to itself it is what is asked for, and nothing else will do. Never throws for a reason that is in
   * {@link MoveOutcome}.
   */
  move(
    unit: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    node?: number,
  ): MoveResult | Promise<MoveResult>;
  /** Heat of a unit now, log2; -Infinity when it is gone. */
  heatLog2(unit: number): number;
  /**
   * By tier: bytes written to it since the start by everybody but moves between tiers, as far as that is known. Asked
   * after a snapshot; absent where nobody counts.
   */
  writtenBytes?(): readonly number[];
  /**
   * Housekeeping that is due, in steps of some tens of microseconds that say how many bytes they copied; undefined
   * when there is none. `thorough` does what can wait, too. The engine takes as many steps as it can afford and calls
   * `return`; anything may happen between two of them.
   */
  tidy?(thorough: boolean): Iterator<number> | undefined;
}
