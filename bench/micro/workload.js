/** Deterministic inputs of the micro benchmarks. */

/** SplitMix64 (Steele et al., OOPSLA 2014) as doubles in [0, 1): the stream is the same on every run. */
export function randomStream(seed) {
  let state = BigInt.asUintN(64, BigInt(seed));
  return () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    z ^= z >> 31n;
    return Number(z >> 11n) / 2 ** 53;
  };
}

/**
 * `count` ranks in [0, items) with Zipf's distribution, theta 0.99, each rank scattered over the items, as YCSB's
 * scrambled Zipfian generator does (Cooper et al., SoCC 2010; Gray et al., SIGMOD 1994).
 */
export function zipfRanks(items, count, seed = 1, theta = 0.99) {
  let zeta = 0;
  for (let i = 1; i <= items; i++) zeta += i ** -theta;
  const zeta2 = 1 + 2 ** -theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / items) ** (1 - theta)) / (1 - zeta2 / zeta);
  const random = randomStream(seed);
  const scatter = permutation(items, seed + 1);
  const ranks = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const u = random();
    const uz = u * zeta;
    const rank =
      uz < 1
        ? 0
        : uz < zeta2
          ? 1
          : Math.min(items - 1, Math.floor(items * (eta * u - eta + 1) ** alpha));
    ranks[i] = scatter[rank];
  }
  return ranks;
}

/** A random order of 0..items-1. */
function permutation(items, seed) {
  const random = randomStream(seed);
  const order = Uint32Array.from({ length: items }, (_, i) => i);
  for (let i = items - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Keys of 24 characters, as an application's are: a prefix and a padded number. */
export function makeKeys(count) {
  return Array.from({ length: count }, (_, i) => `object:${String(i).padStart(17, '0')}`);
}

/** `length` bytes that depend on `seed`. */
export function makeValue(seed, length) {
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = seed + i * 31;
  return value;
}
