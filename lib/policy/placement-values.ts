/**
 * What it is worth to have a unit in each tier, looking ahead over its next uses, moves and the room it takes.
 *
 * A unit is a small decision process: it ages until it is used; a use costs what its tier takes for it and begins a new
 * age in another class; at any time it may move, for what the move costs; and in all tiers but the last it pays rent for
 * its bytes. Rents stand for the other units that want the room (the prices of a Lagrangian relaxation of the
 * capacities), and steer themselves until the tiers are just full. The values are the negative expected time from here
 * on, by value iteration.
 */

import { accessNs, type CostModel, moveNs, type TierSpeed } from './cost-model.ts';
import { ageBins, ageLengths, nextUseClass, unitClasses } from './use-class.ts';

/** Imports are looked up at each use where modules are loaded by a test runner, and all of these loops are hot. */
const classes: number = unitClasses;
const bins: number = ageBins;
const lengths: Float64Array = ageLengths;

/** Rows of {@link PlacementValues}: a class has one for each bin of age, and one for what lies beyond. */
const width: number = bins + 1;

/** Everything the values depend on. */
export interface ValueModel {
  readonly tiers: readonly TierSpeed[];
  readonly costs: CostModel;
  /** Bytes of the unit. */
  readonly bytes: number;
  /** Accesses one use stands for. */
  readonly step: number;
  readonly writeShare: number;
  /** {@link reuseShares}. */
  readonly shares: Float64Array;
  /** Time in which the number of uses halves in which classes are told apart. */
  readonly halfLifeAccesses: number;
  /** Accesses after which the future counts for e^-1. */
  readonly horizonAccesses: number;
  /** By tier: nanoseconds for a byte and an access that passes; 0 for the last tier. */
  readonly rents: readonly number[];
  /** Moves are taken to cost this many times what they do. */
  readonly hurdle: number;
}

/** The values of one size of unit. Plain data, never changed. */
export interface PlacementValues {
  /** Tiers. */
  readonly tiers: number;
  /** Time a use takes in each tier. */
  readonly useNs: Float64Array;
  /** Time a move takes, hurdle included: `[from * tiers + to]`. */
  readonly moveNs: Float64Array;
  /** Value of staying where it is, until the next bin at least: `[(tier * unitClasses + class) * width + bin]`. */
  readonly stay: Float64Array;
  /** Value of being there and doing the best. */
  readonly best: Float64Array;
}

/** Value of a unit of a class at an age in a tier. */
export function valueAt(
  values: PlacementValues,
  tier: number,
  useClass: number,
  bin: number,
): number {
  return values.best[(tier * classes + useClass) * width + bin];
}

/** As {@link valueAt} if it does not move now. */
export function valueStaying(
  values: PlacementValues,
  tier: number,
  useClass: number,
  bin: number,
): number {
  return values.stay[(tier * classes + useClass) * width + bin];
}

/** Value of going from one tier to another now. */
export function valueGoing(
  values: PlacementValues,
  from: number,
  to: number,
  useClass: number,
  bin: number,
): number {
  return valueAt(values, to, useClass, bin) - values.moveNs[from * values.tiers + to];
}

/**
 * `rounds` steps of value iteration, from what was found before when that is for as many tiers. O(classes * bins *
 * tiers^2) a round: about 0.1 ms for three tiers.
 */
export function solveValues(
  model: ValueModel,
  before: PlacementValues | undefined,
  rounds: number,
): PlacementValues {
  const tiers = model.tiers.length;
  const size = tiers * classes * width;
  const { useNs, move } = timesOf(model);
  const best = before?.tiers === tiers ? before.best.slice() : new Float64Array(size);
  const values = { tiers, useNs, moveNs: move, stay: new Float64Array(size), best };
  const { horizonAccesses } = model;
  const row = (): Float64Array => new Float64Array(tiers);
  const work: Work = {
    next: transitions(model.halfLifeAccesses),
    keeps: lengths.map((length) => Math.exp(-length / horizonAccesses)),
    used: new Float64Array(tiers * classes),
    staying: row(),
    again: row(),
    once: row(),
    fixed: row(),
  };
  for (let round = 1; round < rounds; round++) iterate(values, model, work, true);
  if (rounds > 0) iterate(values, model, work, false);
  return values;
}

/** What a sweep works with: made once, because there are many classes and few tiers. */
interface Work {
  readonly next: Uint16Array;
  /** Share of a value that is left after each bin of age. */
  readonly keeps: Float64Array;
  /** Value right after a use, when it may move to any tier: `[tier * unitClasses + class]`. */
  readonly used: Float64Array;
  /** A value a tier. */
  readonly staying: Float64Array;
  readonly again: Float64Array;
  readonly once: Float64Array;
  readonly fixed: Float64Array;
}

/**
 * One sweep over classes, the most used first, because uses lead there. A class that leads to itself is solved at once:
 * its value after a use is v = x + p v, where p is how surely it comes back, and not the limit of as many sweeps as it
 * is used. The last sweep does not: what staying is worth must be of one piece with what going is, or units would come
 * and go for the difference.
 */
function iterate(values: PlacementValues, model: ValueModel, work: Work, settles: boolean): void {
  afterUse(values, work.used);
  for (let c = classes - 1; c >= 0; c--) {
    if (values.tiers === 2) ageOfTwo(values, model, work, c);
    else age(values, model, work, c);
    if (settles) settle(values, work, c);
  }
}

/** The ages of one class, the oldest first. */
function age(values: PlacementValues, model: ValueModel, work: Work, c: number): void {
  const { tiers, useNs, moveNs: move, best, stay } = values;
  const { shares, bytes, rents } = model;
  const { next, keeps, used, staying, again } = work;
  again.fill(0);
  const row = c * bins;
  for (let bin = bins - 1; bin >= 0; bin--) {
    const share = shares[row + bin];
    const then = next[row + bin];
    const kept = keeps[bin];
    // Who is used within the bin is used in its middle.
    const rentTime = bytes * lengths[bin] * (1 - share / 2);
    const back = then === c ? share : 0;
    // Slowest first: moves lead there, but for those right after a use.
    for (let k = tiers - 1; k >= 0; k--) {
      const at = (k * classes + c) * width + bin;
      const onUse = used[k * classes + then] - useNs[k];
      const value = kept * (share * onUse + (1 - share) * best[at + 1]) - rents[k] * rentTime;
      let most = value;
      for (let j = k + 1; j < tiers; j++) {
        const moved = staying[j] - move[k * tiers + j];
        if (moved > most) most = moved;
      }
      staying[k] = value;
      stay[at] = value;
      best[at] = most;
      again[k] = most > value ? 0 : kept * (back + (1 - share) * again[k]);
    }
  }
}

/**
 * {@link age} for two tiers, the same to the last bit: most programs have two, and most of the time of a solution goes
 * here. What one bin leaves to the next stays in registers, which takes a third of the time.
 */
function ageOfTwo(values: PlacementValues, model: ValueModel, work: Work, c: number): void {
  const { useNs, moveNs, best, stay } = values;
  const { shares, bytes, rents } = model;
  const { next, keeps, used, again } = work;
  const [fastUseNs, slowUseNs] = useNs;
  const [fastRent, slowRent] = rents;
  const downNs = moveNs[1];
  const fast = c * width;
  const slow = (classes + c) * width;
  let fastBest = best[fast + bins];
  let slowBest = best[slow + bins];
  let fastAgain = 0;
  let slowAgain = 0;
  const row = c * bins;
  for (let bin = bins - 1; bin >= 0; bin--) {
    const share = shares[row + bin];
    const then = next[row + bin];
    const kept = keeps[bin];
    const rentTime = bytes * lengths[bin] * (1 - share / 2);
    const back = then === c ? share : 0;
    const left = 1 - share;
    slowBest =
      kept * (share * (used[classes + then] - slowUseNs) + left * slowBest) - slowRent * rentTime;
    const value = kept * (share * (used[then] - fastUseNs) + left * fastBest) - fastRent * rentTime;
    const moved = slowBest - downNs;
    const leaves = moved > value;
    fastBest = leaves ? moved : value;
    slowAgain = kept * (back + left * slowAgain);
    fastAgain = leaves ? 0 : kept * (back + left * fastAgain);
    stay[slow + bin] = slowBest;
    best[slow + bin] = slowBest;
    stay[fast + bin] = value;
    best[fast + bin] = fastBest;
  }
  again[0] = fastAgain;
  again[1] = slowAgain;
}

/** Value after a use that leads to class `c`, now that the class's own values are known. */
function settle({ tiers, best, moveNs: move }: PlacementValues, work: Work, c: number): void {
  const { used, again, once, fixed } = work;
  for (let k = 0; k < tiers; k++) {
    // Value without what comes back to the class itself; and for ever in the same tier.
    once[k] = best[(k * classes + c) * width] - again[k] * used[k * classes + c];
    fixed[k] = once[k] / (1 - again[k]);
  }
  // Or, where that is worth more, elsewhere from the first time it comes back on. A way over all tiers is the longest.
  for (let step = 1; step < tiers; step++) {
    for (let k = 0; k < tiers; k++) {
      fixed[k] = Math.max(fixed[k], once[k] + again[k] * elsewhere(fixed, move, k));
    }
  }
  for (let k = 0; k < tiers; k++) {
    used[k * classes + c] = Math.max(fixed[k], elsewhere(fixed, move, k));
    best[(k * classes + c) * width] = fixed[k];
  }
}

/** The most that leaving tier `k` is worth. */
function elsewhere(worth: Float64Array, move: Float64Array, k: number): number {
  let value = -Infinity;
  for (let j = 0; j < worth.length; j++) {
    if (j !== k) value = Math.max(value, worth[j] - move[k * worth.length + j]);
  }
  return value;
}

function afterUse({ tiers, best, moveNs: move }: PlacementValues, used: Float64Array): void {
  used.fill(-Infinity);
  for (let k = 0; k < tiers; k++) {
    for (let c = 0; c < classes; c++) {
      for (let j = 0; j < tiers; j++) {
        const then = best[(j * classes + c) * width] - move[k * tiers + j];
        if (then > used[k * classes + c]) used[k * classes + c] = then;
      }
    }
  }
}

function timesOf(model: ValueModel): { useNs: Float64Array; move: Float64Array } {
  const { tiers, costs, bytes, step, writeShare, hurdle } = model;
  const n = tiers.length;
  const useNs = Float64Array.from(tiers, (tier) => step * accessNs(tier, bytes, writeShare, costs));
  const move = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      if (j !== k) move[k * n + j] = hurdle * moveNs(tiers[k], tiers[j], bytes, costs);
    }
  }
  return { useNs, move };
}

let cached = { halfLifeAccesses: Number.NaN, next: new Uint16Array(0) };

/** Class after the next use, by class and age. Depends on nothing but the half-life, which seldom changes. */
function transitions(halfLifeAccesses: number): Uint16Array {
  if (cached.halfLifeAccesses === halfLifeAccesses) return cached.next;
  const next = new Uint16Array(classes * bins);
  for (let c = 0; c < classes; c++) {
    for (let bin = 0; bin < bins; bin++) {
      next[c * bins + bin] = nextUseClass(c, bin, halfLifeAccesses);
    }
  }
  cached = { halfLifeAccesses, next };
  return next;
}
