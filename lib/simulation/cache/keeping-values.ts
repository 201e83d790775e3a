/**
 * What it is worth to keep a unit: the hits to be expected for the time it takes up room, up to the age at which it had
 * best be given up. It is the hit density of LHD (Beckmann, Chen and Cidon, NSDI 2018), with the horizon chosen for each
 * class and age instead of the mean lifetime in the cache.
 */

import { ageBins, ageLengths } from '../../policy/use-class.ts';

/**
 * Hits an access of waiting, `[useClass * ageBins + ageBin]`.
 *
 * @param shares - probability that a unit at the start of a bin of age is used before its end, in the same order
 */
export function keepingValues(shares: Float64Array): Float64Array {
  const values = new Float64Array(shares.length);
  // Spans of age that no better horizon divides, the youngest on top: hits, time and who is left, of who enters a span.
  const hits = new Float64Array(ageBins);
  const time = new Float64Array(ageBins);
  const left = new Float64Array(ageBins);
  for (let first = 0; first < shares.length; first += ageBins) {
    let spans = 0;
    for (let bin = ageBins - 1; bin >= 0; bin--) {
      const share = shares[first + bin];
      let h = share;
      // Who is used in a bin is so half-way through it.
      let t = (1 - share / 2) * ageLengths[bin];
      let l = 1 - share;
      // It pays to wait on while the span that follows has more hits for its time.
      while (spans > 0 && hits[spans - 1] * t >= h * time[spans - 1]) {
        spans--;
        h += l * hits[spans];
        t += l * time[spans];
        l *= left[spans];
      }
      hits[spans] = h;
      time[spans] = t;
      left[spans++] = l;
      values[first + bin] = h / t;
    }
  }
  return values;
}
