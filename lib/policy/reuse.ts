/**
 * How soon a unit is used again, learned from how soon units like it were: what a policy gets in its snapshot, and how
 * to read it. The program teaches what a use means: on an object cache a first use says little; of pages that a sweep
 * is about to read again it says nearly all.
 */

import { ageBins, ageLengths, classesOfCount, useClasses, useCounts } from './use-class.ts';

/** What was seen of units by class and age, `[useClass * ageBins + ageBin]`. */
export interface ReuseTable {
  /** Uses that ended an age. */
  readonly uses: Float64Array;
  /** Time units spent at an age, in accesses: the risk of being used. */
  readonly atRisk: Float64Array;
  /** Ages below this bin are not told apart: they pass between two plans. */
  readonly lowestBin: number;
  /** Accesses that count as one use: above 1 where a tracker samples and weighs what it saw. */
  readonly step: number;
  /** Share of the accesses that are writes, 0..1. */
  readonly writeShare: number;
}

/** Evidence that weighs as much as what is known of the wider class: units that went through the bin. */
const priorUnits = 4;
/** Share of the units that are used in each half-octave of age when nothing is known: the longer unused, the longer. */
const priorShare = 0.15;

/**
 * Probability that a unit at the start of a bin of age is used before its end, `[useClass * ageBins + ageBin]`. Where
 * little was seen of a class, what is known of all units with as many uses counts, and of all units.
 */
export function reuseShares(table: ReuseTable | undefined): Float64Array {
  const shares = new Float64Array(useClasses * ageBins);
  if (table === undefined) return shares.fill(priorShare);
  const parent = new Float64Array(ageBins);
  const all = new Float64Array(ageBins);
  const sources = sourcesOf(table);
  pool(table, sources, 0, useClasses, undefined, all);
  for (let count = 0; count < useCounts; count++) {
    const { first, end } = classesOfCount(count);
    pool(table, sources, first, end, all, parent);
    for (let c = first; c < end; c++) {
      pool(table, sources, c, c + 1, parent, shares.subarray(c * ageBins, (c + 1) * ageBins));
    }
  }
  for (let i = 0; i < shares.length; i++) shares[i] = 1 - Math.exp(-shares[i]);
  return shares;
}

/** By bin, the one or two bins whose evidence counts for it. */
type Sources = readonly (readonly number[])[];

/**
 * Plans at regular intervals see units at multiples of an interval only: bins between those are empty whatever happens,
 * and what holds for their neighbours on both sides holds for them.
 */
function sourcesOf(table: ReuseTable): Sources {
  const seen: number[] = [];
  for (let bin = table.lowestBin; bin < ageBins; bin++) {
    let risk = 0;
    for (let c = 0; c < useClasses; c++) risk += table.atRisk[c * ageBins + bin];
    if (risk > 0) seen.push(bin);
  }
  return Array.from({ length: ageBins }, (_, bin) => {
    const from = Math.max(bin, table.lowestBin);
    const older = seen.findIndex((other) => other >= from);
    return older <= 0 || seen[older] === from ? [from] : [seen[older - 1], seen[older]];
  });
}

/** Uses to be expected of a unit within each bin: the rate of classes `first` to `end`, drawn towards `parent`. */
function pool(
  table: ReuseTable,
  sources: Sources,
  first: number,
  end: number,
  parent: Float64Array | undefined,
  out: Float64Array,
): void {
  for (let bin = ageBins - 1; bin >= 0; bin--) {
    const from = Math.max(bin, table.lowestBin);
    let uses = 0;
    let risk = 0;
    for (const source of sources[bin]) {
      for (let c = first; c < end; c++) {
        uses += table.uses[c * ageBins + source];
        risk += table.atRisk[c * ageBins + source];
      }
    }
    const length = ageLengths[from];
    const known = parent === undefined ? priorShare : (parent[bin] * length) / ageLengths[bin];
    // A unit that goes through the bin is used in it once or not, and is at risk until then.
    const once = -priorUnits * Math.expm1(-known);
    const rate =
      (uses + once) / (risk + (known > 0 ? (once * length) / known : priorUnits * length));
    out[bin] = rate * ageLengths[bin];
  }
}
