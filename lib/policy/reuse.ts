/**
 * How often a unit will be used again, learned from how often units like it were: the table a policy gets in its
 * snapshot, and how to read it.
 *
 * "Like it" is what heat alone blurs: whether it was used in the last interval, once or in a burst, and how much it
 * had been used before. On an object cache a first use says little; on pages a sweep is about to read again it says
 * nearly all. The program teaches which of the two it is.
 */

/** Kinds of units by their last interval: not used, used once, two or three times, more often. */
export const reuseKinds = 4;
/** Octaves of earlier heat told apart, from 2^{@link reuseMinLog2} up; the lowest holds everything colder. */
export const reuseBins = 16;
export const reuseMinLog2 = -6;
/** Horizons a table has, in half-lives. */
export const reuseHorizons: readonly number[] = [1 / 64, 1 / 16, 1 / 4, 1];

/** Mean number of further accesses within each of {@link reuseHorizons}, by kind of unit. */
export interface ReuseTable {
  /** `[(kind * reuseBins + bin) * reuseHorizons.length + horizon]`. */
  readonly expected: Float64Array;
  /** Accesses that count as one use: above 1 where a tracker samples and weighs what it saw. */
  readonly step: number;
}

/** Kind of a unit with `accesses` accesses in the last interval. */
export function reuseKind(accesses: number, step: number): number {
  return accesses === 0 ? 0 : accesses < 2 * step ? 1 : accesses < 4 * step ? 2 : 3;
}

/** Typical uses of each kind. */
export const usesOfKind: readonly number[] = [0, 1, 2.5, 6];

/** The last kind is open: what was used twice as often as is typical for it is expected twice as often. */
export function reuseScale(accesses: number, step: number): number {
  return Math.max(1, accesses / (usesOfKind[reuseKinds - 1] * step));
}

/** log2 of the heat a unit had before the last interval, at least {@link reuseMinLog2}. */
export function earlierHeatLog2(heatLog2: number, accesses: number): number {
  if (accesses === 0) return Math.max(reuseMinLog2, heatLog2);
  const earlier = 2 ** heatLog2 - accesses;
  return earlier > 2 ** reuseMinLog2 ? Math.log2(earlier) : reuseMinLog2;
}

/** Bin of {@link earlierHeatLog2}. */
export function reuseBin(earlierLog2: number): number {
  return Math.min(reuseBins - 1, Math.max(0, Math.floor(earlierLog2 - reuseMinLog2)));
}

/**
 * Writes the accesses expected of one unit within each horizon to `out` from `at` on. Interpolates between bins, so
 * that units of one octave keep their order.
 */
export function readReuse(
  table: ReuseTable,
  heatLog2: number,
  accesses: number,
  out: Float64Array,
  at: number,
): void {
  const width = reuseHorizons.length;
  const place = earlierHeatLog2(heatLog2, accesses) - reuseMinLog2 - 0.5;
  const low = Math.min(reuseBins - 1, Math.max(0, Math.floor(place)));
  const share = low < reuseBins - 1 ? Math.max(0, place - low) : 0;
  // Beyond the last bin use goes on in proportion to heat.
  const beyond = place > reuseBins - 1 ? 2 ** (place - (reuseBins - 1)) : 1;
  const scale = Math.max(beyond, reuseScale(accesses, table.step));
  const from = (reuseKind(accesses, table.step) * reuseBins + low) * width;
  const next = low < reuseBins - 1 ? from + width : from;
  for (let h = 0; h < width; h++) {
    const a = table.expected[from + h];
    out[at + h] = (a + (table.expected[next + h] - a) * share) * scale;
  }
}
