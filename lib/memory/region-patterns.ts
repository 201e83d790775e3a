/**
 * How the parts of a region are used: what its owner declared, else what the accesses that were reported look like.
 * Reports come from `touch`, which is no hot path; one takes 0.1 us more for this.
 */

import { chunkBytes } from '../native.ts';
import type { AccessPattern } from '../policy/policy.ts';
import { neverAccessed } from '../tracking/heat.ts';
import { StreamClassifier } from '../tracking/stream-classifier.ts';
import { UsagePatterns } from '../tracking/usage-patterns.ts';
import type { LargeObject } from './large-object.ts';

/** A pattern and where it is known from. */
export interface KnownPattern {
  readonly pattern: AccessPattern;
  readonly source: 'declared' | 'seen';
}

const pageBytes = 4096;

/** The pattern of a region or large value; undefined while nothing is known. */
export function patternOfLarge({ declared, usage }: LargeObject): KnownPattern | undefined {
  if (declared !== 'unknown') return { pattern: declared, source: 'declared' };
  const pattern = usage?.patternOf(0) ?? 'unknown';
  return pattern === 'unknown' ? undefined : { pattern, source: 'seen' };
}

/** Watches the regions of one store: their pages are one space of positions. */
export class RegionPatterns {
  readonly #streams: StreamClassifier = new StreamClassifier();

  /** A part of a region is about to be used. Tell it before the access is counted. */
  saw(object: LargeObject, byteOffset: number, byteLength: number, write: boolean): void {
    const from = object.firstChunk * chunkBytes + byteOffset;
    const page = Math.floor(from / pageBytes);
    const pages = Math.ceil((from + byteLength) / pageBytes) - page;
    const index = Math.min(object.chunks - 1, Math.floor(byteOffset / chunkBytes));
    const isFirst =
      object.heat[index] === neverAccessed &&
      object.reads[index] === 0 &&
      object.writes[index] === 0;
    object.usage ??= new UsagePatterns();
    object.usage.add(0, this.#streams.access(page, Math.max(1, pages)), write, isFirst);
  }
}
