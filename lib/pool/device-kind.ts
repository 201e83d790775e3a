/** What memory a pool's devices are, and what is simulated about it. */

import { realpathSync, statfsSync, statSync } from 'node:fs';
import { TierError } from '../errors.ts';
import { nativeBinding } from '../native.ts';
import type { DaxDescription } from '../tiers/machine-description.ts';
import type { Limit } from '../tiers/tier.ts';

/**
 * What is behind a device's path. `memory`: ordinary memory of this host (tmpfs, hugetlbfs, a memfd). `file`: a file
 * system on a drive. `device`: a devdax device of unknown kind.
 */
export type PoolMedium = 'cxl' | 'pmem' | 'device' | 'memory' | 'file' | 'unknown';

/** Numbers of file systems that are memory, see statfs(2). */
const memoryFileSystems: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x958458f6, 'hugetlbfs'],
  [0x858458f6, 'ramfs'],
]);

/** A path's medium, with words for people. */
export interface PoolMediumReport {
  readonly medium: PoolMedium;
  readonly detail: string;
}

function ofDevice(path: string, dax: readonly DaxDescription[]): PoolMediumReport {
  const found = dax.find((device) => device.path === path);
  if (found?.origin === 'cxl') return { medium: 'cxl', detail: 'CXL memory' };
  if (found?.origin === 'pmem') return { medium: 'pmem', detail: 'persistent memory' };
  return { medium: 'device', detail: 'a device whose memory is not known to be CXL' };
}

/** Looks at a path, and at `dax` only if it is a device. Never throws: what cannot be looked at is `unknown`. */
export function poolMedium(path: string, dax: () => readonly DaxDescription[]): PoolMediumReport {
  try {
    if (statSync(path).isCharacterDevice()) return ofDevice(realpathSync(path), dax());
    const name = memoryFileSystems.get(statfsSync(path).type);
    if (name === undefined) return { medium: 'file', detail: 'a file on a drive' };
    return { medium: 'memory', detail: `ordinary memory (${name})` };
  } catch {
    return { medium: 'unknown', detail: 'not there' };
  }
}

/** The dax devices of this machine. Looks at all of it: some milliseconds. */
export function daxDevices(): readonly DaxDescription[] {
  const native = nativeBinding();
  return native instanceof TierError ? [] : native.describeMachine('').dax;
}

/** What about a pool on these devices is not shared CXL memory. */
export function poolLimits(
  devices: readonly (PoolMediumReport & { readonly path: string })[],
): Limit[] {
  return devices
    .filter(({ medium }) => medium !== 'cxl')
    .map(({ path, detail }) => ({
      what: `pool on ${path}`,
      reason: `This is ${detail}, and not a CXL device: latency, bandwidth and what survives are its own`,
      hint: 'Name a devdax device of CXL memory, e.g. /dev/dax0.0; `memory-tiers topology` lists what is here.',
    }));
}
