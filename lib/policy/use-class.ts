/**
 * What is known of a unit's past in a few bits: how often it was used of late, how long it was unused before its last
 * use, and how long it has been unused since. Units that agree in all three are expected to go on alike.
 */

/** Octaves of recent uses told apart: 1, 2, up to 5, 10, 20... */
const countBins = 12;
/** Gaps told apart: none yet, below 2^8 accesses, below 2^12, ... in steps of 16. */
const gapBins = 7;
const gapMinLog2 = 4;
const gapOctaves = 4;

/** Classes of a unit at its last use. */
export const useClasses: number = countBins * gapBins;
/** What a unit is in whose uses were not seen yet: stored and not read, or only read when nobody looked. */
export const unseenClass: number = useClasses;
/** All of them. */
export const unitClasses: number = useClasses + 1;
/** Half-octaves of time since the last use, from one access up; the last is open. */
export const ageBins = 60;

/** Accesses at the lower edge of a bin of age; `ageEdge(ageBins)` ends the last. */
export function ageEdge(bin: number): number {
  return 2 ** (bin / 2);
}

/** Length of each bin of age, in accesses. */
export const ageLengths: Float64Array = Float64Array.from(
  { length: ageBins },
  (_, bin) => ageEdge(bin + 1) - ageEdge(bin),
);

/** By octave, where its upper half begins. */
const upperHalves: Float64Array = Float64Array.from({ length: ageBins / 2 }, (_, octave) =>
  ageEdge(2 * octave + 1),
);
const oldest: number = ageEdge(ageBins);

/** Bin of a time since the last use. Asked for every unit of a plan: a logarithm would be most of the work. */
export function ageBin(accesses: number): number {
  if (!(accesses > 1)) return 0;
  if (accesses >= oldest) return ageBins - 1;
  const octave = 31 - Math.clz32(accesses);
  return accesses >= upperHalves[octave] ? 2 * octave + 1 : 2 * octave;
}

/** Bin of the gap before a use; 0 is for the first use, which has none. */
export function gapBin(accesses: number): number {
  if (accesses === Infinity) return 0;
  let bin = 1;
  while (bin < gapBins - 1 && accesses >= gapEdges[bin]) bin++;
  return bin;
}

/** By bin, the gap at which the next one begins. */
const gapEdges: readonly number[] = Array.from(
  { length: gapBins },
  (_, bin) => 2 ** (gapMinLog2 + gapOctaves * bin),
);

/** Class of a unit whose decayed count was 2^`usesLog2` (1 or more) at its last use, after a gap of bin `gap`. */
export function useClass(usesLog2: number, gap: number): number {
  return countBin(usesLog2) * gapBins + gap;
}

/** Bin of the count of a class. */
export function countBinOf(useClass: number): number {
  return Math.floor(useClass / gapBins);
}

/** Classes that share a bin of the count, as a range. */
export function classesOfCount(bin: number): { readonly first: number; readonly end: number } {
  return { first: bin * gapBins, end: (bin + 1) * gapBins };
}

/** Bins of the count. */
export const useCounts: number = countBins;

/** Class after the next use, when that comes at an age in `bin` and counts halve in `halfLifeAccesses`. */
export function nextUseClass(from: number, bin: number, halfLifeAccesses: number): number {
  if (from === unseenClass) return useClass(0, 0);
  const gap = ageEdge(bin + 0.5);
  const uses = typicalUses[countBinOf(from)] * 2 ** (-gap / halfLifeAccesses) + 1;
  return useClass(Math.log2(uses), gapBin(gap));
}

const typicalUses = Array.from({ length: countBins }, (_, bin) =>
  bin < 2 ? bin + 1 : 3.5 * 2 ** (bin - 2),
);

/** Below 1.5 uses, below 2.5, then an octave each. */
const onceLog2: number = Math.log2(1.5);
const twiceLog2: number = Math.log2(2.5);

function countBin(usesLog2: number): number {
  if (!(usesLog2 >= onceLog2)) return 0;
  if (usesLog2 < twiceLog2) return 1;
  return Math.min(countBins - 1, 2 + Math.floor(usesLog2 - twiceLog2));
}
