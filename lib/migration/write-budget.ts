/**
 * What drives may be written, so that they last: a token bucket for each tier with a rated endurance. Moves are planned
 * within what is left; what the program writes itself takes from the same bucket and is never refused.
 */

import type { TierState } from '../policy/policy.ts';
import type { TierName } from '../tiers/tier.ts';

/** A tier with a rating, and what was written to it since the start. */
export interface TierEndurance {
  readonly tier: TierName;
  /** Bytes a day its drives are rated for. */
  readonly ratedBytesPerDay: number;
  /** Copied to it by moves; a chunk that goes back to a place where its bytes still are takes nothing. */
  readonly movedBytes: number;
  /** Written by the program, and by closing holes in the tier, as far as that is known. */
  readonly writtenBytes: number;
  /** What moves may write now. Below zero: overdrawn by the program, or by moves nobody could put off. */
  readonly leftBytes: number;
}

const secondsPerDay = 86_400;
/**
 * The bucket holds this much of the rate, and always a few chunks. Long enough for a working set to change places, and
 * short enough that a day of bursts is not twice the day's rating.
 */
const burstSeconds = 3600;
const minBurstBytes: number = 8 * 2 ** 20;
/** Overdrawn by more than a day's worth, it is forgiven: a program that fills its drive at the start may move again. */
const maxDebtSeconds: number = secondsPerDay;

interface Bucket {
  readonly name: TierName;
  readonly tier: number;
  readonly bytesPerDay: number;
  readonly burstBytes: number;
  tokens: number;
  movedBytes: number;
  writtenBytes: number;
}

/** The buckets of one engine. Times are nanoseconds from the caller's clock, which may stand still but not go back. */
export class WriteBudget {
  readonly #buckets: readonly Bucket[];
  readonly #tiers: number;
  #lastNs: number;

  /** Starts full. A tier without a rating has no limit. */
  constructor(tiers: readonly TierState[], nowNs: number) {
    this.#tiers = tiers.length;
    this.#lastNs = nowNs;
    this.#buckets = tiers.flatMap(({ name, writeBytesPerDay }, tier) => {
      if (writeBytesPerDay === undefined || !(writeBytesPerDay < Infinity)) return [];
      const burstBytes = Math.max(minBurstBytes, seconds(writeBytesPerDay, burstSeconds));
      const counts = { tokens: burstBytes, movedBytes: 0, writtenBytes: 0 };
      return [{ name, tier, bytesPerDay: writeBytesPerDay, burstBytes, ...counts }];
    });
  }

  /** By tier: bytes that moves may write now, never negative; undefined when no tier has a rating. */
  left(nowNs: number): readonly number[] | undefined {
    if (this.#buckets.length === 0) return undefined;
    this.#earn(nowNs);
    const left = new Array<number>(this.#tiers).fill(Infinity);
    for (const { tier, tokens } of this.#buckets) left[tier] = Math.max(0, tokens);
    return left;
  }

  /** A move copied `bytes` to `tier`. */
  moved(tier: number, bytes: number): void {
    const bucket = this.#buckets.find((one) => one.tier === tier);
    if (bucket === undefined) return;
    bucket.movedBytes += bytes;
    spend(bucket, bytes);
  }

  /** By tier, what was written besides moves since the start. */
  written(totals: readonly number[]): void {
    for (const bucket of this.#buckets) {
      const bytes = totals[bucket.tier] - bucket.writtenBytes;
      bucket.writtenBytes += bytes;
      spend(bucket, bytes);
    }
  }

  /** The tiers with a rating, fastest first. */
  stats(nowNs: number): TierEndurance[] {
    this.#earn(nowNs);
    return this.#buckets.map(({ name, bytesPerDay, movedBytes, writtenBytes, tokens }) => ({
      tier: name,
      ratedBytesPerDay: bytesPerDay,
      movedBytes,
      writtenBytes,
      leftBytes: tokens,
    }));
  }

  #earn(nowNs: number): void {
    const elapsed = Math.max(0, nowNs - this.#lastNs) * 1e-9;
    this.#lastNs = Math.max(this.#lastNs, nowNs);
    for (const bucket of this.#buckets) {
      const earned = seconds(bucket.bytesPerDay, elapsed);
      bucket.tokens = Math.min(bucket.burstBytes, bucket.tokens + earned);
    }
  }
}

function seconds(bytesPerDay: number, count: number): number {
  return (bytesPerDay / secondsPerDay) * count;
}

function spend(bucket: Bucket, bytes: number): void {
  const floor = -seconds(bucket.bytesPerDay, maxDebtSeconds);
  bucket.tokens = Math.max(floor, bucket.tokens - bytes);
}
