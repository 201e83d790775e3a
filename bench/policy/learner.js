/**
 * What learning costs on streams of equally large units: a learner that counts every access exactly, takes a unit up the
 * moment that this is expected to pay for itself, and is told how long the run still lasts. No program knows that; what
 * is left between it and an oracle that knows the popularity beforehand is the price of finding out, and of moving. Where
 * it sees only one request in some, the rest of the way to itself is the price of sampling.
 */

import { moveNs } from '../../dist/policy/cost-model.js';
import { AccessPrice } from '../../dist/simulation/access-price.js';
import { SplitMix64 } from '../../dist/simulation/workloads/split-mix.js';

/** Times its cost that a move is expected to save: which is best depends on the stream, so all are tried. */
const hurdles = [0.5, 1, 2, 3, 4];

/** The least average time of an access over {@link hurdles}, moves charged. First come are fast, while there is room. */
export function learnerNs(log, tiers, costs, sampleEvery) {
  return Math.min(...hurdles.map((hurdle) => play(log, tiers, costs, hurdle, sampleEvery)));
}

function play(log, tiers, costs, hurdle, sampleEvery) {
  const { unit, write, length, unitCount, sizeBytes, weight } = log;
  const [fast, slow] = [tiers[0], tiers[tiers.length - 1]];
  const prices = [new AccessPrice(slow, costs), new AccessPrice(fast, costs)];
  const bytes = sizeBytes[0];
  const room = Math.floor(fast.capacityBytes / bytes);
  const pairNs = moveNs(slow, fast, bytes, costs) + moveNs(fast, slow, bytes, costs);
  const savedNs = weight * (prices[0].ns(bytes, false) - prices[1].ns(bytes, false));
  const random = new SplitMix64(1);
  const counts = new Uint32Array(unitCount);
  const hasCome = new Uint8Array(unitCount);
  const isFast = new Uint8Array(unitCount);
  const residents = new Residents(counts, isFast);
  let held = 0;
  let totalNs = 0;
  for (let row = 0; row < length; row++) {
    const one = unit[row];
    if (hasCome[one] === 0) {
      hasCome[one] = 1;
      if (held < room) {
        isFast[one] = 1;
        held++;
        residents.add(one);
      }
    }
    totalNs += weight * prices[isFast[one]].ns(bytes, write[row] === 1);
    if (sampleEvery > 1 && random.below(sampleEvery) > 0) continue;
    counts[one]++;
    if (isFast[one]) {
      residents.add(one);
      continue;
    }
    const least = residents.least();
    const share = ((counts[one] - counts[least]) * sampleEvery) / (row + 1);
    const savesNs = share * (length - row - 1) * savedNs;
    if (savesNs <= 0 || savesNs < hurdle * pairNs) continue;
    isFast[least] = 0;
    isFast[one] = 1;
    residents.add(one);
    totalNs += pairNs;
  }
  return totalNs / (length * weight);
}

/** Units of the fast tier by their count. A list may have units whose count has grown, or that have left. */
class Residents {
  #counts;
  #isFast;
  #lists = [];
  #least = 0;

  constructor(counts, isFast) {
    this.#counts = counts;
    this.#isFast = isFast;
  }

  add(unit) {
    const count = this.#counts[unit];
    this.#lists[count] ??= [];
    this.#lists[count].push(unit);
    this.#least = Math.min(this.#least, count);
  }

  /** One with the least count. */
  least() {
    for (;;) {
      const list = this.#lists[this.#least] ?? [];
      const unit = list[list.length - 1];
      if (unit === undefined) this.#least++;
      else if (this.#isFast[unit] && this.#counts[unit] === this.#least) return unit;
      else list.pop();
    }
  }
}
