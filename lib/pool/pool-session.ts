/** A member of a pool while it is open: how every call of it is guarded, what is under way, and how it ends. */

import { TierError } from '../errors.ts';
import type { NativePool } from './pool-binding.ts';
import { poolError } from './pool-error.ts';
import { checkPoolKey } from './pool-key.ts';

/** What the parts of a `CxlMemoryPool` share. */
export class PoolSession {
  readonly native: NativePool;
  readonly #pending: Set<Promise<unknown>> = new Set();
  readonly #endings: (() => void)[] = [];
  #closed = false;

  constructor(native: NativePool) {
    this.native = native;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Has `end` called when the pool closes, before it is left. */
  atClose(end: () => void): void {
    this.#endings.push(end);
  }

  /** Throws `ERR_TIER_CLOSED` once it is closed. */
  check(): void {
    if (this.#closed) throw new TierError('ERR_TIER_CLOSED', 'The pool is closed.');
  }

  /** As {@link check}, and throws `ERR_INVALID_ARG_*` for what is no key. */
  checkKey(key: unknown): asserts key is string {
    this.check();
    checkPoolKey(key);
  }

  /** What `call` returns; what it throws, as users see it. */
  call<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** The same for what goes on in the background once `start` has returned; {@link close} waits for it. */
  track<T>(start: () => Promise<T>): Promise<T> {
    const tracked = this.#run(start).finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
    return tracked;
  }

  async #run<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start();
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** The error to throw. Who was declared dead holds nothing any more, so what it has leased must not be read either. */
  failure(error: unknown): unknown {
    const failure = poolError(error);
    if (failure instanceof TierError && failure.code === 'ERR_TIER_CLOSED') void this.close();
    return failure;
  }

  /** Ends everything and leaves; waits for what is under way. Idempotent. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      for (const end of this.#endings) end();
      this.native.close();
    }
    await Promise.allSettled(this.#pending);
  }
}
