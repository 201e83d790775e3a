/**
 * Plays a workload on modelled tiers: the tracker's counts, the policy and the engine are those of a program; only
 * the bytes are missing and time is modelled. Deterministic: the same workload and options give the same result.
 */

import { DataMigrationEngine } from '../migration/data-migration-engine.ts';
import type { Decision } from '../migration/decision.ts';
import type { EngineStats, MoveRecord } from '../migration/engine-stats.ts';
import { type CostModel, defaultCosts } from '../policy/cost-model.ts';
import type { Policy } from '../policy/policy.ts';
import { AccessPrice } from './access-price.ts';
import { KeyTable } from './key-table.ts';
import { ModelledStore, type ModelledTier, type TierTally } from './modelled-store.ts';
import type { TraceBatch } from './trace-parser.ts';
import { WindowMeter, type Windows } from './window-meter.ts';
import type { Workload } from './workload.ts';

/** Options of {@link simulate}. */
export interface SimulationOptions {
  /** Fastest first. The last is taken to be unbounded. */
  readonly tiers: readonly ModelledTier[];
  readonly policy: Policy;
  /** Default: the costs of this library's own moves. */
  readonly costs?: CostModel | undefined;
  /** Requests between two plans. Default: 0.2 % of the units the fastest tier holds, at least 4. */
  readonly interval?: number | undefined;
  /** Units one plan considers. Default: four a request of an interval up to 100 of them, then one; at least 128. */
  readonly maxUnits?: number | undefined;
  /** Bytes moved a second at most, in modelled time. Default: no limit. */
  readonly bytesPerSecond?: number | undefined;
  /**
   * Share of the time of moves that the program waits for, for the modelled clock: 1 is in the foreground, 0 on
   * another core. Default 1.
   */
  readonly foreground?: number | undefined;
  /** The tracker sees one in this many requests; it counts for all of them. Default 1; Infinity: it sees nothing. */
  readonly sampleEvery?: number | undefined;
  readonly onMove?: ((move: MoveRecord) => void) | undefined;
  /** As the engine's: called with every plan and what it was made from, whose columns are used again. */
  readonly onDecision?: ((decision: Decision) => void) | undefined;
  /** Called after each batch with the requests played so far. */
  readonly onProgress?: ((requests: number) => void) | undefined;
}

/** What a simulation came to. Times are modelled nanoseconds. */
export interface SimulationResult {
  readonly workload: string;
  readonly policy: string;
  /** Requests of the workload; each stands for `weight` accesses. */
  readonly requests: number;
  readonly weight: number;
  readonly units: number;
  readonly footprintBytes: number;
  readonly interval: number;
  /** Average time of an access, moves not counted. */
  readonly accessNs: number;
  /** Time of moves, per access. */
  readonly moveNs: number;
  /** `accessNs` if everything were served by the fastest tier, and by the slowest. */
  readonly allFastNs: number;
  readonly allSlowNs: number;
  readonly tiers: readonly (TierTally & {
    readonly name: string;
    readonly capacityBytes: number;
  })[];
  readonly moves: number;
  readonly movedBytes: number;
  /** Over the run: the average time of an access, moves charged. */
  readonly windows: Windows;
  readonly engine: EngineStats;
}

const minInterval = 4;
const minUnits = 128;
/** With half as many, results on short traces begin to spread; a large memory has units enough to choose from. */
const unitsPerRequest = 4;
const requestsOfMany = 100;
/** Plans while the units the fastest tier holds are used once each. */
const plansPerTurn = 500;

/** One simulation. */
class Simulation {
  readonly #workload: Workload;
  readonly #options: SimulationOptions;
  readonly #store: ModelledStore;
  readonly #engine: DataMigrationEngine;
  readonly #meter: WindowMeter = new WindowMeter();
  readonly #keys = new KeyTable();
  readonly #foreground: number;
  readonly #sampleEvery: number;
  readonly #fastest: AccessPrice;
  readonly #slowest: AccessPrice;
  readonly #weight: number;
  #nowNs = 0;
  #requests = 0;
  #interval: number;
  #untilPlan: number;
  #untilSample = 1;
  #random = 1;
  #footprintBytes = 0;
  #fastNs = 0;
  #slowNs = 0;

  constructor(workload: Workload, options: SimulationOptions) {
    const tiers = options.tiers.map((tier, index) =>
      index < options.tiers.length - 1 ? tier : { ...tier, capacityBytes: Infinity },
    );
    const costs = options.costs ?? defaultCosts;
    this.#workload = workload;
    this.#weight = workload.weight;
    this.#fastest = new AccessPrice(tiers[0], costs);
    this.#slowest = new AccessPrice(tiers[tiers.length - 1], costs);
    this.#options = options;
    this.#foreground = options.foreground ?? 1;
    this.#sampleEvery = options.sampleEvery ?? 1;
    this.#store = new ModelledStore(tiers, costs);
    this.#interval = options.interval ?? minInterval;
    if (!(this.#interval >= 1)) {
      throw new RangeError(`options.interval is a number of requests, not ${this.#interval}`);
    }
    this.#untilPlan = this.#interval;
    this.#engine = new DataMigrationEngine({
      target: this.#store,
      policy: options.policy,
      clock: () => this.#nowNs,
      bytesPerSecond: options.bytesPerSecond ?? Infinity,
      onMove: options.onMove,
      onDecision: options.onDecision,
    });
  }

  async run(): Promise<SimulationResult> {
    for await (const batch of this.#workload.batches()) {
      for (let row = 0; row < batch.length; ) {
        row = this.#play(batch, row);
        if (this.#untilPlan === 0) await this.#plan();
      }
      this.#options.onProgress?.(this.#requests);
    }
    return this.#result();
  }

  /** Plays the rows of a batch from `start` until a plan is due, and returns the row behind the last. */
  #play({ key, sizeBytes, write, length }: TraceBatch, start: number): number {
    const end = Math.min(length, start + this.#untilPlan);
    for (let row = start; row < end; row++) {
      this.#request(key[row], sizeBytes[row], write[row] === 1);
    }
    this.#requests += end - start;
    this.#untilPlan -= end - start;
    return end;
  }

  #request(key: number, sizeBytes: number, write: boolean): void {
    const known = this.#keys.size;
    const unit = this.#keys.add(key);
    if (unit === known) this.#create(sizeBytes);
    const weight = this.#weight;
    const ns = this.#store.access(unit, write, weight, this.#seen() * weight);
    this.#nowNs += ns;
    this.#meter.add(ns, weight);
    this.#fastNs += weight * this.#fastest.ns(sizeBytes, write);
    this.#slowNs += weight * this.#slowest.ns(sizeBytes, write);
  }

  /** How many requests the tracker takes this one for: 0 when it does not see it. */
  #seen(): number {
    if (this.#sampleEvery === 1) return 1;
    if (this.#sampleEvery === Infinity) return 0;
    if (--this.#untilSample > 0) return 0;
    // Gaps of random length: a fixed stride would beat with loops in the workload.
    this.#random = Math.imul(this.#random, 1_664_525) + 1_013_904_223;
    this.#untilSample = 1 + ((this.#random >>> 8) % Math.max(1, 2 * this.#sampleEvery - 1));
    return this.#sampleEvery;
  }

  #create(bytes: number): void {
    const tier = this.#store.place(this.#options.policy, {
      bytes,
      tierHint: -1,
      accessPattern: 'unknown',
    });
    this.#store.create(bytes, tier);
    this.#footprintBytes += bytes;
  }

  async #plan(): Promise<void> {
    const before = this.#store.moveNs;
    await this.#engine.step({ maxUnits: this.#maxUnits() });
    const ns = this.#store.moveNs - before;
    this.#nowNs += ns * this.#foreground;
    this.#meter.charge(ns);
    if (this.#options.interval === undefined) this.#adaptInterval();
    this.#untilPlan = this.#interval;
  }

  #maxUnits(): number {
    const { maxUnits, policy, onDecision } = this.#options;
    // Listing them for nobody would be most of what a baseline without moves takes.
    if (policy.usesUnits === false && onDecision === undefined) return 1;
    const more = (unitsPerRequest - 1) * Math.min(requestsOfMany, this.#interval);
    return maxUnits ?? Math.max(minUnits, this.#interval + more);
  }

  /** By the units the fastest tier holds, as far as units have been seen. */
  #adaptInterval(): void {
    const meanBytes = this.#footprintBytes / this.#keys.size;
    const fast = this.#options.tiers[0].capacityBytes / meanBytes;
    this.#interval = Math.max(minInterval, Math.round(fast / plansPerTurn));
  }

  #result(): SimulationResult {
    const { policy, tiers } = this.#options;
    const accesses = this.#requests * this.#workload.weight;
    const served = this.#store.served;
    return {
      workload: this.#workload.name,
      policy: policy.name,
      requests: this.#requests,
      weight: this.#workload.weight,
      units: this.#keys.size,
      footprintBytes: this.#footprintBytes,
      interval: this.#interval,
      accessNs: served.reduce((sum, tier) => sum + tier.accessNs, 0) / accesses,
      moveNs: this.#store.moveNs / accesses,
      allFastNs: this.#fastNs / accesses,
      allSlowNs: this.#slowNs / accesses,
      tiers: tiers.map(({ name, capacityBytes }, k) => ({ name, capacityBytes, ...served[k] })),
      moves: this.#store.moves,
      movedBytes: served.reduce((sum, tier) => sum + tier.bytesIn, 0),
      windows: this.#meter.windows(),
      engine: this.#engine.stats(),
    };
  }
}

/**
 * Plays a workload. Memory grows with the distinct keys (about 80 bytes each), not with the accesses.
 *
 * @throws TierError what reading a trace throws
 */
export async function simulate(
  workload: Workload,
  options: SimulationOptions,
): Promise<SimulationResult> {
  return await new Simulation(workload, options).run();
}
