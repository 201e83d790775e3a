/** Views of a pool's own bytes: what leases and regions have in common. */

import { TierError } from '../errors.ts';
import type { NativePool } from './pool-binding.ts';

/** Their buffers: bytes that must not be read once the views have ended. */
const lent: WeakSet<object> = new WeakSet();

/** Whether a buffer shows bytes of a pool. */
export function isLentBuffer(buffer: ArrayBufferLike): boolean {
  return lent.has(buffer);
}

/** A view of bytes that nobody reuses until it is disposed. */
export abstract class LentView<V extends object> {
  readonly #native: NativePool;
  readonly #id: number;
  readonly #view: V;
  readonly #buffer: ArrayBuffer;
  readonly #whenEnded: string;
  #open = true;

  /** `id`: what the pool knows it by, 0: there are no bytes to be taken away. `whenEnded`: what is thrown then. */
  constructor(native: NativePool, id: number, buffer: ArrayBuffer, view: V, whenEnded: string) {
    this.#native = native;
    this.#id = id;
    this.#view = view;
    this.#buffer = buffer;
    this.#whenEnded = whenEnded;
    lent.add(buffer);
  }

  /**
   * The bytes in place. Empty once this is disposed, also for whoever kept it. Throws `ERR_TIER_CLOSED` after
   * {@link dispose} and after the pool was closed.
   */
  get view(): V {
    if (this.ended) throw new TierError('ERR_TIER_CLOSED', this.#whenEnded);
    return this.#view;
  }

  /** Whether it was disposed, or its pool closed. */
  protected get ended(): boolean {
    return !this.#open || (this.#id !== 0 && this.#buffer.byteLength === 0);
  }

  /** Bytes of it, 0 once it has ended. */
  protected get lentBytes(): number {
    return this.#buffer.byteLength;
  }

  /** Ends it and empties its view. Idempotent. */
  dispose(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#id !== 0) this.#native.release(this.#id);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
