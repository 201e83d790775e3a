/**
 * Holds promotions back while they do not bring what they take: to ever less of the pace they had, but never to none, so
 * that it shows when they pay again. Demotions are not its business: a promotion that is not made sends nobody away.
 */

import { RateLimiter } from './rate-limiter.ts';

/** Of what promotions take they bring back: below this share their pace halves, from this one on it recovers by a tenth. */
const poorPayback = 0.5;
const goodPayback = 0.75;
const minFactor: number = 1 / 64;
/** The pace is that of about so many rounds. */
const paceRounds = 32;

/** The brake of one engine. Times are as for {@link RateLimiter}. */
export class SelfStop {
  #factor = 1;
  /** Bytes a second when it began to hold back. */
  #basePace = 0;
  #limiter: RateLimiter | undefined;
  #paceBytes = 0;
  #paceNs = 0;
  #roundBytes = 0;
  #roundAtNs: number;

  constructor(nowNs: number) {
    this.#roundAtNs = nowNs;
  }

  /** 1, or the share of their earlier pace that promotions have, down to 1/64. */
  get factor(): number {
    return this.#factor;
  }

  /** Bytes that may be promoted now; undefined when nothing is held back. */
  available(nowNs: number): number | undefined {
    return this.#limiter?.available(nowNs);
  }

  /** Bytes were promoted. */
  spend(bytes: number): void {
    this.#roundBytes += bytes;
    this.#limiter?.spend(bytes);
  }

  /** Adapts to `BenefitLedger.paybackShare`; called once a round that moved something. */
  adapt(paybackShare: number, nowNs: number): void {
    this.#notePace(nowNs);
    if (paybackShare < poorPayback) {
      if (this.#factor === 1) this.#basePace = this.#pace;
      this.#setFactor(Math.max(minFactor, this.#factor / 2), nowNs);
    } else if (paybackShare >= goodPayback && this.#factor < 1) {
      this.#setFactor(Math.min(1, this.#factor * 1.1), nowNs);
    }
  }

  #setFactor(factor: number, nowNs: number): void {
    if (factor === this.#factor) return;
    this.#factor = factor;
    const before = this.#limiter;
    const rate = this.#basePace * factor;
    this.#limiter = factor < 1 && rate > 0 ? new RateLimiter(rate, nowNs) : undefined;
    // It does not begin with a full bucket each time.
    if (before === undefined || this.#limiter === undefined) return;
    this.#limiter.spend(Math.max(0, this.#limiter.available(nowNs) - before.available(nowNs)));
  }

  get #pace(): number {
    return this.#paceNs > 0 ? (this.#paceBytes / this.#paceNs) * 1e9 : 0;
  }

  #notePace(nowNs: number): void {
    const kept = 1 - 1 / paceRounds;
    this.#paceNs = this.#paceNs * kept + Math.max(0, nowNs - this.#roundAtNs);
    this.#paceBytes = this.#paceBytes * kept + this.#roundBytes;
    this.#roundBytes = 0;
    this.#roundAtNs = Math.max(this.#roundAtNs, nowNs);
  }
}
