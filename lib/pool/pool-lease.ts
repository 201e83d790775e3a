/** A value of a pool in place: as long as the lease is open, nobody reuses its bytes. */

import { LentView } from './lent-view.ts';
import type { NativePool, NativePoolLease } from './pool-binding.ts';

/**
 * Use it with `using`, or call `dispose`. The value stays as it was when it was leased, whatever becomes of its key,
 * and takes its room until then.
 *
 * The bytes are the pool's own, for all members: do not write to them. A value that was written to is damaged, and the
 * next one who checks it says so (`ERR_TIER_LOST`); for data that changes in place there is `allocate`.
 */
export class PoolLease<V extends object = object> extends LentView<V> {
  /** The version of the key's value that this is. */
  readonly version: number;

  /** Made by `CxlMemoryPool.borrow`; not for users. */
  constructor(native: NativePool, { id, buffer, version }: NativePoolLease, view: V) {
    super(native, id, buffer, view, 'The lease has ended.');
    this.version = version;
  }
}
