/** Where each unit of a snapshot stands: its class at its last use, and how long ago that was. */

import type { Snapshot } from './policy.ts';
import { ageBin, gapBin, unseenClass, useClass } from './use-class.ts';

/** Columns beside the snapshot's own, a row a unit. */
export interface UnitState {
  readonly useClass: Uint16Array;
  /** Bin of the time since the last use. */
  readonly age: Uint8Array;
}

/** Class of a unit at its last use. `usesLog2` is its decayed count of uses now. */
export function classAtLastUse(
  usesLog2: number,
  idleAccesses: number,
  gap: number,
  halfLifeAccesses: number,
): number {
  return useClass(usesLog2 + idleAccesses / halfLifeAccesses, gap);
}

/** Bin of the gap before the last of `accesses` accesses in an interval of `interval` accesses. */
export function gapOfInterval(
  accesses: number,
  idleAccesses: number,
  interval: number,
  step: number,
): number {
  return gapBin(accesses < 2 * step ? idleAccesses : (interval * step) / accesses);
}

/** The states of all units under consideration, written to the first rows of `into`. O(units). */
export function unitStates(
  { units, reuse, halfLifeAccesses, accessesSincePlan }: Snapshot,
  into: UnitState = {
    useClass: new Uint16Array(units.length),
    age: new Uint8Array(units.length),
  },
): UnitState {
  const step = reuse?.step ?? 1;
  const stepLog2 = Math.log2(step);
  const { useClass: classes, age } = into;
  for (let row = 0; row < units.length; row++) {
    const accesses = units.reads[row] + units.writes[row];
    const usesLog2 = units.heatLog2[row] - stepLog2;
    const idle = units.idle[row];
    if (accesses > 0) {
      const gap = gapOfInterval(accesses, idle, accessesSincePlan, step);
      classes[row] = useClass(usesLog2, gap);
      age[row] = 0;
    } else if (idle === Infinity) {
      // How long it has been there nobody knows; it is taken to be used for the first time at any moment alike.
      classes[row] = unseenClass;
      age[row] = 0;
    } else {
      classes[row] = classAtLastUse(usesLog2, idle, units.gap[row], halfLifeAccesses);
      age[row] = ageBin(idle);
    }
  }
  return into;
}
