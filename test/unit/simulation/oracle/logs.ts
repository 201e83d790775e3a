/** Logs, tiers and costs small enough to know the answers. */

import { accessNs, type CostModel, moveNs } from '../../../../lib/policy/cost-model.ts';
import type { AccessLog } from '../../../../lib/simulation/access-log.ts';
import type { ModelledTier } from '../../../../lib/simulation/modelled-store.ts';
import type { TierName } from '../../../../lib/tiers/tier.ts';

/** A log in which unit `u` has `sizes[u]` bytes; units must appear in order. Rows in `writes` are writes. */
export function makeLog(
  units: readonly number[],
  sizes: readonly number[],
  { weight = 1, writes = [] }: { weight?: number; writes?: readonly number[] } = {},
): AccessLog {
  return {
    name: 'test',
    weight,
    length: units.length,
    unit: Uint32Array.from(units),
    write: Uint8Array.from(units, (_, row) => (writes.includes(row) ? 1 : 0)),
    unitCount: sizes.length,
    sizeBytes: Float64Array.from(sizes),
    footprintBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** A tier of which only the latency counts. */
export function makeTier(
  name: TierName,
  capacityBytes: number,
  readLatencyNs: number,
  writeLatencyNs: number = readLatencyNs,
): ModelledTier {
  return {
    name,
    capacityBytes,
    costPerGiBMonth: 1,
    readLatencyNs,
    writeLatencyNs,
    readBytesPerSecond: Infinity,
    writeBytesPerSecond: Infinity,
  };
}

/** Moves cost the two latencies. */
export const plainCosts: CostModel = {
  accessBytes: Infinity,
  moveOverheadNs: 0,
  moveNsPerByte: 0,
  deviceOverlap: 1,
};

/** Numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rows that touch every unit, in random order but for first appearances. */
export function randomRows(random: () => number, units: number, rows: number): number[] {
  const from: number[] = [];
  let known = 0;
  for (let row = 0; row < rows; row++) {
    const mustStart = units - known >= rows - row;
    const unit = mustStart ? known : Math.floor(random() * Math.min(units, known + 1));
    from.push(unit);
    if (unit === known) known++;
  }
  return from;
}

/**
 * The cheapest that any exclusive policy can do, by trying all placements of all units at every row; an average by
 * access. Tiers to the power of units, squared, a row.
 */
export function cheapestByTrial(
  log: AccessLog,
  tiers: readonly ModelledTier[],
  costs: CostModel,
): number {
  const placements: number[][] = [[]];
  for (let unit = 0; unit < log.unitCount; unit++) {
    placements.push(
      ...placements.splice(0).flatMap((placement) => tiers.map((_, tier) => [...placement, tier])),
    );
  }
  const started = new Set<number>();
  let best = placements.map(() => 0);
  for (let row = 0; row < log.length; row++) {
    const unit = log.unit[row];
    const before = [...started];
    started.add(unit);
    const fits = placements.map((placement) =>
      tiers.every((tier, k) => {
        const inside = [...started].filter((other) => placement[other] === k);
        const bytes = inside.reduce((sum, other) => sum + log.sizeBytes[other], 0);
        return k === tiers.length - 1 || bytes <= tier.capacityBytes;
      }),
    );
    best = placements.map((to, t) => {
      if (!fits[t]) return Infinity;
      const served = accessNs(tiers[to[unit]], log.sizeBytes[unit], log.write[row], costs);
      let cheapest = Infinity;
      placements.forEach((from, f) => {
        if (best[f] === Infinity) return;
        let cost = best[f];
        for (const other of before) {
          if (from[other] === to[other]) continue;
          cost += moveNs(tiers[from[other]], tiers[to[other]], log.sizeBytes[other], costs);
        }
        cheapest = Math.min(cheapest, cost);
      });
      return cheapest + log.weight * served;
    });
  }
  return Math.min(...best) / (log.length * log.weight);
}
