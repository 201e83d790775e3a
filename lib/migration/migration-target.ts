/** What the migration engine needs from whatever holds the units: the object store, or a model of one. */

import type { Snapshot, TierState } from '../policy/policy.ts';

/** How one move ended. Everything but `moved` leaves the unit where it was, whole. */
export type MoveOutcome =
  | 'moved'
  | 'gone' // deleted since the plan was made
  | 'elsewhere' // no longer in the tier the plan saw it in
  | 'leased' // a lease or pin holds it
  | 'full' // the target tier has no room for it
  | 'refused' // the kernel refused
  | 'unsupported'; // this unit cannot move between these backends; `explain` says why

/** The engine's view of the store. All methods run on the thread that owns the store. */
export interface MigrationTarget {
  tierStates(): TierState[];
  unitCounts(): number[];
  /**
   * Folds the accesses counted since the last call into heat and returns what a policy may see.
   * `maxUnits` bounds the units under consideration (`Infinity`: all). Columns are valid until the next call.
   */
  snapshot(options: {
    readonly halfLifeAccesses: number;
    readonly maxUnits: number;
  }): Omit<Snapshot, 'pingPongShare' | 'realisedShare' | 'units'> & {
    readonly units: Omit<Snapshot['units'], 'dwellUntil'>;
  };
  /**
   * Moves one unit: at once where a copy on this thread does it, or as a promise where the kernel moves the
   * pages in the background. Never throws for a reason that is in {@link MoveOutcome}.
   */
  move(unit: number, from: number, to: number): MoveOutcome | Promise<MoveOutcome>;
  /** Heat of a unit now, log2; -Infinity when it is gone. */
  heatLog2(unit: number): number;
}
