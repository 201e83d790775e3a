/**
 * How soon a unit is used again, learned from how soon units like it were: what a policy gets in its snapshot, and how
 * to read it. The program teaches what a use means: on an object cache a first use says little; of pages that a sweep
 * is about to read again it says nearly all.
 */

import {
  ageBins,
  ageLengths,
  classesOfCount,
  unitClasses,
  unseenClass,
  useClasses,
  useCounts,
} from './use-class.ts';

/** What was seen of units by class and age, `[useClass * ageBins + ageBin]`. */
export interface ReuseTable {
  /** Uses that ended an age. */
  readonly uses: Float64Array;
  /** Time units spent at an age, in accesses: the risk of being used. */
  readonly atRisk: Float64Array;
  /** First uses that were seen of units, and the time units spent before theirs; absent: nobody looked. */
  readonly firstUses?: number | undefined;
  readonly unseenAtRisk?: number | undefined;
  /** Ages below this bin are not told apart: they pass between two plans. */
  readonly lowestBin: number;
  /** Accesses that count as one use: above 1 where a tracker samples and weighs what it saw. */
  readonly step: number;
  /** Share of the accesses that are writes, 0..1. */
  readonly writeShare: number;
}

/** Imports are looked up at each use where modules are loaded by a test runner, and all of these loops are hot. */
const bins: number = ageBins;
const lengths: Float64Array = ageLengths;

/** Evidence that weighs as much as what is known of the wider class: units that went through the bin. */
const priorUnits = 4;
/** Share of the units that are used in each half-octave of age when nothing is known: the longer unused, the longer. */
const priorShare = 0.15;

/**
 * Probability that a unit at the start of a bin of age is used before its end, `[useClass * ageBins + ageBin]`. Where
 * little was seen of a class, what is known of all units with as many uses counts, and of all units. The last class is
 * {@link unseenClass}.
 */
export function reuseShares(table: ReuseTable | undefined): Float64Array {
  const shares = new Float64Array(unitClasses * bins);
  if (table === undefined) return shares.fill(priorShare);
  const { total, counts } = totalsOf(table);
  const sources = sourcesOf(table, total);
  const ofAll = priorOf(table, ofAllUnits(table, pooled(table, total, sources)));
  for (const ofCount of counts) {
    const prior = priorOf(table, drawn(pooled(table, ofCount, sources), ofAll));
    const { first, end } = ofCount;
    for (let c = first; c < end; c++) sharesOf(table, c, sources, prior, shares);
  }
  const { firstUses = 0, unseenAtRisk = 0 } = table;
  const rate = unseenAtRisk > 0 ? firstUses / unseenAtRisk : 0;
  for (let bin = 0; bin < bins; bin++) {
    shares[unseenClass * bins + bin] = shareOf(rate * lengths[bin]);
  }
  return shares;
}

/** Evidence of classes `first` to `end` by bin. */
interface Total {
  readonly first: number;
  readonly end: number;
  readonly uses: Float64Array;
  readonly atRisk: Float64Array;
}

function noTotal(first: number, end: number): Total {
  return { first, end, uses: new Float64Array(bins), atRisk: new Float64Array(bins) };
}

/** Evidence of all classes, and of those with as many uses; bins below the lowest are left out. */
function totalsOf({ uses, atRisk, lowestBin }: ReuseTable): { total: Total; counts: Total[] } {
  const total = noTotal(0, useClasses);
  const counts: Total[] = [];
  for (let count = 0; count < useCounts; count++) {
    const { first, end } = classesOfCount(count);
    const ofCount = noTotal(first, end);
    counts.push(ofCount);
    for (let bin = lowestBin; bin < bins; bin++) {
      let countUses = 0;
      let countRisk = 0;
      let allUses = total.uses[bin];
      let allRisk = total.atRisk[bin];
      for (let at = first * bins + bin; at < end * bins; at += bins) {
        countUses += uses[at];
        countRisk += atRisk[at];
        allUses += uses[at];
        allRisk += atRisk[at];
      }
      ofCount.uses[bin] = countUses;
      ofCount.atRisk[bin] = countRisk;
      total.uses[bin] = allUses;
      total.atRisk[bin] = allRisk;
    }
  }
  return { total, counts };
}

/** By bin, the one or two bins whose evidence counts for it; -1: there is no second. */
interface Sources {
  readonly first: Int16Array;
  readonly second: Int16Array;
}

/**
 * Plans at regular intervals see units at multiples of an interval only: bins between those are empty whatever happens,
 * and what holds for their neighbours on both sides holds for them.
 */
function sourcesOf({ lowestBin }: ReuseTable, { atRisk }: Total): Sources {
  const first = Int16Array.from({ length: bins }, (_, bin) => Math.max(bin, lowestBin));
  const second = new Int16Array(bins).fill(-1);
  let younger = -1;
  for (let bin = lowestBin; bin < bins; bin++) {
    if (!(atRisk[bin] > 0)) continue;
    if (younger >= 0) {
      first.fill(younger, younger + 1, bin);
      second.fill(bin, younger + 1, bin);
    }
    younger = bin;
  }
  return { first, second };
}

/** What was seen of some classes together, by bin. */
interface Pooled {
  readonly uses: Float64Array;
  readonly atRisk: Float64Array;
}

function pooled(table: ReuseTable, total: Total, sources: Sources): Pooled {
  const uses = new Float64Array(bins);
  const atRisk = new Float64Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    const second = sources.second[bin];
    let used = total.uses[sources.first[bin]];
    let risk = total.atRisk[sources.first[bin]];
    for (let c = total.first; second >= 0 && c < total.end; c++) {
      used += table.uses[c * bins + second];
      risk += table.atRisk[c * bins + second];
    }
    uses[bin] = used;
    atRisk[bin] = risk;
  }
  return { uses, atRisk };
}

/** What is known before a class is looked at, as evidence, by bin. */
interface Prior {
  readonly uses: Float64Array;
  readonly atRisk: Float64Array;
  /** {@link reuseShares} of a class of which nothing was seen. */
  readonly shares: Float64Array;
}

/** From the uses that the wider class expects within each bin. */
function priorOf({ lowestBin }: ReuseTable, wider: Float64Array): Prior {
  const uses = new Float64Array(bins);
  const atRisk = new Float64Array(bins);
  const shares = new Float64Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    const length = lengths[Math.max(bin, lowestBin)];
    const known = (wider[bin] * length) / lengths[bin];
    const used = priorUses(known);
    uses[bin] = used;
    atRisk[bin] = priorRisk(known, used, length);
    shares[bin] = shareOf((uses[bin] / atRisk[bin]) * lengths[bin]);
  }
  return { uses, atRisk, shares };
}

/** Where a unit is expected to be used `known` times within a bin: it is used once or not, ... */
function priorUses(known: number): number {
  return -priorUnits * Math.expm1(-known);
}

/** ... and is at risk until then. */
function priorRisk(known: number, used: number, length: number): number {
  return known > 0 ? (used * length) / known : priorUnits * length;
}

/** Uses to be expected of a unit within each bin: what was seen, drawn towards the prior. */
function drawn({ uses, atRisk }: Pooled, prior: Prior): Float64Array {
  const out = new Float64Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    const expected = (uses[bin] + prior.uses[bin]) / (atRisk[bin] + prior.atRisk[bin]);
    out[bin] = expected * lengths[bin];
  }
  return out;
}

/** As {@link drawn} for all units: where little was seen of an age, it goes on as it did before that age. */
function ofAllUnits({ lowestBin }: ReuseTable, { uses, atRisk }: Pooled): Float64Array {
  const out = new Float64Array(bins);
  let younger = 0;
  for (let bin = 0; bin < bins; bin++) {
    const length = lengths[Math.max(bin, lowestBin)];
    const known = younger > 0 ? (out[bin - 1] * length) / lengths[bin - 1] : priorShare;
    const used = priorUses(known);
    const expected = (uses[bin] + used) / (atRisk[bin] + priorRisk(known, used, length));
    out[bin] = expected * lengths[bin];
    if (bin >= lowestBin) younger += atRisk[bin];
  }
  return out;
}

/** As {@link drawn} for one class, but probabilities. */
function sharesOf(
  table: ReuseTable,
  useClass: number,
  sources: Sources,
  prior: Prior,
  out: Float64Array,
): void {
  const { uses: allUses, atRisk } = table;
  const { first, second } = sources;
  const { uses: priorUsed, atRisk: priorAtRisk, shares: unseen } = prior;
  const start = useClass * bins;
  for (let bin = 0; bin < bins; bin++) {
    const other = second[bin];
    let uses = allUses[start + first[bin]];
    let risk = atRisk[start + first[bin]];
    if (other >= 0) {
      uses += allUses[start + other];
      risk += atRisk[start + other];
    }
    // Most classes are not seen at most ages, and exponentials are most of the work.
    out[start + bin] =
      uses === 0 && risk === 0
        ? unseen[bin]
        : shareOf(((uses + priorUsed[bin]) / (risk + priorAtRisk[bin])) * lengths[bin]);
  }
}

/** Probability of a use at least where `uses` are expected. */
function shareOf(uses: number): number {
  return 1 - Math.exp(-uses);
}
