/** What the course of a run says: its level once it has warmed up, its worst moments, its way back after a shift. */

import type { Windows } from './window-meter.ts';

/** A run without its beginning. Times are modelled nanoseconds an access. */
export interface SettledMetrics {
  /** Accesses left out at the start, up to the end of a window. */
  readonly warmUpAccesses: number;
  /** Average time, moves not counted, and what moves add. */
  readonly accessNs: number;
  readonly moveNs: number;
  /** Of the windows' averages, moves charged. */
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly worstNs: number;
}

/** How a run came back after a shift of its workload. */
export interface Convergence {
  /** Accesses before the shift. */
  readonly shiftAt: number;
  /** Average time of an access in the last quarter before the next shift or the end, moves charged. */
  readonly steadyNs: number;
  /** Accesses until the moving average stays near the steady level; undefined when it does not come to rest. */
  readonly accesses: number | undefined;
  /** Time lost until then, or until the last quarter: the sum of what accesses took above the steady level. */
  readonly regretNs: number;
}

/** Share of the run that moving averages are taken over, and how near they must stay to the steady level. */
const smoothedShare = 0.01;
const tolerance = 0.05;
const steadyShare = 0.25;

/** First window that begins at or after `accesses`; the number of windows when none does. */
function windowAt(windows: Windows, accesses: number): number {
  let before = 0;
  let at = 0;
  while (at < windows.counts.length && before < accesses) before += windows.counts[at++];
  return at;
}

function mean(windows: Windows, column: readonly number[], from: number, to: number): number {
  let ns = 0;
  let accesses = 0;
  for (let i = from; i < to; i++) {
    ns += column[i] * windows.counts[i];
    accesses += windows.counts[i];
  }
  return ns / accesses;
}

/** Value below which `share` of the accesses lie; `order` sorts the windows by value. */
function percentile(windows: Windows, order: readonly number[], share: number): number {
  const total = order.reduce((sum, i) => sum + windows.counts[i], 0);
  let below = 0;
  for (const i of order) {
    below += windows.counts[i];
    if (below >= share * total) return windows.meanNs[i];
  }
  return Number.NaN;
}

/** The run without its first accesses. Undefined when nothing would be left. */
export function settledMetrics(
  windows: Windows,
  warmUpAccesses: number,
): SettledMetrics | undefined {
  const from = windowAt(windows, warmUpAccesses);
  const end = windows.counts.length;
  if (from === end) return undefined;
  const order = windows.counts.map((_, i) => i).slice(from);
  order.sort((a, b) => windows.meanNs[a] - windows.meanNs[b]);
  const totalNs = mean(windows, windows.meanNs, from, end);
  const moveNs = mean(windows, windows.meanMoveNs, from, end);
  return {
    warmUpAccesses: windows.counts.slice(0, from).reduce((sum, count) => sum + count, 0),
    accessNs: totalNs - moveNs,
    moveNs,
    p50Ns: percentile(windows, order, 0.5),
    p99Ns: percentile(windows, order, 0.99),
    worstNs: windows.meanNs[order[order.length - 1]],
  };
}

/**
 * How the run came back after each shift: the smallest time after which the moving average over 1 % of the run stays
 * within 5 % of the steady level. Exact to a window.
 *
 * @param shifts - in accesses from the start, ascending; those too near to what follows to tell are left out
 */
export function convergences(windows: Windows, shifts: readonly number[]): Convergence[] {
  const total = windows.counts.reduce((sum, count) => sum + count, 0);
  const width = Math.max(1, Math.round((total * smoothedShare) / windows.accesses));
  const found: Convergence[] = [];
  for (const [index, shiftAt] of shifts.entries()) {
    const from = windowAt(windows, shiftAt);
    const next = shifts[index + 1];
    const end = next === undefined ? windows.counts.length : windowAt(windows, next);
    const steadyFrom = end - Math.floor((end - from) * steadyShare);
    if (steadyFrom - from < width || end - steadyFrom < width) continue;
    found.push({ shiftAt, ...cameToRest(windows, { from, steadyFrom, end, width }) });
  }
  return found;
}

/** Window numbers of a phase. */
interface Phase {
  readonly from: number;
  readonly steadyFrom: number;
  readonly end: number;
  readonly width: number;
}

function cameToRest(
  windows: Windows,
  { from, steadyFrom, end, width }: Phase,
): Pick<Convergence, 'steadyNs' | 'accesses' | 'regretNs'> {
  const steadyNs = mean(windows, windows.meanNs, steadyFrom, end);
  let rest = from;
  for (let i = end - width; i >= from; i--) {
    const average = mean(windows, windows.meanNs, i, i + width);
    if (Math.abs(average - steadyNs) <= tolerance * steadyNs) continue;
    rest = i + 1;
    break;
  }
  const settled = rest <= steadyFrom;
  const until = settled ? rest : steadyFrom;
  let accesses = 0;
  let regretNs = 0;
  for (let i = from; i < until; i++) {
    accesses += windows.counts[i];
    regretNs += (windows.meanNs[i] - steadyNs) * windows.counts[i];
  }
  return { steadyNs, accesses: settled ? accesses : undefined, regretNs };
}
