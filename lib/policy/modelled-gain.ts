/** What moving one row would bring by its heat alone, and what it would cost: the figures behind a move or a refusal. */

import { accessNs, moveNs } from './cost-model.ts';
import type { Snapshot } from './policy.ts';

/** Time the accesses of one half-life would save in tier `to`; negative on the way down. */
export function modelledGainNs(snapshot: Snapshot, row: number, to: number): number {
  const { tiers, units, costs } = snapshot;
  const used = units.reads[row] + units.writes[row];
  const writeShare = used > 0 ? units.writes[row] / used : 0;
  const bytes = units.bytes[row];
  const savedNs =
    accessNs(tiers[units.tier[row]], bytes, writeShare, costs) -
    accessNs(tiers[to], bytes, writeShare, costs);
  return 2 ** units.heatLog2[row] * Math.LN2 * savedNs;
}

/** Time of the move itself. */
export function modelledCostNs(snapshot: Snapshot, row: number, to: number): number {
  const { tiers, units, costs } = snapshot;
  return moveNs(tiers[units.tier[row]], tiers[to], units.bytes[row], costs);
}
