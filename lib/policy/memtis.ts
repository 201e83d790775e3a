/**
 * `memtis`: thresholds that just fill the fast tier, taken from a histogram of bytes by heat in whole octaves.
 *
 * Source: MEMTIS (Lee et al., SOSP 2023) and its kernel code: access density in octaves; hot is every octave that
 * fits the tier whole, from one access per 2 MiB up; cooling once per 20 adaptations, here one adaptation per five
 * accesses for each unit of the fast tier within 4000..100 000; free room of 3 % restored when less than 2 % are
 * left; and the warm rule: when the hot octaves fill less than 75 % of the tier, the octave below them is not
 * demoted for free room.
 *
 * What differs: any number of tiers by nested thresholds; octaves are not cut off at 16, where small objects would
 * all be in the last one; counts fade instead of being halved; and one repair, without which the warm rule makes a
 * tier that is full of cold units stay so for ever: for a hot unit that waits, what is below the hot octaves goes.
 */

import { densityLog2 } from '../tracking/heat.ts';
import { hintAllows } from './admission.ts';
import { fastUnits } from './fast-units.ts';
import type { Plan, PlanBudget, Policy, Snapshot, TierState } from './policy.ts';
import { candidatesBy, Promoter } from './promoter.ts';
import { usableBytes } from './thresholds.ts';

const turnsPerAdaptation = 5;
const minAdaptationAccesses = 4000;
const maxAdaptationAccesses = 100_000;
const adaptationsPerCooling = 20;
const warmShare = 0.75;
/** Free share of a tier below which it demotes. */
const lowShare = 0.02;

/** Makes the policy with MEMTIS' thresholds. */
export function memtisPolicy(): Policy {
  return {
    name: 'memtis',
    halfLifeAccesses: (tiers: readonly TierState[], unitCounts: readonly number[]) => {
      const turns = turnsPerAdaptation * fastUnits(tiers, unitCounts);
      const adaptation = Math.min(maxAdaptationAccesses, Math.max(minAdaptationAccesses, turns));
      return adaptationsPerCooling * adaptation;
    },
    admits: hintAllows,
    plan: planMemtis,
  };
}

function planMemtis(snapshot: Snapshot, budget: PlanBudget): Plan {
  const { tiers, units } = snapshot;
  const { hot, warm } = octaveThresholds(snapshot);
  const last = tiers.length - 1;
  const density = Float64Array.from({ length: units.length }, (_, row) =>
    densityLog2(units.heatLog2[row], units.bytes[row]),
  );
  const belongs = (row: number, from: number): number => {
    let tier = from;
    while (tier < last && density[row] < hot[tier]) tier++;
    return tier;
  };
  const promoter = new Promoter(snapshot, budget, {
    score: density,
    destination: (row, from) => belongs(row, from + 1),
  });
  const rows = candidatesBy(snapshot, density, (row) => belongs(row, 0) < units.tier[row]);
  promoter.moveAll(
    rows,
    (row) => belongs(row, 0),
    (row) => ({ reason: 'hot', below: hot[belongs(row, 0)] }),
  );
  promoter.restoreHeadroom(lowShare, (tier) => warm[tier]);
  return promoter.build(hot);
}

/** Per tier but the last: log2 density from which units belong there, and below which they may be demoted for room. */
function octaveThresholds({ tiers, histograms }: Snapshot): { hot: number[]; warm: number[] } {
  const min = Math.min(...histograms.map((h) => h.minLog2));
  const bins = new Float64Array(
    Math.max(0, ...histograms.map((h) => Math.round(h.minLog2 - min) + h.bins.length)),
  );
  for (const h of histograms) {
    const offset = Math.round(h.minLog2 - min);
    for (let i = 0; i < h.bins.length; i++) bins[offset + i] += h.bins[i];
  }
  const hot: number[] = [];
  const warm: number[] = [];
  let room = 0;
  let above = 0;
  let bin = bins.length - 1;
  for (let k = 0; k < tiers.length - 1; k++) {
    room += usableBytes(tiers[k]);
    // An octave below one access per 2 MiB is never hot.
    while (bin >= 0 && min + bin >= 0 && above + bins[bin] <= room) above += bins[bin--];
    const threshold = Math.max(0, min + bin + 1);
    hot.push(threshold);
    warm.push(above < warmShare * room ? threshold - 1 : threshold);
  }
  return { hot, warm };
}
