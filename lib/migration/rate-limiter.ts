/** How many bytes migration may move: a token bucket. */

import type { TierState } from '../policy/policy.ts';

/** damo's default quota for DAMON-based tiering. */
const defaultBytesPerSecond = 200e6;
/** Share of the slowest tier's write bandwidth that migration may take. */
const slowTierShare = 0.1;
/** The bucket holds a second's worth, and always a few chunks: less than a unit would starve it for ever. */
const burstSeconds = 1;
const minBurstBytes: number = 8 * 2 ** 20;

/** min(200 MB/s, 10 % of the slowest tier's write bandwidth). */
export function defaultRate(tiers: readonly TierState[]): number {
  const slowest = tiers[tiers.length - 1];
  if (slowest === undefined) return defaultBytesPerSecond;
  return Math.min(defaultBytesPerSecond, slowTierShare * slowest.writeBytesPerSecond);
}

/** A token bucket in bytes. Times are nanoseconds from the caller's clock, which may stand still but not go back. */
export class RateLimiter {
  readonly bytesPerSecond: number;
  readonly #burstBytes: number;
  #tokens: number;
  #lastNs: number;

  /** Starts full. `bytesPerSecond` is positive, or `Infinity` for no limit. */
  constructor(bytesPerSecond: number, nowNs: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.#burstBytes = Math.max(bytesPerSecond * burstSeconds, minBurstBytes);
    this.#tokens = this.#burstBytes;
    this.#lastNs = nowNs;
  }

  /** Bytes that may be moved now. */
  available(nowNs: number): number {
    const elapsedNs = Math.max(0, nowNs - this.#lastNs);
    this.#lastNs = Math.max(this.#lastNs, nowNs);
    // Infinity * 0 is NaN, but a burst of Infinity is already full.
    if (this.#tokens < this.#burstBytes) {
      const earned = this.bytesPerSecond * elapsedNs * 1e-9;
      this.#tokens = Math.min(this.#burstBytes, this.#tokens + earned);
    }
    return Math.max(0, this.#tokens);
  }

  /** Pays for bytes that were moved. May go into debt when more was moved than was available. */
  spend(bytes: number): void {
    this.#tokens -= bytes;
  }
}
