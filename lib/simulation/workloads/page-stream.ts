/** What streams over a fixed number of equal pages have in common. */

import type { AccessGenerator, AccessRows } from './access-rows.ts';
import { SplitMix64 } from './split-mix.ts';

/** Settings of every page stream. */
export interface PageStreamSettings {
  readonly unitCount: number;
  readonly sizeBytes: number;
  /** Accesses after the load phase. */
  readonly accesses: number;
  readonly seed: number;
  /** Share of the accesses that write, 0..1. */
  readonly writeShare: number;
}

/** One key an operation. Keys and writes come from separate streams: the share of writes changes no key. */
export abstract class PageStream implements AccessGenerator {
  readonly unitCount: number;
  readonly #sizeBytes: number;
  readonly #writeShare: number;
  readonly #writes: SplitMix64;
  #index = 0;

  constructor(settings: PageStreamSettings) {
    this.unitCount = settings.unitCount;
    this.#sizeBytes = settings.sizeBytes;
    this.#writeShare = settings.writeShare;
    this.#writes = new SplitMix64(0).reset(settings.seed, 1);
  }

  sizeOf(_key: number): number {
    return this.#sizeBytes;
  }

  step(rows: AccessRows): void {
    const write = this.#writeShare > 0 && this.#writes.next().unit() < this.#writeShare ? 1 : 0;
    rows.add(this.keyOf(this.#index++), this.#sizeBytes, write);
  }

  /** The key of access `index`; asked once for each, in order. */
  protected abstract keyOf(index: number): number;
}
