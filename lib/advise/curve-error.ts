/** How far curves are from each other, and by that an estimate from the truth. */

import { requestsOf } from './access-mass.ts';
import { curveSize, type DemandCurve } from './demand-curve.ts';

/** Sizes in equal ratios from a thousandth of the footprint to all of it: where tiers are sized. */
function sizes(footprintBytes: number): number[] {
  const points = 128;
  const smallest = footprintBytes / 2 ** 10;
  return Array.from({ length: points }, (_, i) =>
    curveSize(smallest * (footprintBytes / smallest) ** (i / (points - 1))),
  );
}

/** Mean absolute difference of two curves, as a share of `requests`. */
export function curveDistance(
  a: DemandCurve,
  b: DemandCurve,
  requests: number,
  footprintBytes: number,
): number {
  const all = sizes(footprintBytes);
  const sum = all.reduce(
    (so, room) => so + Math.abs(requestsOf(a.within(room)) - requestsOf(b.within(room))),
    0,
  );
  return sum / all.length / requests;
}

/** Standard error of the mean of independent estimates; 0 of fewer than two. */
export function standardError(estimates: readonly number[]): number {
  const count = estimates.length;
  if (count < 2) return 0;
  const mean = estimates.reduce((sum, value) => sum + value, 0) / count;
  const squares = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (count - 1) / count);
}

/** Mean absolute error to be expected of what all `parts` say together, as a share of `requests`. */
export function curveSpread(
  parts: readonly DemandCurve[],
  requests: number,
  footprintBytes: number,
): number {
  const all = sizes(footprintBytes);
  const sum = all.reduce(
    (so, room) => so + standardError(parts.map((part) => requestsOf(part.within(room)))),
    0,
  );
  // A normally distributed error is this much smaller in the mean than in the root of its mean square.
  return (Math.sqrt(2 / Math.PI) * sum) / all.length / requests;
}
