/**
 * How soon units are used again, learned access by access: the exact counterpart of the estimate that a policy gets
 * from snapshots, in the same table.
 */

import type { ReuseTable } from '../../policy/reuse.ts';
import { ageBins, ageEdge, ageLengths, useClasses } from '../../policy/use-class.ts';
import { wholeAgeBin } from './whole-age-bin.ts';

/** A use counts as in the middle of its access. */
const halfAccess = 0.5;
const edges = Float64Array.from({ length: ageBins }, (_, bin) => ageEdge(bin));

/** Counts an age that has not ended. */
export type CountAge = (useClass: number, age: number) => void;

/** The evidence of one cache. Ages are in whole accesses. */
export class ReuseEvidence {
  readonly #uses: Float64Array = new Float64Array(useClasses * ageBins);
  readonly #ends: Float64Array = new Float64Array(useClasses * ageBins);
  /** Time spent in the bin of an age's end; that in the bins before follows from the ends. */
  readonly #spent: Float64Array = new Float64Array(useClasses * ageBins);

  /** Counts that a unit of a class was used at an age. */
  countUse(useClass: number, age: number): void {
    this.#uses[end(this.#ends, this.#spent, useClass, age)]++;
  }

  /** Counts that nobody will know whether a unit that was not used until an age is used later. */
  countLost(useClass: number, age: number): void {
    end(this.#ends, this.#spent, useClass, age);
  }

  /**
   * What is known now.
   *
   * @param forWaiting - calls back once for each unit whose age goes on
   */
  table(forWaiting: (count: CountAge) => void): ReuseTable {
    const ends = this.#ends.slice();
    const atRisk = this.#spent.slice();
    forWaiting((useClass, age) => {
      end(ends, atRisk, useClass, age);
    });
    for (let first = 0; first < ends.length; first += ageBins) {
      let older = 0;
      for (let bin = ageBins - 1; bin >= 0; bin--) {
        atRisk[first + bin] += older * ageLengths[bin];
        older += ends[first + bin];
      }
    }
    return { uses: this.#uses, atRisk, lowestBin: 0, step: 1, writeShare: 0 };
  }

  /** Lets what was seen until now count `share` of what it counted. */
  fade(share: number): void {
    for (let i = 0; i < this.#uses.length; i++) {
      this.#uses[i] *= share;
      this.#ends[i] *= share;
      this.#spent[i] *= share;
    }
  }
}

function end(ends: Float64Array, spent: Float64Array, useClass: number, age: number): number {
  const bin = wholeAgeBin(age);
  const at = useClass * ageBins + bin;
  ends[at]++;
  spent[at] += age + halfAccess - edges[bin];
  return at;
}
