/** A typed buffer that all members of a pool see and write to. */

import type { TypedArray } from '../memory/data.ts';
import { LentView } from './lent-view.ts';
import type { NativePool, NativePoolLease } from './pool-binding.ts';

/**
 * Use it with `using`, or call `dispose`: that ends this member's view, and leaves the region in the pool until its key
 * is deleted.
 *
 * Everybody writes to the same bytes at once: agree among yourselves, by `Atomics` on integer arrays or by a counter.
 * There is no checksum and no second copy; with software coherence, other hosts see changes at some time or never.
 */
export class PoolRegion<V extends TypedArray = TypedArray> extends LentView<V> {
  /** Whether it was made by this call, and is zeroes as far as nobody else has written to it yet. */
  readonly created: boolean;

  /** Made by `CxlMemoryPool.allocate`; not for users. */
  constructor(native: NativePool, { id, buffer }: NativePoolLease, view: V, created: boolean) {
    super(native, id, buffer, view, 'The region is disposed.');
    this.created = created;
  }

  /** Bytes of the view. */
  get byteLength(): number {
    return this.lentBytes;
  }

  /** Whether it was disposed or its pool closed. */
  get disposed(): boolean {
    return this.ended;
  }
}
