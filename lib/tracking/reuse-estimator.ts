/**
 * Learns how soon units are used again. Uses are counted as they come; the time at risk is measured by looking: a unit
 * that a plan considers though it was not used stands for all such units of its tier, for the time since the last plan.
 * So nothing is kept for a unit, units that were not promoted count like the others, and those that are never used
 * again count too.
 */

import type { Snapshot, UnitColumns } from '../policy/policy.ts';
import type { ReuseTable } from '../policy/reuse.ts';
import { classAtLastUse, gapOfInterval } from '../policy/unit-state.ts';
import { ageBin, ageBins, useClass, useClasses } from '../policy/use-class.ts';

/** What is learned from. */
type Observed = Pick<
  Snapshot,
  'accessesSincePlan' | 'arrivals' | 'halfLifeAccesses' | 'unitCounts'
> & {
  readonly units: Omit<UnitColumns, 'dwellUntil'>;
};

/** Imports are looked up at each use where modules are loaded by a test runner, and these loops are hot. */
const bins: number = ageBins;

/** Growth a round of what is taken for one use. */
const stepGrowth = 1.02;
/** Plans after which the share of writes seen before counts for e^-1. */
const writeMemory = 64;
/** Older evidence counts for e^-1 after this many half-lives. */
const memoryHalfLives = 32;
const fadeAtOnce = 0.01;

/** The evidence of one program. */
export class ReuseEstimator {
  readonly #uses: Float64Array = new Float64Array(useClasses * bins);
  readonly #atRisk: Float64Array = new Float64Array(useClasses * bins);
  #step = 1;
  #writeShare = 0;
  #lowestBin = 0;
  #unfaded = 0;
  #firstUses = 0;
  #unseenAtRisk = 0;

  /** One that knows the same and learns on its own. */
  copy(): ReuseEstimator {
    const other = new ReuseEstimator();
    other.#uses.set(this.#uses);
    other.#atRisk.set(this.#atRisk);
    other.#step = this.#step;
    other.#writeShare = this.#writeShare;
    other.#lowestBin = this.#lowestBin;
    other.#unfaded = this.#unfaded;
    other.#firstUses = this.#firstUses;
    other.#unseenAtRisk = this.#unseenAtRisk;
    return other;
  }

  /** Learns from one snapshot. O(units). */
  observe(seen: Observed): void {
    const { accessesSincePlan: interval, halfLifeAccesses, arrivals } = seen;
    if (!Number.isFinite(halfLifeAccesses) || interval === 0) return;
    this.#fade(interval / (memoryHalfLives * halfLifeAccesses));
    const risk = this.#survey(seen);
    this.#lowestBin = ageBin(interval / 2);
    this.#count(seen, risk);
    // A use that came with the unit says nothing of those that were there unseen; where nobody tells which came, none does.
    this.#firstUses = arrivals === undefined ? 0 : this.#firstUses - arrivals.seen;
  }

  /** What is known now; a view that the next observation changes. */
  table(): ReuseTable {
    return {
      uses: this.#uses,
      atRisk: this.#atRisk,
      firstUses: Math.max(0, this.#firstUses),
      unseenAtRisk: this.#unseenAtRisk,
      lowestBin: this.#lowestBin,
      step: this.#step,
      writeShare: this.#writeShare,
    };
  }

  #countUse(
    units: Observed['units'],
    row: number,
    accesses: number,
    interval: number,
    halfLife: number,
  ): void {
    const idle = units.idle[row];
    const heat = 2 ** units.heatLog2[row];
    const step = this.#step;
    // Spread evenly, they leave as many equal gaps and one more.
    const uses = Math.max(1, accesses / step);
    if (idle !== Infinity) {
      const before = Math.log2(Math.max(0, heat - accesses) / step);
      const c = classAtLastUse(before, idle, units.gap[row], halfLife);
      const at = c * bins + Math.max(this.#lowestBin, ageBin(idle));
      this.#uses[at]++;
      this.#atRisk[at] += interval / (uses + 1);
    } else {
      this.#firstUses++;
      this.#unseenAtRisk += interval / (uses + 1);
    }
    const gap = gapOfInterval(accesses, idle, interval, step);
    const low = useClass(Math.log2(heat / step), gap) * bins + this.#lowestBin;
    this.#uses[low] += uses - 1;
    this.#atRisk[low] += (interval * uses) / (uses + 1);
  }

  #count(seen: Observed, risk: Float64Array): void {
    const { units, accessesSincePlan: interval, halfLifeAccesses: halfLife } = seen;
    const { tier, reads, writes, length, idle, heatLog2, gap } = units;
    const atRisk = this.#atRisk;
    const lowestBin = this.#lowestBin;
    const stepLog2 = Math.log2(this.#step);
    for (let row = 0; row < length; row++) {
      const accesses = reads[row] + writes[row];
      if (accesses > 0) {
        this.#countUse(units, row, accesses, interval, halfLife);
        continue;
      }
      if (idle[row] === Infinity) {
        this.#unseenAtRisk += risk[tier[row]];
        continue;
      }
      const c = classAtLastUse(heatLog2[row] - stepLog2, idle[row], gap[row], halfLife);
      atRisk[c * bins + Math.max(lowestBin, ageBin(idle[row]))] += risk[tier[row]];
    }
  }

  /** Lets `memories` pass; the evidence is touched only when it shows. */
  #fade(memories: number): void {
    this.#unfaded += memories;
    if (this.#unfaded < fadeAtOnce) return;
    const kept = Math.exp(-this.#unfaded);
    this.#unfaded = 0;
    for (let i = 0; i < this.#uses.length; i++) {
      this.#uses[i] *= kept;
      this.#atRisk[i] *= kept;
    }
    this.#firstUses *= kept;
    this.#unseenAtRisk *= kept;
  }

  /** Learns what a use is, and returns by tier for how long each unit that was looked at and not used stands. */
  #survey({ units, unitCounts, accessesSincePlan: interval }: Observed): Float64Array {
    const { tier, reads, writes, length } = units;
    const idleUnits = new Float64Array(unitCounts.length);
    const risk = Float64Array.from(unitCounts);
    let smallest = Infinity;
    let written = 0;
    let all = 0;
    for (let row = 0; row < length; row++) {
      const accesses = reads[row] + writes[row];
      if (accesses === 0) {
        idleUnits[tier[row]]++;
        continue;
      }
      risk[tier[row]]--;
      if (accesses < smallest) smallest = accesses;
      written += writes[row];
      all += accesses;
    }
    for (let k = 0; k < risk.length; k++) risk[k] = (risk[k] / idleUnits[k]) * interval;
    if (all > 0) {
      // Down at once, up slowly: a quiet interval in which all used units were used often is not sampling.
      this.#step = Math.min(smallest, Math.max(1, this.#step * stepGrowth));
      this.#writeShare += (written / all - this.#writeShare) / writeMemory;
    }
    return risk;
  }
}
