/** Random updates with a hot set at the end of the pages, as in HeMem's `gups`: nine of ten accesses hit it. */

import { PageStream, type PageStreamSettings } from './page-stream.ts';
import { SplitMix64 } from './split-mix.ts';

const hotPercent = 90;

/** Settings of {@link Gups}. */
export interface GupsSettings extends PageStreamSettings {
  /** Share of the pages that are hot. */
  readonly hotShare: number;
  /** Percent of the hot set that is replaced at half time; 0: none. */
  readonly shiftPercent: number;
}

/**
 * A part of the hot set moves to the pages before it at half time; all of it moves to the middle. So does the
 * published stream that the defaults are equal to.
 */
export class Gups extends PageStream {
  readonly #random: SplitMix64;
  readonly #hot: number;
  readonly #moving: number;
  readonly #movedTo: number;
  readonly #shiftAt: number;

  constructor(settings: GupsSettings) {
    super(settings);
    const { unitCount, seed, hotShare, shiftPercent, accesses } = settings;
    this.#random = new SplitMix64(seed);
    this.#hot = Math.max(1, Math.floor(unitCount * hotShare));
    this.#moving = Math.floor((this.#hot * shiftPercent) / 100);
    const target = shiftPercent === 100 ? Math.floor(unitCount / 2) - this.#hot : undefined;
    this.#movedTo = Math.max(0, target ?? unitCount - 2 * this.#hot);
    this.#shiftAt = Math.floor(accesses / 2);
  }

  protected override keyOf(index: number): number {
    const hot = this.#random.next().below(100) < hotPercent;
    this.#random.next();
    if (!hot) return this.#random.below(this.unitCount);
    const page = this.#random.below(this.#hot);
    const moved = index >= this.#shiftAt && page < this.#moving;
    return (moved ? this.#movedTo : this.unitCount - this.#hot) + page;
  }
}
