/** The values a `balanced` plan decides by, carried from plan to plan and solved again as evidence comes in. */

import type { BalancedOptions } from './balanced.ts';
import { accessNs } from './cost-model.ts';
import { fastUnits } from './fast-units.ts';
import { type PlacementValues, solveValues } from './placement-values.ts';
import type { Snapshot } from './policy.ts';
import { firstRents, nextRents, type Rents } from './rents.ts';
import { reuseShares } from './reuse.ts';

/** Values of units of about one size. */
interface Solved {
  readonly bucket: number;
  readonly bytes: number;
  /** Access clock at which they were solved. */
  readonly at: number;
  readonly values: PlacementValues;
}

/** What a plan leaves to the next. Plain data. */
export interface BalancedCarry {
  readonly policy: 'balanced';
  readonly tiers: number;
  readonly rents: Rents;
  readonly rentsAt: number;
  readonly solved: readonly Solved[];
}

/** Values are solved again after accesses for this share of the units of the fastest tier. */
const solveTurns = 0.1;
const minSolveUses = 200;
/** Steps of value iteration: from nothing, and from the last values a period later. */
const firstRounds = 6;
const laterRounds = 2;
/** Where plans are further apart than a period, prices make up for at most so many at once. */
const maxRentSteps = 5;
/** Sizes solved again in one plan at most: a plan is one slice of the main thread. */
const refreshedAtOnce = 2;

/** Sizes are told apart by octaves: the bucket of a unit of `bytes` bytes. */
export function sizeBucket(bytes: number): number {
  return Math.round(Math.log2(bytes));
}

/** The values at the time of one plan. */
export class BalancedValues {
  readonly #snapshot: Snapshot;
  readonly #options: BalancedOptions;
  readonly #solved = new Map<number, Solved>();
  #rents: Rents;
  #rentsAt: number;
  #shares: Float64Array | undefined;
  /** Answer to the last question: most units are as large as the one before. */
  #lastBytes = -1;
  #lastValues: PlacementValues | undefined;
  readonly #kept: number[];
  readonly #left: number[];

  constructor(snapshot: Snapshot, options: BalancedOptions) {
    this.#snapshot = snapshot;
    this.#options = options;
    const tiers = snapshot.tiers.length;
    const carry = carried(snapshot);
    this.#rents = carry?.rents ?? firstRents(tiers);
    this.#rentsAt = carry?.rentsAt ?? -Infinity;
    this.#kept = [...this.#rents.kept];
    this.#left = [...this.#rents.left];
    for (const solved of carry?.solved ?? []) this.#solved.set(solved.bucket, solved);
    this.#refreshRents();
    this.#refreshValues();
  }

  /** Values for units of `bytes` bytes. */
  of(bytes: number): PlacementValues {
    if (bytes !== this.#lastBytes || this.#lastValues === undefined) {
      const bucket = sizeBucket(bytes);
      this.#lastValues = (this.#solved.get(bucket) ?? this.#solve(bucket, bytes)).values;
      this.#lastBytes = bytes;
    }
    return this.#lastValues;
  }

  /** A unit of a tier was looked at as a victim; `kept` says that it was worth keeping. */
  judged(tier: number, kept: boolean): void {
    if (kept) this.#kept[tier]++;
    else this.#left[tier]++;
  }

  carry(): BalancedCarry {
    return {
      policy: 'balanced',
      tiers: this.#snapshot.tiers.length,
      rents: { perByteNs: this.#rents.perByteNs, kept: this.#kept, left: this.#left },
      rentsAt: this.#rentsAt,
      solved: [...this.#solved.values()],
    };
  }

  get #step(): number {
    return this.#snapshot.reuse?.step ?? 1;
  }

  /** Accesses until everything is solved again. */
  get #period(): number {
    const { tiers, unitCounts } = this.#snapshot;
    return this.#step * Math.max(minSolveUses, solveTurns * fastUnits(tiers, unitCounts));
  }

  #refreshRents(): void {
    const { accessClock, tiers, unitCounts, costs } = this.#snapshot;
    const elapsed = accessClock - this.#rentsAt;
    if (elapsed < this.#period) return;
    const bytes = meanBytes(this.#snapshot);
    const savedNs =
      this.#step *
      (accessNs(tiers[tiers.length - 1], bytes, 0, costs) - accessNs(tiers[0], bytes, 0, costs));
    const turn = this.#step * fastUnits(tiers, unitCounts);
    this.#rents = nextRents(
      { perByteNs: this.#rents.perByteNs, kept: this.#kept, left: this.#left },
      tiers,
      Math.max(0, savedNs) / (bytes * turn),
      bytes,
      elapsed === Infinity ? 1 : Math.min(maxRentSteps, elapsed / this.#period),
    );
    this.#kept.fill(0);
    this.#left.fill(0);
    this.#rentsAt = accessClock;
  }

  /** Solves again what has waited longest, of the sizes there are. */
  #refreshValues(): void {
    const { accessClock, units } = this.#snapshot;
    const due = [...this.#solved.values()].filter(({ at }) => accessClock - at >= this.#period);
    if (due.length === 0) return;
    const present = new Set<number>();
    let bytes = -1;
    for (let row = 0; row < units.length; row++) {
      // Most units are as large as the one before.
      if (units.bytes[row] === bytes) continue;
      bytes = units.bytes[row];
      present.add(sizeBucket(bytes));
    }
    due.sort((a, b) => a.at - b.at || a.bucket - b.bucket);
    const waiting = due.filter(({ bucket }) => present.has(bucket));
    for (const solved of waiting.slice(0, refreshedAtOnce))
      this.#solve(solved.bucket, solved.bytes);
  }

  /** The values to start from: its own, else those of the nearest size. */
  #before(bucket: number): Solved | undefined {
    let nearest: Solved | undefined;
    for (const solved of this.#solved.values()) {
      const distance = Math.abs(solved.bucket - bucket);
      if (nearest === undefined || distance < Math.abs(nearest.bucket - bucket)) nearest = solved;
    }
    return nearest;
  }

  #laterRounds({ at }: Solved): number {
    const periods = (this.#snapshot.accessClock - at) / this.#period;
    return Math.round(Math.min(firstRounds, Math.max(1, periods) * laterRounds));
  }

  #solve(bucket: number, bytes: number): Solved {
    const { tiers, costs, accessClock, halfLifeAccesses, reuse } = this.#snapshot;
    const { margin, moveWeight, horizonShare } = this.#options;
    this.#shares ??= reuseShares(reuse);
    const before = this.#before(bucket);
    const values = solveValues(
      {
        tiers,
        costs,
        bytes,
        step: this.#step,
        writeShare: reuse?.writeShare ?? 0,
        shares: this.#shares,
        halfLifeAccesses,
        horizonAccesses: horizonShare * Math.max(accessClock, halfLifeAccesses / 32),
        rents: this.#rents.perByteNs,
        hurdle: (1 + margin) * moveWeight,
      },
      before?.values,
      before === undefined ? firstRounds : this.#laterRounds(before),
    );
    const solved = { bucket, bytes, at: accessClock, values };
    this.#solved.set(bucket, solved);
    return solved;
  }
}

function carried({ carry, tiers }: Snapshot): BalancedCarry | undefined {
  const state = carry as BalancedCarry | undefined;
  return state?.policy === 'balanced' && state.tiers === tiers.length ? state : undefined;
}

function meanBytes({ tiers, unitCounts }: Snapshot): number {
  const units = unitCounts.reduce((sum, count) => sum + count, 0);
  const bytes = tiers.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return units > 0 && bytes > 0 ? bytes / units : 1;
}
