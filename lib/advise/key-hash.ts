/** Spatial hashing: a key is in a sample or not by its hash alone, so that all accesses to it are. */

/** Hashes lie in [0, this). */
export const hashRange: number = 2 ** 32;

/** A well-mixed hash of an integer in [0, 2^53): in [0, {@link hashRange}). */
export function keyHash(key: number): number {
  // Both multiplications of MurmurHash3's finaliser, over each half: neighbouring keys share no bits.
  let x = mix(Math.floor(key / 2 ** 32) ^ 0x7f4a7c15);
  x = mix((key | 0) ^ Math.imul(x, 0x9e3779b1));
  return x >>> 0;
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
