/**
 * How much room a trace's objects take in tiers: sizes are rounded up to slots, slots come in slabs of
 * 64 KiB units, large objects in chunks. Told before a replay starts rather than found in its middle.
 */

import {
  classIndex,
  maxSlabObjectBytes,
  sizeClasses,
  unitBytes,
  unitsPerChunk,
} from '../memory/size-classes.ts';
import { chunkBytes } from '../native.ts';
import type { TraceSurvey } from './trace-survey.ts';

/**
 * Slabs of several units need them side by side. Migration scatters the free units of full tiers, and 2 % was
 * enough for every trace tried (arrivals and moves of 512 B..68 KiB objects under `lru`).
 */
const scatterShare = 0.02;

/** Room that objects need. */
export interface Requirement {
  /** Bytes of slabs and chunks with every slab but the last of its class full. */
  readonly bytes: number;
  /** Bytes that partly filled slabs and the ends of tiers can cost on top, in all tiers together. */
  readonly fragmentationBytes: number;
}

/** Bytes an object of a size is charged at least, its share of a slab's remainder included. */
export function chargedBytes(sizeBytes: number): number {
  if (sizeBytes > maxSlabObjectBytes) return Math.ceil(sizeBytes / chunkBytes) * chunkBytes;
  const shape = sizeClasses[classIndex(sizeBytes)];
  return (shape.units * unitBytes) / shape.slots;
}

/** Room for all objects of a trace in `tierCount` tiers. */
export function requirement(survey: TraceSurvey, tierCount: number): Requirement {
  const objects = new Float64Array(sizeClasses.length);
  let bytes = 0;
  let largestRun = 0;
  for (let index = 0; index < survey.keys.size; index++) {
    const size = survey.sizeBytes[index];
    if (size <= maxSlabObjectBytes) {
      objects[classIndex(size)]++;
      continue;
    }
    const run = chargedBytes(size);
    bytes += run;
    largestRun = Math.max(largestRun, run);
  }
  let openSlabs = 0;
  let holes = 0;
  let fillers = 0;
  let scattered = 0;
  for (const [index, shape] of sizeClasses.entries()) {
    if (objects[index] === 0) continue;
    const slabs = Math.ceil(objects[index] / shape.slots);
    bytes += slabs * shape.units * unitBytes;
    openSlabs += shape.units * unitBytes;
    // A slab does not cross chunks: what is left of each is filled by slabs of one unit, if there are any.
    const slabsPerChunk = Math.floor(unitsPerChunk / shape.units);
    holes += Math.ceil(slabs / slabsPerChunk) * (unitsPerChunk % shape.units);
    if (shape.units === 1) fillers += slabs;
    else scattered += slabs * shape.units * unitBytes * scatterShare;
  }
  // Every tier but the last may end in a slab that is not full, and short of one more large object.
  const endOfTier = openSlabs + Math.max(0, largestRun - unitBytes);
  const unfilled = Math.max(0, holes - fillers) * unitBytes;
  return {
    bytes,
    fragmentationBytes: Math.ceil(endOfTier * (tierCount - 1) + unfilled + scattered),
  };
}
