/** Opening a pool, and telling whether what was opened is what was asked for. */

import { TierError } from '../errors.ts';
import { requireNative } from '../native.ts';
import type { NativePool } from './pool-binding.ts';
import { withPoolError } from './pool-error.ts';
import { checkPoolOpen, type PoolOpenOptions } from './pool-options.ts';

/** Bytes of the values that are read without a native buffer. */
export const scratchBytes: number = 64 * 1024;

/** What a pool that was there has, and `options` do not say. */
function difference(native: NativePool, options: PoolOpenOptions): string | undefined {
  const { name, replicas, coherence } = native.describe();
  if (options.name !== undefined && options.name !== name) {
    return `has the name "${name}", not "${options.name}"`;
  }
  if (options.replicas !== undefined && options.replicas !== replicas) {
    return `has ${replicas} replicas, not ${options.replicas}`;
  }
  if (options.coherence !== undefined && options.coherence !== coherence) {
    return `has ${coherence} coherence, not ${options.coherence}`;
  }
  return undefined;
}

/** Opens a pool as `options` say. See `CxlMemoryPool.open`. */
export async function openNativePool(
  options: PoolOpenOptions,
  scratch: ArrayBuffer,
): Promise<NativePool> {
  const config = checkPoolOpen(options);
  const native = await withPoolError(requireNative().openPool(config, scratch));
  const other = difference(native, options);
  if (other === undefined) return native;
  native.close();
  throw new TierError('ERR_TIER_UNAVAILABLE', `The pool on ${config.devices[0].path} ${other}.`, {
    hint: 'Leave the option out to take the pool as it is.',
  });
}
