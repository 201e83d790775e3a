/** Taking a pool away. */

import { lstat, unlink } from 'node:fs/promises';
import { invalidType, TierError } from '../errors.ts';
import { checkKeys, checkObject } from '../tiers/option-checks.ts';
import type { PoolBinding } from './pool-binding.ts';
import { poolError } from './pool-error.ts';
import { checkPoolDevices, type PoolDeviceOptions } from './pool-options.ts';

/** Options of `CxlMemoryPool.destroy`. */
export interface PoolDestroyOptions {
  /**
   * Remove the files of a pool that has members: these go on with what they have mapped, and nobody else finds it. Does
   * not apply to devices.
   *
   * @default false
   */
  readonly force?: boolean;
}

async function isRegularFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch {
    return false;
  }
}

/** Takes a pool away. See `CxlMemoryPool.destroy`. */
export async function destroyPool(
  native: PoolBinding,
  devices: readonly (string | PoolDeviceOptions)[],
  options: PoolDestroyOptions,
): Promise<void> {
  const checked = checkPoolDevices(devices);
  checkKeys('options', checkObject('options', options), ['force']);
  const { force = false } = options;
  if (typeof force !== 'boolean') throw invalidType('force', 'a boolean', force);
  const regular = await Promise.all(checked.map(({ path }) => isRegularFile(path)));
  try {
    await native.destroyPool(checked);
  } catch (error) {
    const busy = error instanceof TierError && error.code === 'ERR_TIER_BUSY';
    if (!(busy && force && regular.every(Boolean))) throw poolError(error);
  }
  await Promise.all(checked.filter((_, i) => regular[i]).map(({ path }) => unlink(path)));
}
