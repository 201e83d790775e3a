/** A value of a pool in place: as long as the lease is open, nobody reuses its bytes. */

import { TierError } from '../errors.ts';
import type { NativePool } from './pool-binding.ts';

/** Buffers of leases and regions: bytes that must not be read once these have ended. */
const lent: WeakSet<object> = new WeakSet();

/** Whether a buffer shows bytes of a pool. */
export function isLentBuffer(buffer: ArrayBufferLike): boolean {
  return lent.has(buffer);
}

/** Remembers a buffer of a pool. */
export function rememberLentBuffer(buffer: ArrayBufferLike): void {
  lent.add(buffer);
}

/**
 * Use it with `using`, or call `dispose`. The value stays as it was when it was leased, whatever becomes of its key,
 * and takes its room until then.
 *
 * The bytes are the pool's own, for all members: do not write to them. A value that was written to is damaged, and the
 * next one who checks it says so (`ERR_TIER_LOST`); for data that changes in place there is `allocate`.
 */
export class PoolLease<V extends object = object> {
  readonly #native: NativePool;
  readonly #id: number;
  readonly #view: V;
  /** The version of the key's value that this is. */
  readonly version: number;
  #open = true;

  /** Made by `CxlMemoryPool.borrow`; not for users. */
  constructor(native: NativePool, id: number, version: number, view: V) {
    this.#native = native;
    this.#id = id;
    this.#view = view;
    this.version = version;
  }

  /**
   * The value. It becomes empty when the lease ends, also for whoever kept it. Throws `ERR_TIER_CLOSED` after
   * {@link dispose} and after the pool was closed.
   */
  get view(): V {
    if (!this.#open || this.#revoked())
      throw new TierError('ERR_TIER_CLOSED', 'The lease has ended.');
    return this.#view;
  }

  /** Ends the lease and empties its view. Idempotent. */
  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#id !== 0) this.#native.release(this.#id);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #revoked(): boolean {
    // An empty value has no bytes to take away.
    return this.#id !== 0 && (this.#view as Partial<ArrayBufferView>).buffer?.byteLength === 0;
  }
}
