/**
 * SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) in 32-bit halves: BigInt would be a hundred times slower, and
 * streams that others publish are drawn from exactly this generator.
 */

/** Largest modulus of {@link SplitMix64.below}: remainders are multiplied, and 52 bits of a double hold that. */
export const maxModulus: number = 2 ** 26;

/** High 32 bits of the product of two unsigned 32-bit numbers, the second in halves of 16 bits. */
function high(a: number, bHigh: number, bLow: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  // Neither sum passes 2^32: (2^16 - 1)^2 + 2^16 - 1 is below it.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) | 0;
}

/** `value` mod `modulus` for integers below 2^52; `%` on such doubles is a call. */
function remainder(value: number, modulus: number): number {
  const rest = value - modulus * Math.floor(value / modulus);
  if (rest < 0) return rest + modulus;
  return rest < modulus ? rest : rest - modulus;
}

/** One stream. After {@link next} its 64-bit output can be read in several forms. */
export class SplitMix64 {
  #stateHigh = 0;
  #stateLow = 0;
  #high = 0;
  #low = 0;

  /** @param seed - an integer in [0, 2^53) */
  constructor(seed: number) {
    this.reset(seed);
  }

  /** Starts again from a seed; with `stream` above 0 as another sequence of the same seed. */
  reset(seed: number, stream = 0): this {
    this.#stateHigh = Math.floor(seed / 2 ** 32) ^ Math.imul(stream, 0x9e3779b1);
    this.#stateLow = seed | 0;
    return this;
  }

  /** Draws the next output. */
  next(): this {
    const sum = (this.#stateLow >>> 0) + 0x7f4a7c15;
    this.#stateLow = sum | 0;
    this.#stateHigh = (this.#stateHigh + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0)) | 0;
    let h = this.#stateHigh;
    let l = this.#stateLow;
    l ^= (l >>> 30) | (h << 2);
    h ^= h >>> 30;
    h = (high(l, 0x1ce4, 0xe5b9) + Math.imul(l, 0xbf58476d) + Math.imul(h, 0x1ce4e5b9)) | 0;
    l = Math.imul(l, 0x1ce4e5b9);
    l ^= (l >>> 27) | (h << 5);
    h ^= h >>> 27;
    h = (high(l, 0x1331, 0x11eb) + Math.imul(l, 0x94d049bb) + Math.imul(h, 0x133111eb)) | 0;
    l = Math.imul(l, 0x133111eb);
    this.#low = l ^ ((l >>> 31) | (h << 1));
    this.#high = h ^ (h >>> 31);
    return this;
  }

  /** Upper half of the last output, unsigned. */
  get upper(): number {
    return this.#high >>> 0;
  }

  /** Lower half of the last output, unsigned. */
  get lower(): number {
    return this.#low >>> 0;
  }

  /** The last output as a number in [0, 1): its upper 53 bits. */
  unit(): number {
    return (this.#high >>> 0) * 2 ** -32 + (this.#low >>> 11) * 2 ** -53;
  }

  /** The last output mod `modulus`, an integer from 1 to {@link maxModulus}. */
  below(modulus: number): number {
    if ((modulus & (modulus - 1)) === 0) return this.#low & (modulus - 1);
    const step = remainder(2 ** 32, modulus);
    const upper = remainder(this.#high >>> 0, modulus);
    return remainder(upper * step + (this.#low >>> 0), modulus);
  }
}
