/** A typed buffer that all members of a pool see and write to. */

import { TierError } from '../errors.ts';
import type { TypedArray } from '../memory/data.ts';
import type { NativePool } from './pool-binding.ts';

/**
 * Use it with `using`, or call `dispose`: that ends this member's view, and leaves the region in the pool until its key
 * is deleted.
 *
 * Everybody writes to the same bytes at once: agree among yourselves, by `Atomics` on integer arrays or by a counter.
 * There is no checksum and no second copy; with software coherence, other hosts see changes at some time or never.
 */
export class PoolRegion<V extends TypedArray = TypedArray> {
  readonly #native: NativePool;
  readonly #id: number;
  readonly #view: V;
  /** Whether it was made by this call, and is zeroes as far as nobody else has written to it yet. */
  readonly created: boolean;
  #open = true;

  /** Made by `CxlMemoryPool.allocate`; not for users. */
  constructor(native: NativePool, id: number, view: V, created: boolean) {
    this.#native = native;
    this.#id = id;
    this.#view = view;
    this.created = created;
  }

  /** The live view. It becomes empty when the region is disposed. Throws `ERR_TIER_CLOSED` from then on. */
  get view(): V {
    if (this.disposed) throw new TierError('ERR_TIER_CLOSED', 'The region is disposed.');
    return this.#view;
  }

  /** Bytes of the view. */
  get byteLength(): number {
    return this.#view.byteLength;
  }

  /** Whether it was disposed or its pool closed. */
  get disposed(): boolean {
    return !this.#open || this.#view.buffer.byteLength === 0;
  }

  /** Ends this view. A region that was deleted meanwhile gives its room back when nobody views it any more. Idempotent. */
  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#native.release(this.#id);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
