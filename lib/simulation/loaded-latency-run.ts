/**
 * A program in a closed loop on two loaded tiers, with the policy and the engine of a program: what its requests come
 * to, how they are split, and what is moved. Latencies reach the policy as a probe would report them, with noise.
 */

import { DataMigrationEngine } from '../migration/data-migration-engine.ts';
import type { MigrationTarget, SnapshotOptions } from '../migration/migration-target.ts';
import { initialBalance, nextBalance } from '../policy/latency-balance.ts';
import type { LatencyBalance, Policy, TierState } from '../policy/policy.ts';
import { type ClosedLoop, type LoadedState, solveClosedLoop } from './loaded-latency.ts';
import { ModelledStore } from './modelled-store.ts';

/** Options of {@link runLoaded}. */
export interface LoadedRunOptions {
  /** Two tiers, the faster one first. `loopAt(interval)` may change the load meanwhile. */
  readonly loopAt: (interval: number) => ClosedLoop;
  readonly policy: Policy;
  /** Share of the accesses by unit; they add up to 1. */
  readonly popularity: Float64Array;
  readonly unitBytes: number;
  /** Units the faster tier has room for. */
  readonly fastUnits: number;
  readonly intervals: number;
  /** Default 0.05. */
  readonly intervalSeconds?: number | undefined;
  /** Accesses the tracker sees in an interval. Default 8 for each unit. */
  readonly trackedAccesses?: number | undefined;
  /** Largest error of a measured latency, as a share. Default 0.05. */
  readonly latencyNoise?: number | undefined;
  /** Bytes moved a second at most. Default 2 GiB. */
  readonly bytesPerSecond?: number | undefined;
}

/** Of a tier's bandwidth, at most this much is taken by what does not yield. */
const maxBackground = 0.98;

/** One interval of a run. */
export interface LoadedInterval extends LoadedState {
  /** Of the requests, the share the faster tier served. */
  readonly share: number;
  readonly movedBytes: number;
}

/** Plays the intervals; the moves of one load both tiers in the next. Deterministic. */
export async function runLoaded(options: LoadedRunOptions): Promise<LoadedInterval[]> {
  const { policy, popularity, unitBytes, intervals, intervalSeconds = 0.05 } = options;
  const target = new LoadedStore(options);
  let nowNs = 0;
  const engine = new DataMigrationEngine({
    target,
    policy,
    clock: () => nowNs,
    bytesPerSecond: options.bytesPerSecond ?? 2 * 2 ** 30,
    maxUnits: popularity.length,
  });
  for (let unit = 0; unit < popularity.length; unit++) {
    const request = { bytes: unitBytes, tierHint: -1, accessPattern: 'unknown' } as const;
    target.store.create(unitBytes, target.store.place(policy, request));
  }
  const results: LoadedInterval[] = [];
  let movedBytes = 0;
  for (let interval = 0; interval < intervals; interval++) {
    const share = target.pass(options.loopAt(interval), movedBytes / intervalSeconds);
    nowNs += intervalSeconds * 1e9;
    const before = target.store.moves;
    await engine.step();
    movedBytes = (target.store.moves - before) * unitBytes;
    results.push({ ...target.state, share, movedBytes });
  }
  return results;
}

/** A modelled store whose snapshots know the latencies under load. */
class LoadedStore implements MigrationTarget {
  readonly store: ModelledStore;
  state: LoadedState = { requestsPerSecond: 0, latencyNs: [] };
  readonly #popularity: Float64Array;
  readonly #tracked: number;
  readonly #noise: number;
  readonly #accesses: number[] = [0, 0];
  #balance: LatencyBalance = initialBalance(2);
  #random = 1;

  constructor(options: LoadedRunOptions) {
    const { popularity, unitBytes, fastUnits, loopAt } = options;
    this.#popularity = popularity;
    this.#tracked = options.trackedAccesses ?? 8 * popularity.length;
    this.#noise = options.latencyNoise ?? 0.05;
    this.store = new ModelledStore(
      loopAt(0).tiers.map(({ unloadedLatencyNs, bytesPerSecond }, k) => ({
        name: k === 0 ? 'L1_DDR' : 'L2_CXL',
        capacityBytes: k === 0 ? fastUnits * unitBytes : Infinity,
        costPerGiBMonth: 1,
        readLatencyNs: unloadedLatencyNs,
        writeLatencyNs: unloadedLatencyNs,
        readBytesPerSecond: bytesPerSecond,
        writeBytesPerSecond: bytesPerSecond,
      })),
    );
  }

  /** Lets an interval pass with this load and moves; returns the share the faster tier serves. */
  pass(loop: ClosedLoop, movedBytesPerSecond: number): number {
    const { store } = this;
    const popularity = this.#popularity;
    let share = 0;
    this.#accesses.fill(0);
    for (let unit = 0; unit < popularity.length; unit++) {
      const tier = store.tierOf(unit);
      if (tier === 0) share += popularity[unit];
      const seen = this.#around(this.#tracked * popularity[unit]);
      if (seen === 0) continue;
      store.access(unit, false, seen);
      this.#accesses[tier] += seen;
    }
    const tiers = loop.tiers.map((tier) => ({
      ...tier,
      // Copies wait like everybody else: they never take what is left to the last byte.
      backgroundBytesPerSecond: Math.min(
        (tier.backgroundBytesPerSecond ?? 0) + movedBytesPerSecond,
        maxBackground * tier.bytesPerSecond,
      ),
    }));
    this.state = solveClosedLoop({ ...loop, tiers }, [share, 1 - share]);
    return share;
  }

  snapshot(options: SnapshotOptions): ReturnType<MigrationTarget['snapshot']> {
    const loads = this.state.latencyNs.map((ns, k) => ({
      latencyNs: ns * (1 + this.#noise * (2 * this.#uniform() - 1)),
      accesses: this.#accesses[k],
    }));
    this.#balance = nextBalance(this.#balance, loads, this.store.tierStates());
    return { ...this.store.snapshot(options), latencyBalance: this.#balance };
  }

  tierStates(): TierState[] {
    return this.store.tierStates();
  }

  unitCounts(): number[] {
    return this.store.unitCounts();
  }

  move(unit: number, from: number, to: number): ReturnType<MigrationTarget['move']> {
    return this.store.move(unit, from, to);
  }

  heatLog2(unit: number): number {
    return this.store.heatLog2(unit);
  }

  /** A number of accesses as a sampling tracker would see: the expected one, with its noise. */
  #around(expected: number): number {
    // Twelve uniform numbers are close enough to a normal one.
    let normal = -6;
    for (let i = 0; i < 12; i++) normal += this.#uniform();
    return Math.max(0, Math.round(expected + Math.sqrt(expected) * normal));
  }

  #uniform(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0;
    return (this.#random >>> 8) / 2 ** 24;
  }
}

/** GUPS: a share of `units` is hot and gets 90 % of the accesses, the others the rest. */
export function gupsPopularity(units: number, hotShare: number): Float64Array {
  const hot = Math.round(units * hotShare);
  return Float64Array.from({ length: units }, (_, unit) =>
    unit < units - hot ? 0.1 / (units - hot) : 0.9 / hot,
  );
}
