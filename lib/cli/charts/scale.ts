/** Axes: from values to places, and the values worth a tick. */

/** One axis of a plot. */
export interface Scale {
  /** Place of a value; values outside are put on the nearer end. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** An axis from 0 to a round number of at least `most`, with four to eight steps. `start` and `end` are places. */
export function linearScale(most: number, start: number, end: number): Scale {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((s) => s >= rough)!;
  const steps = Math.ceil(most / step - 1e-9);
  return {
    at: (value) => start + clamp(value / (steps * step)) * (end - start),
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
  };
}

/**
 * A logarithmic axis from `least` to `most` with ticks at powers of `base`.
 *
 * @param maxTicks - powers are left out, evenly, to have no more
 */
export function logScale(
  least: number,
  most: number,
  base: number,
  start: number,
  end: number,
  maxTicks = 9,
): Scale {
  const octaves = Math.log(most / least);
  const first = Math.ceil(Math.log(least) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(most) / Math.log(base) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first + 1) / maxTicks));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += stride) ticks.push(base ** power);
  return {
    at: (value) => start + clamp(Math.log(value / least) / octaves) * (end - start),
    ticks,
  };
}
