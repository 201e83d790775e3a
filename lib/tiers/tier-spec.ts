/** Puts a tier's figures together. The user's word beats firmware, firmware beats the defaults. */

import type { CalibrationResult } from '../memory/heap-binding.ts';
import type { NodeFigures } from './node-class.ts';
import type { Figure, FigureSource, TierName, TierSpec } from './tier.ts';
import { defaultSpecs, driveWritesPerDay } from './tier-defaults.ts';
import { specKeys, type TierSpecOptions } from './tier-options.ts';

type Values = { readonly [Key in keyof TierSpec]?: number | null | undefined };

/** `spec` with every figure replaced that `values` has; figures the user set stay. */
export function withFigures(spec: TierSpec, values: Values, source: FigureSource): TierSpec {
  const replaced: Record<string, Figure | undefined> = { ...spec };
  for (const key of specKeys) {
    const value = values[key];
    if (value === undefined || value === null) continue;
    if (spec[key]?.source === 'user' && source !== 'user') continue;
    replaced[key] = { value, source };
  }
  return replaced as unknown as TierSpec;
}

/**
 * The figures of a tier before anything is measured. `firmware` is `null` for a tier without hardware, `driveBytes` the
 * size of the drive that wears out under it, if one does.
 */
export function composeSpec(
  name: TierName,
  firmware: NodeFigures | null,
  user: TierSpecOptions | undefined,
  driveBytes?: number,
): TierSpec {
  const assumed =
    driveBytes === undefined
      ? defaultSpecs[name]
      : withFigures(
          defaultSpecs[name],
          { writeBytesPerDay: driveWritesPerDay * driveBytes },
          'default',
        );
  const known = firmware === null ? assumed : withFigures(assumed, firmware, 'firmware');
  return user === undefined ? known : withFigures(known, user, 'user');
}

/** `spec` with what was measured. A write's latency was not: it keeps its ratio to a read's. */
export function withMeasurement(spec: TierSpec, measured: CalibrationResult): TierSpec {
  const writeRatio = spec.writeLatencyNs.value / spec.readLatencyNs.value;
  return withFigures(
    spec,
    {
      readLatencyNs: measured.readLatencyNs,
      writeLatencyNs: measured.readLatencyNs * writeRatio,
      readBytesPerSecond: measured.readBytesPerSecond,
      writeBytesPerSecond: measured.writeBytesPerSecond,
    },
    'measured',
  );
}
