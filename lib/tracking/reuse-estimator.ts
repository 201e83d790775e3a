/**
 * Learns how often units are used again: follows a sample of units, whatever tier they are in, and counts their
 * accesses over a few horizons. Because it watches units that were not promoted as well, it knows what a refused
 * promotion would have brought, and a wrong belief corrects itself without a wrong move.
 */

import type { Snapshot, UnitColumns } from '../policy/policy.ts';
import {
  earlierHeatLog2,
  type ReuseTable,
  reuseBin,
  reuseBins,
  reuseHorizons,
  reuseKind,
  reuseKinds,
  reuseMinLog2,
  reuseScale,
  usesOfKind,
} from '../policy/reuse.ts';

/** Observations after which older ones of the same cell count for e^-1. */
const memory = 256;
/** Weight of the belief held before anything was observed. */
const priorWeight = 8;

/** What is learned from. */
type Observed = Pick<Snapshot, 'accessClock' | 'accessesSincePlan' | 'halfLifeAccesses'> & {
  readonly units: Columns;
};
type Columns = Omit<UnitColumns, 'dwellUntil'>;

/** Growth a round of what is taken for one use. */
const stepGrowth = 1.02;

interface Watch {
  readonly cell: number;
  readonly startedAt: number;
  /** Its {@link reuseScale}: counts are kept as if the unit were typical for its kind. */
  readonly scale: number;
  count: number;
  /** Horizons settled so far. */
  settled: number;
}

/** Follows at most `maxWatched` units at a time. */
export class ReuseEstimator {
  readonly #maxWatched: number;
  readonly #watches = new Map<number, Watch>();
  readonly #sum: Float64Array;
  readonly #weight: Float64Array;
  readonly #horizons: Float64Array = new Float64Array(reuseHorizons.length);
  #halfLife = 0;
  #step = 1;
  #round = 0;

  constructor(maxWatched: number) {
    this.#maxWatched = maxWatched;
    const cells = reuseKinds * reuseBins * reuseHorizons.length;
    this.#sum = new Float64Array(cells);
    this.#weight = new Float64Array(cells);
  }

  get watched(): number {
    return this.#watches.size;
  }

  /** Learns from one snapshot. O(units). */
  observe(seen: Observed): void {
    const { units, accessClock, accessesSincePlan, halfLifeAccesses } = seen;
    if (!Number.isFinite(halfLifeAccesses) || accessesSincePlan === 0) return;
    this.#adopt(halfLifeAccesses);
    const smallest = smallestCount(units);
    // Down at once, up slowly: a quiet interval in which all used units were used often is not sampling.
    this.#step = Math.min(smallest, Math.max(1, this.#step * stepGrowth));
    this.#count(units, accessClock - accessesSincePlan);
    this.#settle(accessClock);
    this.#watchMore(units, accessClock, accessesSincePlan);
  }

  /** What is believed now; a fresh copy. */
  table(): ReuseTable {
    const width = this.#horizons.length;
    const expected = new Float64Array(this.#sum.length);
    for (let kind = 0; kind < reuseKinds; kind++) {
      for (let bin = 0; bin < reuseBins; bin++) {
        // A unit is believed to go on as its earlier heat says: rate = heat * ln 2 / half-life.
        // Of the last interval's uses only half are, because they are the reason to ask.
        const heat = 2 ** (bin + reuseMinLog2 + 0.5) + usesOfKind[kind] * this.#step * 0.5;
        for (let h = 0; h < width; h++) {
          const at = (kind * reuseBins + bin) * width + h;
          const prior = heat * Math.LN2 * reuseHorizons[h];
          expected[at] = (this.#sum[at] + priorWeight * prior) / (this.#weight[at] + priorWeight);
        }
      }
    }
    return { expected, step: this.#step };
  }

  /** A half-life that changed by a lot makes other horizons: what was learned of the old ones is kept as a guess. */
  #adopt(halfLifeAccesses: number): void {
    const ratio = halfLifeAccesses / this.#halfLife;
    if (ratio > 0.8 && ratio < 1.25) return;
    this.#halfLife = halfLifeAccesses;
    reuseHorizons.forEach((x, h) => {
      this.#horizons[h] = x * halfLifeAccesses;
    });
    this.#watches.clear();
    for (let i = 0; i < this.#sum.length; i++) {
      const keep = Math.min(1, priorWeight / Math.max(priorWeight, this.#weight[i]));
      this.#sum[i] *= keep;
      this.#weight[i] *= keep;
    }
  }

  /** Counts what happened since `since`; horizons that ended before are settled without it. */
  #count(units: Columns, since: number): void {
    if (this.#watches.size === 0) return;
    for (let row = 0; row < units.length; row++) {
      const accesses = units.reads[row] + units.writes[row];
      if (accesses === 0) continue;
      const watch = this.#watches.get(units.id[row]);
      if (watch === undefined) continue;
      this.#settleOne(watch, since);
      watch.count += accesses;
    }
  }

  #settle(clock: number): void {
    for (const [unit, watch] of this.#watches) {
      this.#settleOne(watch, clock);
      if (watch.settled === this.#horizons.length) this.#watches.delete(unit);
      // In order of their start: what follows is younger, and the shortest horizon is settled when it is counted.
      else if (clock - watch.startedAt < this.#horizons[0]) break;
    }
  }

  #settleOne(watch: Watch, clock: number): void {
    const width = this.#horizons.length;
    while (watch.settled < width && clock - watch.startedAt >= this.#horizons[watch.settled]) {
      const at = watch.cell * width + watch.settled;
      this.#sum[at] = this.#sum[at] * (1 - 1 / memory) + watch.count / watch.scale;
      this.#weight[at] = this.#weight[at] * (1 - 1 / memory) + 1;
      watch.settled++;
    }
  }

  /** Takes new units on, as many as keeps the book full over the longest horizon: half used ones, half idle ones. */
  #watchMore(units: Columns, clock: number, interval: number): void {
    const free = this.#maxWatched - this.#watches.size;
    if (free <= 0) return;
    const rounds = Math.max(1, this.#horizons[this.#horizons.length - 1] / interval);
    const wanted = Math.min(free, Math.max(4, Math.ceil(this.#maxWatched / rounds)));
    const eligible = [0, 0];
    for (let row = 0; row < units.length; row++) {
      if (isEligible(units, row)) eligible[wasUsed(units, row)]++;
    }
    const strides = eligible.map((count) => Math.max(1, Math.ceil((2 * count) / wanted)));
    // A different offset each round, so that no unit is favoured by its place in the snapshot.
    const turn = Math.imul(++this.#round, 0x9e3779b1) >>> 0;
    const countdown = strides.map((stride) => turn % stride);
    for (let row = 0; row < units.length; row++) {
      if (!isEligible(units, row)) continue;
      const used = wasUsed(units, row);
      if (countdown[used]-- > 0) continue;
      countdown[used] = strides[used] - 1;
      if (!this.#watches.has(units.id[row])) this.#watch(units, row, clock);
    }
  }

  #watch(units: Columns, row: number, clock: number): void {
    const accesses = units.reads[row] + units.writes[row];
    const earlier = earlierHeatLog2(units.heatLog2[row], accesses);
    const cell = reuseKind(accesses, this.#step) * reuseBins + reuseBin(earlier);
    const scale = reuseScale(accesses, this.#step);
    this.#watches.set(units.id[row], { cell, scale, startedAt: clock, count: 0, settled: 0 });
  }
}

function wasUsed(units: Columns, row: number): 0 | 1 {
  return units.reads[row] + units.writes[row] > 0 ? 1 : 0;
}

/**
 * Used units are candidates below the fastest tier, idle ones are victims in it or in a middle one. Those that sit in
 * their place already would make the others look better, or worse, than they are.
 */
function isEligible(units: Columns, row: number): boolean {
  return wasUsed(units, row) === 1 ? units.tier[row] > 0 : units.tier[row] === 0;
}

function smallestCount(units: Columns): number {
  let smallest = Infinity;
  for (let row = 0; row < units.length; row++) {
    const accesses = units.reads[row] + units.writes[row];
    if (accesses > 0 && accesses < smallest) smallest = accesses;
  }
  return smallest === Infinity ? 1 : smallest;
}
