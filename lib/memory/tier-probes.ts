/**
 * A chunk of our own on each tier of memory, to measure the latency of: small beside what the tier holds, and nobody
 * else's. What can be opened a second time gets a backend for it beside its budget; a device is opened once, and its
 * chunk counts against the tier's budget.
 */

import { TierError } from '../errors.ts';
import { chunkBytes } from '../native.ts';
import type { BackendConfig, TierName } from '../tiers/tier.ts';
import type { BackendSet } from './backend-set.ts';
import type { LatencySample } from './heap-binding.ts';

/** A tier that is not measured, and why. */
export interface UnmeasuredTier {
  readonly name: TierName;
  readonly reason: string;
}

/** What a latency watch measures by. */
export interface TierMeter {
  /** Tiers that can be measured, by index, fastest first. */
  readonly tiers: readonly number[];
  /** The others. */
  readonly unmeasured: readonly UnmeasuredTier[];
  /** One of `tiers`, off the main thread. Rejects when it cannot be measured now. */
  measure(tier: number): Promise<LatencySample>;
  /** Gives back what it measures by. Nothing is measured any more. */
  close(): void;
}

/** Probes of one store. */
export class TierProbes implements TierMeter {
  readonly tiers: readonly number[];
  readonly unmeasured: readonly UnmeasuredTier[];
  readonly #set: BackendSet;
  /** First chunk of each tier's probe. */
  readonly #chunks: Map<number, number> = new Map();
  readonly #ownRuns: Set<number> = new Set();

  /** Takes 2 MiB on each tier that can be measured. Never throws: what is refused is in `unmeasured`. */
  constructor(set: BackendSet) {
    this.#set = set;
    const unmeasured: UnmeasuredTier[] = [];
    set.tiers.forEach(({ name }, tier) => {
      const reason = this.#open(tier);
      if (reason !== undefined) unmeasured.push({ name, reason });
    });
    this.tiers = [...this.#chunks.keys()];
    this.unmeasured = unmeasured;
  }

  measure(tier: number): Promise<LatencySample> {
    const chunk = this.#chunks.get(tier);
    if (chunk === undefined) throw new RangeError(`tier ${tier} is not measured`);
    return this.#set.heap.measureLatency(chunk);
  }

  close(): void {
    for (const chunk of this.#chunks.values()) {
      // The heap counts only what it gave; the budget has only what was charged to it.
      if (this.#ownRuns.has(chunk)) this.#set.heap.free(chunk);
      else this.#set.releaseRun(chunk, 1);
    }
    this.#chunks.clear();
  }

  /** Why the tier cannot be measured; undefined when it can. */
  #open(tier: number): string | undefined {
    if (this.#set.tiers[tier].kind === 'simulated') return 'it is simulated in ordinary memory';
    const backend = this.#set.ofTier[tier].find(({ config }) => isMemory(config));
    if (backend === undefined)
      return 'it is behind the page cache, and what waits for a drive is not balanced';
    const { heap } = this.#set;
    const { config } = backend;
    try {
      if (config.kind === 'dax' || config.kind === 'file' || config.kind === 'pool') {
        this.#chunks.set(tier, this.#set.takeRun(backend, 1));
        return undefined;
      }
      const chunk = heap.allocate(heap.addBackend({ ...config, capacityBytes: chunkBytes }), 1);
      this.#ownRuns.add(chunk);
      this.#chunks.set(tier, chunk);
      return undefined;
    } catch (error) {
      if (!(error instanceof TierError)) throw error;
      return error.message;
    }
  }
}

/** Whether loads reach the backend's bytes without the page cache. */
function isMemory(config: BackendConfig): boolean {
  return config.kind !== 'file' || config.dax === true;
}
