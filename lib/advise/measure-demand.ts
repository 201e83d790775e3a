/** Plays a workload twice and tells how much room its accesses need: exactly when it is small, else by a sample. */

import { invalidValue } from '../errors.ts';
import { defaultCosts } from '../policy/cost-model.ts';
import type { Workload } from '../simulation/workload.ts';
import type { AccessMass } from './access-mass.ts';
import { curveSpread } from './curve-error.ts';
import { HotKeys } from './hot-keys.ts';
import { hashRange, keyHash } from './key-hash.ts';
import { KeySampler, type SampledDemand, type StreamTotals } from './key-sampler.ts';
import { SampleThreshold } from './sample-threshold.ts';

/** Options of {@link measureDemand}. */
export interface DemandOptions {
  /**
   * Keys to follow; a workload with no more is measured exactly. About 220 bytes each; when there are more, twice
   * that, and up to 1,024 of the hottest are followed besides. Default 1,048,576.
   */
  readonly maxKeys?: number | undefined;
  /** Share of the keys to follow, above 0 and at most 1; fewer when `maxKeys` says so. Default 1. */
  readonly rate?: number | undefined;
  /** Bytes an access touches at most. Default: as the costs of this library say. */
  readonly accessBytes?: number | undefined;
  /** Called after each batch with the requests read, in both passes together. */
  readonly onProgress?: ((requests: number) => void) | undefined;
}

/** How much of a workload's accesses which room serves. */
export interface Demand extends SampledDemand {
  readonly workload: string;
  /** Share of the keys that is sampled, besides the hottest, which are all followed; 1: every key is. */
  readonly rate: number;
  /** Accesses one request stands for. */
  readonly weight: number;
  readonly requests: number;
  /** All requests of the second half: what times are modelled for. */
  readonly late: AccessMass;
  /** The same from disjoint parts of the sample alone; none when every key was followed. */
  readonly parts: readonly SampledDemand[];
  /** Mean absolute error of a share of the requests on the curve, estimated from the parts; 0 without. */
  readonly error: { readonly recency: number; readonly frequency: number };
}

/** Disjoint parts of a sample: enough for a standard error, few enough for each to see the curve. */
const partCount = 8;

/** Keys counted at a time to find the hottest: none with more than one in 8,192 of the requests is missed. */
const hotSlots = 8192;

interface Survey {
  readonly requests: number;
  readonly threshold: number;
  /** Keys that are followed in any case. */
  readonly hot: ReadonlySet<number>;
}

async function survey(
  workload: Workload,
  maxKeys: number,
  rate: number,
  onProgress: (requests: number) => void,
): Promise<Survey> {
  const sample = new SampleThreshold(maxKeys, rate);
  const hotKeys = new HotKeys(hotSlots);
  let requests = 0;
  for await (const { key, length } of workload.batches()) {
    for (let row = 0; row < length; row++) {
      sample.add(keyHash(key[row]));
      hotKeys.add(key[row]);
    }
    requests += length;
    onProgress(requests);
  }
  const threshold = sample.finish();
  const hot = threshold < hashRange ? hotKeys.hottest(Math.min(1024, maxKeys)) : new Set<number>();
  return { requests, threshold, hot };
}

interface Samples {
  readonly all: SampledDemand;
  readonly parts: readonly SampledDemand[];
  readonly late: AccessMass;
}

async function sample(
  workload: Workload,
  { requests, threshold, hot }: Survey,
  accessBytes: number,
  onProgress: (requests: number) => void,
): Promise<Samples> {
  const rate = threshold / hashRange;
  const all = new KeySampler(accessBytes);
  const parts = Array.from({ length: rate < 1 ? partCount : 0 }, () => new KeySampler(accessBytes));
  /** Reads and writes of each half, then the bytes they touch and the bytes of their units. */
  const sums = [new Float64Array(5), new Float64Array(5)];
  const middle = Math.floor(requests / 2);
  let done = 0;
  for await (const { key, sizeBytes, write, length } of workload.batches()) {
    for (let row = 0; row < length; row++) {
      const half = done++ < middle ? 0 : 1;
      const size = sizeBytes[row];
      const sum = sums[half];
      sum[write[row]]++;
      sum[2 + write[row]] += Math.min(size, accessBytes);
      sum[4] += size;
      if (hot.has(key[row])) {
        all.add(key[row], size, write[row], half, 1);
        for (const part of parts) part.add(key[row], size, write[row], half, 1);
        continue;
      }
      const hash = keyHash(key[row]);
      if (hash >= threshold) continue;
      all.add(key[row], size, write[row], half, 1 / rate);
      // The threshold compares high bits: the lowest ones divide the sample evenly.
      if (rate < 1) parts[hash % partCount].add(key[row], size, write[row], half, partCount / rate);
    }
    onProgress(requests + done);
  }
  const [early, late] = sums.map(([reads, writes, readBytes, writeBytes, unitBytes]) => ({
    reads,
    writes,
    readBytes,
    writeBytes,
    unitBytes,
  }));
  const totals: StreamTotals = { halves: [early, late] };
  return {
    all: all.finish(totals),
    parts: parts.map((part) => part.finish(totals)),
    late,
  };
}

/**
 * Measures a workload. Time: two passes, and O(log keys) for each access to a key that is followed. Memory: by
 * `maxKeys`, whatever the workload's size.
 *
 * The error of a sample is estimated from eight disjoint parts of it, told apart by bits of the hash. Two halves would
 * do, but one difference says little about the spread: on real traces it was up to twelve times too small.
 *
 * @throws RangeError for options out of range
 * @throws TierError what reading a trace throws, and when a key changes its size
 */
export async function measureDemand(
  workload: Workload,
  options: DemandOptions = {},
): Promise<Demand> {
  const { maxKeys = 2 ** 20, rate = 1, accessBytes = defaultCosts.accessBytes } = options;
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 16 || maxKeys > 2 ** 27) {
    throw invalidValue('maxKeys', 'a whole number from 16 to 134217728', maxKeys);
  }
  if (!(rate > 0 && rate <= 1)) {
    throw invalidValue('rate', 'a share above 0 and at most 1', rate);
  }
  const onProgress = options.onProgress ?? (() => {});
  const surveyed = await survey(workload, maxKeys, rate, onProgress);
  const { all, parts, late } = await sample(workload, surveyed, accessBytes, onProgress);
  const { requests } = surveyed;
  const error = (name: 'recency' | 'frequency'): number =>
    curveSpread(
      parts.map((part) => part[name]),
      requests,
      all.footprintBytes,
    );
  return {
    ...all,
    workload: workload.name,
    rate: surveyed.threshold / hashRange,
    weight: workload.weight,
    requests,
    late,
    parts,
    error: { recency: error('recency'), frequency: error('frequency') },
  };
}
