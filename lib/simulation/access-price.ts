/** What an access to a tier takes, remembered for the size asked for last: most units are as large as the one before. */

import { accessNs, type CostModel, type TierSpeed } from '../policy/cost-model.ts';

/** Prices of one tier: {@link accessNs} without its divisions. */
export class AccessPrice {
  readonly #tier: TierSpeed;
  readonly #costs: CostModel;
  #bytes = -1;
  #readNs = 0;
  #writeNs = 0;

  constructor(tier: TierSpeed, costs: CostModel) {
    this.#tier = tier;
    this.#costs = costs;
  }

  /** Modelled time of one access to a unit of `bytes` bytes. */
  ns(bytes: number, write: boolean): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#readNs = accessNs(this.#tier, bytes, 0, this.#costs);
      this.#writeNs = accessNs(this.#tier, bytes, 1, this.#costs);
    }
    return write ? this.#writeNs : this.#readNs;
  }
}
