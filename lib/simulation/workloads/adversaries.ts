/** Streams made to break policies: sweeps, alternating hot sets, floods of keys that never come back. */

import { PageStream, type PageStreamSettings } from './page-stream.ts';
import { SplitMix64 } from './split-mix.ts';
import { type ZipfSettings, ZipfStream } from './zipf-streams.ts';

/** Settings of {@link Loop}. */
export interface LoopSettings extends PageStreamSettings {
  /** Share of the pages that is swept; 1 for a scan of everything. */
  readonly share: number;
}

/** Reads the same run of pages in order, over and over. One just larger than a tier defeats recency in it. */
export class Loop extends PageStream {
  readonly #length: number;

  constructor(settings: LoopSettings) {
    super(settings);
    this.#length = Math.max(1, Math.round(settings.unitCount * settings.share));
  }

  protected override keyOf(index: number): number {
    return index % this.#length;
  }
}

/** Settings of {@link PingPong}. */
export interface PingPongSettings extends PageStreamSettings {
  /** Accesses until the other set is hot. */
  readonly period: number;
  /** Share of the pages that each set has. */
  readonly hotShare: number;
}

/** Two hot sets take turns with nine of ten accesses: some period makes an eager policy move all the time. */
export class PingPong extends PageStream {
  readonly #random: SplitMix64;
  readonly #period: number;
  readonly #hot: number;

  constructor(settings: PingPongSettings) {
    super(settings);
    this.#random = new SplitMix64(settings.seed);
    this.#period = settings.period;
    this.#hot = Math.max(1, Math.floor(settings.unitCount * settings.hotShare));
  }

  protected override keyOf(index: number): number {
    const hot = this.#random.next().below(100) < 90;
    this.#random.next();
    if (!hot) return this.#random.below(this.unitCount);
    const set = (Math.floor(index / this.#period) % 2) + 1;
    return Math.max(0, this.unitCount - set * this.#hot) + this.#random.below(this.#hot);
  }
}

/** Settings of {@link OneHitFlood}. */
export interface OneHitSettings extends ZipfSettings {
  /** Share of the accesses that go to a new key. */
  readonly floodShare: number;
}

/** A Zipf stream among new keys that are used once. */
export class OneHitFlood extends ZipfStream {
  readonly #floodShare: number;
  readonly #draw: SplitMix64;
  #newKey: number;

  constructor(settings: OneHitSettings) {
    super(settings);
    this.#floodShare = settings.floodShare;
    this.#draw = new SplitMix64(0).reset(settings.seed, 2);
    this.#newKey = settings.unitCount;
  }

  protected override keyOf(index: number): number {
    return this.#draw.next().unit() < this.#floodShare ? this.#newKey++ : super.keyOf(index);
  }
}
