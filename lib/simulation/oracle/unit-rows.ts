/** The rows of a log by unit, as a programme over one unit's accesses after another wants them. */

import type { AccessLog } from '../access-log.ts';

/** Unit `u` was accessed in rows `rows[first[u]] … rows[first[u + 1] - 1]`, ascending. */
export interface UnitRows {
  readonly first: Uint32Array;
  readonly rows: Uint32Array;
  /** Accesses of the unit that has most. */
  readonly longest: number;
}

/** Sorts the rows of a log by unit: two passes, 4 bytes a row. */
export function unitRows(log: AccessLog): UnitRows {
  const first = new Uint32Array(log.unitCount + 1);
  for (let row = 0; row < log.length; row++) first[log.unit[row] + 1]++;
  let longest = 0;
  for (let unit = 0; unit < log.unitCount; unit++) {
    longest = Math.max(longest, first[unit + 1]);
    first[unit + 1] += first[unit];
  }
  const next = first.slice();
  const rows = new Uint32Array(log.length);
  for (let row = 0; row < log.length; row++) rows[next[log.unit[row]]++] = row;
  return { first, rows, longest };
}
