/** Figures of a pool. */

import type { Limit } from '../tiers/tier.ts';
import { daxDevices, type PoolMedium, poolLimits, poolMedium } from './device-kind.ts';
import type { NativePool, PoolDescription, PoolDeviceReport, PoolFigures } from './pool-binding.ts';

/** A device of a pool. */
export interface PoolDeviceStats extends PoolDeviceReport {
  readonly medium: PoolMedium;
}

/** What `CxlMemoryPool.stats` tells. */
export interface PoolStats extends PoolDescription {
  /** `real`: all its devices are CXL memory. */
  readonly kind: 'real' | 'simulated';
  /** Of the devices that are not lost. */
  readonly capacityBytes: number;
  /** Of the capacity: what no member owns. */
  readonly freeBytes: number;
  readonly devices: readonly PoolDeviceStats[];
  /** Of this member. */
  readonly own: PoolFigures;
  /** What about it is not shared CXL memory, why, and what helps. */
  readonly limits: readonly Limit[];
}

function sum(devices: readonly PoolDeviceReport[], figure: 'capacityBytes' | 'freeBytes'): number {
  return devices.reduce(
    (total, device) => total + (device.state === 'lost' ? 0 : device[figure]),
    0,
  );
}

/** Figures of an open pool. Looks at each device's path: some 0.1 ms, and some milliseconds where one is a device. */
export function poolStats(native: NativePool): PoolStats {
  const reports = native.devices();
  const media = reports.map((device) => ({
    path: device.path,
    ...poolMedium(device.path, daxDevices),
  }));
  return {
    ...native.describe(),
    kind: media.every(({ medium }) => medium === 'cxl') ? 'real' : 'simulated',
    capacityBytes: sum(reports, 'capacityBytes'),
    freeBytes: sum(reports, 'freeBytes'),
    devices: reports.map((device, i) => ({ ...device, medium: media[i].medium })),
    own: native.figures(),
    limits: poolLimits(media),
  };
}
