/** Opening leases and regions: what a pool has, in place. */

import { invalidValue } from '../errors.ts';
import {
  constructorCode,
  type StoredData,
  type TypedArray,
  type TypedArrayConstructor,
  type ViewOf,
  viewOf,
} from '../memory/data.ts';
import { regionBytes } from '../memory/region.ts';
import { checkPoolType } from './pool-data.ts';
import { PoolLease } from './pool-lease.ts';
import { PoolRegion } from './pool-region.ts';
import type { PoolSession } from './pool-session.ts';

/** See `CxlMemoryPool.borrow`. */
export function borrowValue<T extends StoredData>(
  session: PoolSession,
  key: string,
): PoolLease<ViewOf<T>> | undefined {
  session.checkKey(key);
  const { native } = session;
  const lease = session.call(() => native.borrow(key));
  if (lease === null) return undefined;
  const { buffer, kind, type } = lease;
  try {
    if (kind !== 'value') throw invalidValue('key', 'the key of a value', key);
    const { byteLength } = buffer;
    checkPoolType({ key, kind, type, byteLength });
    return new PoolLease(native, lease, viewOf(type, buffer, 0, byteLength) as ViewOf<T>);
  } catch (error) {
    native.release(lease.id);
    throw error;
  }
}

/** See `CxlMemoryPool.allocate`. */
export async function allocateRegion<V extends TypedArray>(
  session: PoolSession,
  key: string,
  type: TypedArrayConstructor<V>,
  length: number,
): Promise<PoolRegion<V>> {
  session.checkKey(key);
  const { native } = session;
  const code = constructorCode(type, 'type');
  const byteLength = regionBytes(type, length);
  // Deleted between the two steps: once more.
  for (;;) {
    const created = await session.track(() => native.makeRegion(key, byteLength));
    session.check();
    const lease = session.call(() => native.borrow(key));
    if (lease === null) continue;
    const { buffer } = lease;
    if (lease.kind === 'region' && buffer.byteLength === byteLength) {
      return new PoolRegion(native, lease, viewOf(code, buffer, 0, byteLength) as V, created);
    }
    native.release(lease.id);
  }
}
