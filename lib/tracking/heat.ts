/**
 * Heat by forward decay: instead of cooling every unit as time passes, a new access weighs more than an old one.
 *
 * One clock T counts half-lives. A unit stores a single float32, L = log2(sum over its accesses of
 * 2^(T at that access)); its heat now is 2^(L - T) accesses. Nothing is swept while time passes and a unit is
 * written only when it is touched. The one exception: float32 loses small increments when T is large, so every
 * {@link rebaseAfterHalfLives} half-lives the origin is moved and every stored L is shifted by the same number.
 */

/** L of a unit nobody has accessed. */
export const neverAccessed: number = Number.NEGATIVE_INFINITY;

/**
 * Half-lives after which {@link CoolingClock.needsRebase} asks for a new origin. At T = 4096 a float32 resolves
 * 2^-11, so one access still counts in a heat of about 2900; at T = 100 000 it would be lost in one of 90.
 */
export const rebaseAfterHalfLives = 4096;

/** Counts time in half-lives of heat, so that a changed half-life applies from now on and not backwards. */
export class CoolingClock {
  #now = 0;
  #accesses = 0;

  /** T: half-lives since the origin. */
  get now(): number {
    return this.#now;
  }

  /** Accesses since the start; not touched by {@link rebase}. */
  get accesses(): number {
    return this.#accesses;
  }

  /** Lets `accesses` accesses pass. With a half-life of `Infinity` nothing ever cools. */
  advance(accesses: number, halfLifeAccesses: number): void {
    this.#accesses += accesses;
    if (halfLifeAccesses > 0) this.#now += accesses / halfLifeAccesses;
  }

  /** Whether the owner should call {@link rebase} and shift what it stores. */
  get needsRebase(): boolean {
    return this.#now >= rebaseAfterHalfLives;
  }

  /**
   * Moves the origin to the last whole half-life and returns by how much: every stored L has to be shifted
   * ({@link shiftHeat}) and the histogram told ({@link HeatHistograms.shift}) by this number.
   */
  rebase(): number {
    const by = Math.floor(this.#now);
    this.#now -= by;
    return by;
  }
}

/**
 * L of a unit after `accesses` more accesses at time `now`; rounded to what a float32 column stores, so that the
 * result equals the stored value. `stored` is what this function returned before, or {@link neverAccessed}.
 */
export function foldHeat(stored: number, now: number, accesses: number): number {
  if (accesses <= 0) return stored;
  // What the sum comes to, without its logarithms: most units of a trace are used seldom.
  if (stored === neverAccessed && accesses === 1) return Math.fround(now);
  const age = stored - now;
  // Past 2^60 accesses the sum is the larger term, and 2 ** age could overflow.
  if (age > 60) return stored;
  return Math.fround(now + Math.log2(accesses + 2 ** age));
}

/** Heat now, in accesses. */
export function heatOf(stored: number, now: number): number {
  return 2 ** (stored - now);
}

/** Shifts a column of stored heat after {@link CoolingClock.rebase}. O(n); -Infinity stays. */
export function shiftHeat(stored: Float32Array, by: number): void {
  for (let i = 0; i < stored.length; i++) stored[i] -= by;
}

/** Bytes that density is counted per: 2 MiB, a chunk. */
export const densityBytes: number = 2 * 1024 * 1024;

/** log2 of accesses per 2 MiB, from log2 of accesses and a size. */
export function densityLog2(heatLog2: number, bytes: number): number {
  return heatLog2 + Math.log2(densityBytes / bytes);
}
