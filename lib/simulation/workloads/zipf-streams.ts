/** Pages with Zipf's popularity: at rest, drifting, and with scans that must not push the popular ones out. */

import { PageStream, type PageStreamSettings } from './page-stream.ts';
import { SplitMix64 } from './split-mix.ts';
import { Scramble, ZipfRanks } from './zipf.ts';

/** Settings of the Zipf streams. */
export interface ZipfSettings extends PageStreamSettings {
  readonly theta: number;
}

/** Popularity that never changes; hot pages are scattered. */
export class ZipfStream extends PageStream {
  protected readonly accesses: number;
  readonly #random: SplitMix64;
  readonly #ranks: ZipfRanks;
  readonly #scramble: Scramble;

  constructor(settings: ZipfSettings) {
    super(settings);
    this.accesses = settings.accesses;
    this.#random = new SplitMix64(settings.seed);
    this.#ranks = new ZipfRanks(settings.unitCount, settings.theta);
    this.#scramble = new Scramble(settings.unitCount);
  }

  protected override keyOf(index: number): number {
    const rank = this.#ranks.rank(this.#random.next().unit());
    return this.#scramble.key(this.rankAt(rank, index));
  }

  /** The rank whose key access `index` gets, drawn as `rank`. */
  protected rankAt(rank: number, _index: number): number {
    return rank;
  }
}

/** Every twentieth of the run the ranks move on by a fiftieth of the pages: the most popular ones are new. */
export class ZipfDrift extends ZipfStream {
  protected override rankAt(rank: number, index: number): number {
    const phase = Math.floor(index / Math.max(1, Math.floor(this.accesses / 20)));
    return (rank + Math.floor(this.unitCount / 50) * phase) % this.unitCount;
  }
}

/** At every tenth of the run but the first a quarter of the pages is scanned, each scan where the last one ended. */
export class ZipfScan extends ZipfStream {
  protected override keyOf(index: number): number {
    const key = super.keyOf(index);
    const period = Math.max(1, Math.floor(this.accesses / 10));
    const scan = Math.floor(index / period);
    const scanned = Math.floor(this.unitCount / 4);
    const step = index - scan * period;
    if (scan === 0 || scan >= 10 || step >= scanned) return key;
    return (scanned * scan + step) % this.unitCount;
  }
}
