/** What decisions did with one unit, in lines for people. */

import type { UnitRecord } from '../decisions/unit-history.ts';
import { formatCount } from './format.ts';

/** Of the moves, the last so many. */
const shownMoves = 10;

/** A heading with `what` it is about, the moves, and the last word. */
export function unitRecordLines(what: string, record: UnitRecord): string[] {
  const { considered, planned, moves, stayed, last } = record;
  if (last === undefined) return [`${what}: no plan considered it.`];
  const reasons = Object.entries(stayed)
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${why} ${formatCount(count)}`);
  const kept =
    reasons.length === 0 ? '' : `, left where it was by the others (${reasons.join(', ')})`;
  const lines = [
    `${what}: considered by ${formatCount(considered)} plans, to be moved by ${formatCount(planned)}${kept}`,
  ];
  const shown = moves.slice(-shownMoves);
  if (shown.length < planned) lines.push(`  ${formatCount(planned - shown.length)} earlier moves`);
  for (const { accessClock, explanation } of shown) {
    lines.push(
      `  at ${formatCount(accessClock)} accesses, in ${explanation.tier}: ${explanation.text}`,
    );
  }
  if (last.explanation.decision === 'stay') {
    lines.push(`  at ${formatCount(last.accessClock)} accesses, last: ${last.explanation.text}`);
  }
  return lines;
}
