/** Measures tiers where they lie. */

import type { CalibrationResult } from '../memory/heap-binding.ts';
import { chunkBytes, type NativeBinding } from '../native.ts';
import { formatBytes } from './byte-size.ts';
import { wholeSteps } from './capacity.ts';
import type { BackendConfig, Tier, TierName } from './tier.ts';
import { withMeasurement } from './tier-spec.ts';

/** How long and over how much memory to measure. */
export interface CalibrateOptions {
  /**
   * Bytes per backend, at least 2 MiB. Less than the CPU's caches hold measures the caches.
   *
   * @default 256 MiB, or the backend's capacity when that is less
   */
  readonly bytes?: number;
  /**
   * About how long each backend is measured.
   *
   * @default 1000
   */
  readonly durationMs?: number;
}

/** What calibration found out about one tier. */
export interface TierCalibration {
  readonly name: TierName;
  /** One result per backend; empty when none could be measured. */
  readonly results: readonly CalibrationResult[];
  /** Why something was left out, or should not be taken at face value. */
  readonly notes: readonly string[];
}

/** A working set of fewer cache sizes than this is served from the cache to a good part. */
const cacheMultiple = 4;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function combine(results: readonly CalibrationResult[]): CalibrationResult {
  const of = (key: keyof CalibrationResult): number => mean(results.map((result) => result[key]));
  return {
    readLatencyNs: of('readLatencyNs'),
    readLatencyIqrNs: of('readLatencyIqrNs'),
    readBytesPerSecond: of('readBytesPerSecond'),
    writeBytesPerSecond: of('writeBytesPerSecond'),
    workingSetBytes: of('workingSetBytes'),
  };
}

async function measure(
  native: NativeBinding,
  config: BackendConfig,
  { bytes, durationMs }: Required<CalibrateOptions>,
): Promise<CalibrationResult> {
  const workingSet = wholeSteps(Math.min(bytes, config.capacityBytes));
  // Backends may round up to their own alignment.
  const heap = native.openHeap({ reserveBytes: workingSet + 8 * chunkBytes });
  try {
    const backend = heap.addBackend({ ...config, capacityBytes: workingSet });
    return await heap.calibrate(backend, workingSet, durationMs);
  } finally {
    heap.close();
  }
}

function cacheNote(result: CalibrationResult, cacheBytes: number): string[] {
  const { workingSetBytes } = result;
  if (workingSetBytes >= cacheMultiple * cacheBytes) return [];
  const sizes = `${formatBytes(workingSetBytes)} measured, ${formatBytes(cacheBytes)} of cache`;
  return [`figures include the CPU's caches: ${sizes}`];
}

/**
 * Measures every backend of the real ones of `tiers`, one after the other, in memory of its own that is
 * given back at once. A tier of several backends gets their mean. A simulated tier keeps the figures of its
 * class: those of the memory that stands in for it would make all tiers alike. A backend that fails is
 * noted, not thrown.
 */
export async function calibrateTiers(
  native: NativeBinding,
  tiers: readonly Tier[],
  cacheBytes: number,
  options: Required<CalibrateOptions>,
): Promise<{ readonly tiers: Tier[]; readonly calibrations: TierCalibration[] }> {
  const calibrated: Tier[] = [];
  const calibrations: TierCalibration[] = [];
  for (const tier of tiers) {
    const { name } = tier;
    if (tier.kind === 'simulated') {
      calibrated.push(tier);
      calibrations.push({
        name,
        results: [],
        notes: ['simulated: keeps the figures of its class'],
      });
      continue;
    }
    const results: CalibrationResult[] = [];
    const notes = new Set<string>();
    for (const config of tier.backends) {
      try {
        const result = await measure(native, config, options);
        results.push(result);
        if (config.kind !== 'file')
          for (const note of cacheNote(result, cacheBytes)) notes.add(note);
      } catch (error) {
        notes.add(`not measured: ${(error as Error).message}`);
      }
    }
    const spec = results.length === 0 ? tier.spec : withMeasurement(tier.spec, combine(results));
    calibrated.push({ ...tier, spec });
    calibrations.push({ name, results, notes: [...notes] });
  }
  return { tiers: calibrated, calibrations };
}
