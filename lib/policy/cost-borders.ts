/** The placement the `cost` policy aims at, solved over the histograms: where one tier ends and the next begins. */

import { type PlacementTarget, type PricedTier, solvePlacement } from '../cost/placement-solver.ts';
import { densityBytes } from '../tracking/heat.ts';
import { accessNs } from './cost-model.ts';
import type { Snapshot } from './policy.ts';
import { usableBytes } from './thresholds.ts';

/** Where density falls below `densityLog2`, tier `above` gives way to the next border's, or to the last one. */
export interface Border {
  readonly tier: number;
  /** log2 of accesses per 2 MiB from which units belong in `tier`, unless an earlier border has them. */
  readonly densityLog2: number;
}

/** What the placement aimed at, and the present one, come to. */
export interface Placement {
  /** The most deserving first; the last border is -Infinity. */
  readonly borders: readonly Border[];
  /** Per tier but the last: density from which units belong there or above. */
  readonly thresholdsLog2: readonly number[];
  /** `slowdown`, `costPerMonth`, `nsPrice`, and `currentSlowdown`, `currentCostPerMonth`. */
  readonly notes: Readonly<Record<string, number>>;
}

const GiB = 2 ** 30;
/** Pieces of an octave of the histogram, at least: heat within one is taken to be spread evenly. */
const piecesAnOctave = 8;
/** No piece is a larger part of all bytes than this, so that small tiers can be filled. */
const maxPieceShare = 1 / 256;

/** Solves the placement of everything the snapshot's histograms know. O(tiers * pieces), a millisecond or less. */
export function solveBorders(snapshot: Snapshot, target: PlacementTarget): Placement {
  const { tiers, costs } = snapshot;
  const last = tiers.length - 1;
  const pieces = cutHistograms(snapshot);
  // Beyond the last tier there is nowhere to go, and the live engine does not overfill it.
  const priced: PricedTier[] = tiers.map((tier, k) => ({
    ...tier,
    capacityBytes: k === last ? Infinity : usableBytes(tier),
  }));
  const solution = solvePlacement({
    bytes: pieces.bytes,
    accessesPerSecond: pieces.accesses,
    tiers: priced,
    // Pieces are many units each: what counts is the time of one unit's access.
    costs: { ...costs, accessBytes: Math.min(costs.accessBytes, meanUnitBytes(snapshot)) },
    target,
  });
  const borders: Border[] = [];
  for (let i = 0; i < solution.tier.length; i++) {
    const tier = solution.tier[i];
    const next = i + 1 < solution.tier.length ? solution.tier[i + 1] : -1;
    if (next === tier) continue;
    borders.push({ tier, densityLog2: next < 0 ? -Infinity : pieces.lowerLog2[i] });
  }
  if (borders.length === 0) borders.push({ tier: last, densityLog2: -Infinity });
  return {
    borders,
    thresholdsLog2: tiers.slice(0, -1).map((_, k) => thresholdOf(borders, k)),
    notes: {
      slowdown: solution.slowdown,
      costPerMonth: solution.costPerMonth,
      nsPrice: solution.nsPrice,
      ...currentNotes(snapshot, solution.averageNs / solution.slowdown),
    },
  };
}

/** Density from which units belong in tier `k` or a faster one by index. */
function thresholdOf(borders: readonly Border[], k: number): number {
  let threshold = Infinity;
  for (const { tier, densityLog2 } of borders) if (tier <= k) threshold = densityLog2;
  return threshold;
}

interface Pieces {
  readonly bytes: Float64Array;
  readonly accesses: Float64Array;
  /** log2 density at the lower edge of each. */
  readonly lowerLog2: Float64Array;
}

/** All tiers' bytes as pieces of falling density. */
function cutHistograms({ histograms }: Snapshot): Pieces {
  const min = Math.min(...histograms.map((h) => h.minLog2));
  const octaves = new Float64Array(
    Math.max(0, ...histograms.map((h) => Math.round(h.minLog2 - min) + h.bins.length)),
  );
  for (const h of histograms) {
    const offset = Math.round(h.minLog2 - min);
    for (let i = 0; i < h.bins.length; i++) octaves[offset + i] += h.bins[i];
  }
  const total = octaves.reduce((sum, bytes) => sum + Math.max(0, bytes), 0);
  const bytes: number[] = [];
  const accesses: number[] = [];
  const lowerLog2: number[] = [];
  for (let octave = octaves.length - 1; octave >= 0; octave--) {
    const count = Math.max(piecesAnOctave, Math.ceil(octaves[octave] / (total * maxPieceShare)));
    const each = octaves[octave] / count;
    // Bins are sums of differences: what is left of an empty one may be a fraction of a byte.
    if (!(each * count >= 1)) continue;
    for (let i = 1; i <= count; i++) {
      const lower = min + octave + 1 - i / count;
      bytes.push(each);
      lowerLog2.push(lower);
      // The lowest octave holds everything colder, too.
      accesses.push(octave === 0 ? 0 : (each / densityBytes) * 2 ** (lower + 0.5 / count));
    }
  }
  return {
    bytes: Float64Array.from(bytes),
    accesses: Float64Array.from(accesses),
    lowerLog2: Float64Array.from(lowerLog2),
  };
}

function currentNotes(snapshot: Snapshot, bestNs: number): Record<string, number> {
  const { tiers, histograms, costs } = snapshot;
  const bytes = meanUnitBytes(snapshot);
  let accesses = 0;
  let ns = 0;
  let costPerMonth = 0;
  tiers.forEach((tier, k) => {
    costPerMonth += (tier.usedBytes / GiB) * tier.costPerGiBMonth;
    const heat = (histograms[k]?.bins ?? new Float64Array()).reduce(
      (sum, held, i) =>
        i === 0 ? sum : sum + (held / densityBytes) * 2 ** (histograms[k].minLog2 + i + 0.5),
      0,
    );
    accesses += heat;
    ns += heat * accessNs(tier, bytes, 0, costs);
  });
  return {
    currentSlowdown: accesses > 0 && bestNs > 0 ? ns / accesses / bestNs : 1,
    currentCostPerMonth: costPerMonth,
  };
}

function meanUnitBytes({ tiers, unitCounts }: Snapshot): number {
  const bytes = tiers.reduce((sum, tier) => sum + tier.usedBytes, 0);
  const units = unitCounts.reduce((sum, count) => sum + count, 0);
  return units > 0 && bytes > 0 ? bytes / units : densityBytes;
}
