/**
 * Latencies under load for a policy that balances them: measured in the background as often as the budget allows, and
 * made into the state of the search for the right split (policy/latency-balance.ts) before each plan.
 *
 * Balancing is for tiers of memory next to each other. Where fewer than two can be measured, and once measuring has
 * failed, there is no state, and the policy is the one it wraps.
 */

import { accessesByTier, initialBalance, nextBalance } from '../policy/latency-balance.ts';
import type { LatencyBalance, TierState, UnitColumns } from '../policy/policy.ts';
import type { Limit, Tier } from '../tiers/tier.ts';
import type { LatencySample } from './heap-binding.ts';
import type { TierMeter, UnmeasuredTier } from './tier-probes.ts';

/** What is known of one tier. */
export interface TierLatency {
  readonly name: string;
  /** Median of the last measurements that went into a plan. */
  readonly latencyNs: number;
  /** The quietest so far: what it is taken to be without load, unless it was calibrated. */
  readonly quietNs: number;
}

/** What measuring latencies does and costs. */
export interface LatencyStats {
  /** Tiers that are measured; empty when there is nothing to balance. */
  readonly tiers: readonly TierLatency[];
  /** The others, and why. */
  readonly unmeasured: readonly UnmeasuredTier[];
  readonly measurements: number;
  /** Milliseconds from one turn through the tiers to the next, as tuned last. */
  readonly intervalMs: number;
  /** CPU time so far as a share of one core. */
  readonly costShare: number;
  /** Tiers that answer later under their load than the next one, and are spared for it, or were not long ago. */
  readonly balanced: readonly string[];
  readonly errors: number;
  readonly lastError: string | undefined;
}

/** Options of {@link LatencyWatch}. */
export interface LatencyWatchOptions {
  /** Share of one core that measuring may cost. @default 0.001 */
  readonly overhead?: number | undefined;
  /** Monotonic nanoseconds. @default `performance.now` */
  readonly nowNs?: (() => number) | undefined;
}

const defaultOverhead = 0.001;
const minIntervalMs = 50;
const maxIntervalMs = 10_000;
/** What a measurement costs this thread besides: a task for the pool and its promise. */
const dispatchNs = 20_000;
/** Of the time between two plans, the newest measurements count. */
const maxSamples = 64;
/** Failures in a row after which it gives up. */
const maxFailures = 8;
/** A tier that was never quiet while it was watched is taken to be at most this many times slower than its figures. */
const maxQuietFactor = 2;

/** The watch of one store. */
export class LatencyWatch {
  readonly #tiers: readonly Tier[];
  readonly #meter: TierMeter;
  readonly #overhead: number;
  readonly #nowNs: () => number;
  readonly #startNs: number;
  /** By tier: measurements since the last plan, the newest last. */
  readonly #samples: number[][];
  readonly #latencyNs: number[];
  readonly #quietNs: number[];
  #balance: LatencyBalance;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs = minIntervalMs;
  #measurements = 0;
  #costNs = 0;
  #failures = 0;
  #errors = 0;
  #lastError: string | undefined;
  #state: 'measuring' | 'nothing to balance' | 'failed' | 'closed';

  /** Owns the meter. Begins to measure at once; its timer keeps no process alive. */
  constructor(tiers: readonly Tier[], meter: TierMeter, options: LatencyWatchOptions = {}) {
    this.#tiers = tiers;
    this.#meter = meter;
    this.#overhead = options.overhead ?? defaultOverhead;
    this.#nowNs = options.nowNs ?? (() => performance.now() * 1e6);
    this.#startNs = this.#nowNs();
    this.#samples = tiers.map(() => []);
    this.#latencyNs = tiers.map(() => 0);
    this.#quietNs = tiers.map(() => Infinity);
    this.#balance = initialBalance(tiers.length);
    const pairs = meter.tiers.some((tier) => meter.tiers.includes(tier + 1));
    this.#state = pairs ? 'measuring' : 'nothing to balance';
    if (!pairs) meter.close();
    this.#schedule();
  }

  /**
   * The state for a plan over these units; undefined when latencies are not known. What was measured counts once;
   * a dry run leaves everything as it is.
   */
  observe(
    units: Pick<UnitColumns, 'length' | 'tier' | 'reads' | 'writes'>,
    tiers: readonly TierState[],
    dryRun = false,
  ): LatencyBalance | undefined {
    if (this.#state !== 'measuring') return undefined;
    if (dryRun || this.#meter.tiers.some((tier) => this.#samples[tier].length === 0)) {
      return this.#balance;
    }
    for (const tier of this.#meter.tiers) {
      const latencyNs = median(this.#samples[tier].splice(0));
      this.#latencyNs[tier] = latencyNs;
      this.#quietNs[tier] = Math.min(this.#quietNs[tier], latencyNs);
    }
    const accesses = accessesByTier(units, tiers.length);
    const loads = accesses.map((count, k) => ({ latencyNs: this.#latencyNs[k], accesses: count }));
    const quiet = tiers.map((tier, k) => ({ ...tier, readLatencyNs: this.#unloadedNs(k) }));
    this.#balance = nextBalance(this.#balance, loads, quiet);
    return this.#balance;
  }

  /** Why latencies are not balanced; empty while they are measured. */
  limits(): Limit[] {
    if (this.#state === 'measuring' || this.#state === 'closed') return [];
    const hint = 'The policy places data as without latency balancing.';
    if (this.#state === 'failed') {
      return [{ what: 'Latency balancing', reason: `measuring failed: ${this.#lastError}`, hint }];
    }
    const reasons = this.#meter.unmeasured.map(({ name, reason }) => `${name}: ${reason}`);
    return [
      {
        what: 'Latency balancing',
        reason: ['no two tiers next to each other can be measured', ...reasons].join('; '),
        hint,
      },
    ];
  }

  stats(): LatencyStats {
    const elapsedNs = Math.max(1, this.#nowNs() - this.#startNs);
    const measured = this.#state === 'measuring' ? this.#meter.tiers : [];
    return {
      tiers: measured
        .filter((tier) => this.#latencyNs[tier] > 0)
        .map((tier) => ({
          name: this.#tiers[tier].name,
          latencyNs: this.#latencyNs[tier],
          quietNs: this.#quietNs[tier],
        })),
      unmeasured: this.#meter.unmeasured,
      measurements: this.#measurements,
      intervalMs: this.#intervalMs,
      costShare: this.#costNs / elapsedNs,
      balanced: this.#tiers
        .filter((_, k) => measured.length > 0 && this.#balance.pairs[k]?.engaged === true)
        .map(({ name }) => name),
      errors: this.#errors,
      lastError: this.#lastError,
    };
  }

  /** Stops. A measurement under way ends by itself. Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#state === 'measuring') this.#meter.close();
    this.#state = 'closed';
  }

  #schedule(): void {
    if (this.#state !== 'measuring') return;
    this.#timer = setTimeout(() => void this.#turn(), this.#intervalMs).unref();
  }

  /** Measures every tier once, one right after the other: they are compared. Never rejects. */
  async #turn(): Promise<void> {
    let costNs = 0;
    try {
      const measured: [number, LatencySample][] = [];
      for (const tier of this.#meter.tiers) {
        const sample = await this.#meter.measure(tier);
        if (this.#state !== 'measuring') return;
        measured.push([tier, sample]);
        costNs += sample.costNs + dispatchNs;
      }
      for (const [tier, { latencyNs }] of measured) {
        const samples = this.#samples[tier];
        if (samples.length === maxSamples) samples.shift();
        samples.push(latencyNs);
      }
      this.#measurements++;
      this.#failures = 0;
    } catch (error) {
      if (this.#state !== 'measuring') return;
      this.#failed(error);
    }
    this.#costNs += costNs;
    this.#pace(costNs);
    this.#schedule();
  }

  #failed(error: unknown): void {
    this.#errors++;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (++this.#failures < maxFailures) return;
    this.#state = 'failed';
    this.#meter.close();
  }

  /** After a costly turn, such as the first, longer; then by and by as short as the budget allows. */
  #pace(costNs: number): void {
    const wantedMs = costNs / this.#overhead / 1e6;
    const nextMs = Math.max(wantedMs, this.#intervalMs / 2);
    this.#intervalMs = Math.min(maxIntervalMs, Math.max(minIntervalMs, nextMs));
  }

  /** Latency without load: the figure of a tier that was calibrated, else the quietest there was, within reason. */
  #unloadedNs(tier: number): number {
    const { value, source } = this.#tiers[tier].spec.readLatencyNs;
    if (source === 'measured' || source === 'user') return value;
    return Math.max(value, Math.min(this.#quietNs[tier], maxQuietFactor * value));
  }
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}
