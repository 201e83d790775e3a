/**
 * How hot a unit has to be to belong in each tier: nested thresholds that fill every tier to its capacity.
 *
 * The idea is MEMTIS' (SOSP 2023): count bytes by heat, walk from the hottest bin down, stop where the fast tier is
 * full; here for any number of tiers and with the last bin interpolated instead of rounded to an octave.
 */

import type { HeatHistogram, TierState } from './policy.ts';

const GiB = 2 ** 30;

/**
 * Bytes a tier should keep free, so that promotions and new objects find room: 3 % of it, within 100..1500 MB for
 * tiers above 1 GiB (TPP's and MEMTIS' promotion room).
 */
export function headroomBytes(capacityBytes: number): number {
  const share = capacityBytes * 0.03;
  return capacityBytes > GiB ? Math.min(Math.max(share, 100e6), 1500e6) : share;
}

/** Bytes a tier may hold with its head-room kept. */
export function usableBytes(tier: TierState): number {
  const headroom = tier.headroomBytes ?? headroomBytes(tier.capacityBytes);
  return tier.capacityBytes === Infinity ? Infinity : Math.max(0, tier.capacityBytes - headroom);
}

/**
 * Per tier but the last: log2 density (accesses per 2 MiB) at which the tiers down to it are exactly full;
 * -Infinity where everything fits. The histograms must share their bin edges up to whole bins. O(tiers * bins).
 */
export function nestedThresholds(
  tiers: readonly TierState[],
  histograms: readonly HeatHistogram[],
): number[] {
  const thresholds: number[] = [];
  if (tiers.length < 2 || histograms.length === 0) return thresholds;
  const min = Math.min(...histograms.map((h) => h.minLog2));
  const length = Math.max(...histograms.map((h) => Math.round(h.minLog2 - min) + h.bins.length));
  const bins = new Float64Array(length);
  for (const h of histograms) {
    const offset = Math.round(h.minLog2 - min);
    for (let i = 0; i < h.bins.length; i++) bins[offset + i] += h.bins[i];
  }
  let room = 0;
  let above = 0;
  let bin = length - 1;
  for (let k = 0; k < tiers.length - 1; k++) {
    room += usableBytes(tiers[k]);
    while (bin >= 0 && above + bins[bin] <= room) above += bins[bin--];
    thresholds.push(bin < 0 ? -Infinity : min + bin + 1 - (room - above) / bins[bin]);
  }
  return thresholds;
}
