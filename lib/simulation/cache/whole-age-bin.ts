/** Bins of ages that are counted in accesses, for where a logarithm for each of many units takes too long. */

import { ageBins } from '../../policy/use-class.ts';

/** Where the upper half of an octave begins. */
const middles = Float64Array.from({ length: 32 }, (_, octave) => 2 ** (octave + 0.5));

/** `ageBin` of a whole number of accesses. */
export function wholeAgeBin(age: number): number {
  if (age < 2) return 0;
  if (age >= 2 ** 30) return ageBins - 1;
  const octave = 31 - Math.clz32(age);
  return 2 * octave + (age > middles[octave] ? 1 : 0);
}
