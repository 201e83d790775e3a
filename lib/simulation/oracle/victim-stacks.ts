/** The units of each tier, the ones to give up first on top. */

import type { RecencyList } from '../cache/recency-list.ts';
import { UnitList } from '../unit-list.ts';

/** Those of which nothing is expected lie on top of those of which little is, the longest idle first. */
export class VictimStacks {
  readonly #stacks: readonly UnitList[];

  /**
   * @param tierOf by unit
   * @param ranked the units of which something is expected, best first; some may be in none of the tiers
   * @param density by unit: what a byte of it is worth; 0 for those not in `ranked`
   * @param recency the units in tiers
   */
  constructor(
    tiers: number,
    tierOf: Readonly<Uint8Array>,
    ranked: Readonly<Uint32Array>,
    density: Readonly<Float64Array>,
    recency: RecencyList,
  ) {
    this.#stacks = Array.from({ length: tiers }, () => new UnitList());
    for (const unit of ranked) if (tierOf[unit] < tiers) this.#stacks[tierOf[unit]].push(unit);
    for (const unit of recency.newestFirst()) {
      if (density[unit] === 0) this.#stacks[tierOf[unit]].push(unit);
    }
  }

  /** Takes the top unit off; -1 when there is none. */
  pop(tier: number): number {
    const stack = this.#stacks[tier];
    return stack.length === 0 ? -1 : stack.units[--stack.length];
  }

  push(tier: number, unit: number): void {
    this.#stacks[tier].push(unit);
  }
}
