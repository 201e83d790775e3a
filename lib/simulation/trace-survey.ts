/** The first pass over a trace: which keys it has, how large each is, and what they need together. */

import { TierError } from '../errors.ts';
import { KeyTable } from './key-table.ts';
import { type ReadTraceOptions, readTrace } from './trace-reader.ts';
import type { TraceSource } from './trace-source.ts';

/** Options of {@link surveyTrace}. */
export interface SurveyOptions extends ReadTraceOptions {
  /** Sizes are divided by this and rounded up, at least 1 byte. Default 1. */
  readonly sizeDivisor?: number | undefined;
  /** Called after each batch with the requests seen so far. */
  readonly onProgress?: ((requests: number) => void) | undefined;
}

/** What a trace holds. */
export interface TraceSurvey {
  readonly requests: number;
  readonly writes: number;
  /** Distinct keys, numbered by first appearance. */
  readonly keys: KeyTable;
  /** Size of each key by its number, after the division; may be longer than `keys.size`. */
  readonly sizeBytes: Float64Array;
  /** Sum of the sizes of all keys. */
  readonly footprintBytes: number;
  readonly largestBytes: number;
}

/** Reads a whole trace. Throws `ERR_TIER_TRACE`, also when a key changes its size. */
export async function surveyTrace(
  source: TraceSource,
  options: SurveyOptions = {},
): Promise<TraceSurvey> {
  const divisor = options.sizeDivisor ?? 1;
  const keys = new KeyTable();
  let sizes = new Float64Array(1024);
  let requests = 0;
  let writes = 0;
  let footprintBytes = 0;
  let largestBytes = 0;
  for await (const batch of readTrace(source, options)) {
    for (let row = 0; row < batch.length; row++) {
      const size = Math.ceil(batch.sizeBytes[row] / divisor);
      const known = keys.size;
      const index = keys.add(batch.key[row]);
      if (index === known) {
        if (index === sizes.length) {
          const larger = new Float64Array(sizes.length * 2);
          larger.set(sizes);
          sizes = larger;
        }
        sizes[index] = size;
        footprintBytes += size;
        if (size > largestBytes) largestBytes = size;
      } else if (sizes[index] !== size) {
        throw new TierError(
          'ERR_TIER_TRACE',
          `${source.name}, line ${batch.firstLine + row}: key ${batch.key[row]} has ${batch.sizeBytes[row]} ` +
            'bytes here and another size before; a key must keep its size.',
        );
      }
      writes += batch.write[row];
    }
    requests += batch.length;
    options.onProgress?.(requests);
  }
  return { requests, writes, keys, sizeBytes: sizes, footprintBytes, largestBytes };
}
