/** Data of a private memory as a value of a pool. */

import type { StoredData } from '../memory/data.ts';
import type { Handle } from '../memory/handle.ts';
import type { CxlMemoryPool } from './cxl-memory-pool.ts';
import type { PoolPutOptions } from './pool-operations.ts';

/** Options of `TieredMemory.publish`. */
export interface PublishOptions extends PoolPutOptions {
  /** The pool's key for it. @default the key here, a number as its digits */
  readonly as?: string;
}

/** Puts a copy of a handle's data into a pool, of the type it was stored as. As `CxlMemoryPool.put`. */
export async function publishHandle(
  handle: Handle,
  pool: CxlMemoryPool,
  key: string,
  options: PoolPutOptions,
): Promise<number | undefined> {
  // Leases show these two as plain bytes.
  if (handle.type === 'string' || handle.type === 'ArrayBuffer') {
    return pool.put(key, handle.read(), options);
  }
  // Large data is copied off this thread: it stays where and as it is meanwhile.
  const lease = handle.lease();
  try {
    return await pool.put(key, lease.view as Exclude<StoredData, string>, options);
  } finally {
    lease.dispose();
  }
}
