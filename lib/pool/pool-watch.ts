/** Changes of keys as async iterators. */

import { TierError } from '../errors.ts';
import type { NativePool } from './pool-binding.ts';
import { orPoolError } from './pool-error.ts';

/** A change of a key. */
export interface PoolChange {
  readonly key: string;
  /** The version the key has now; `null`: it has nothing any more. */
  readonly version: number | null;
}

/** One key's changes. */
class KeyWatch implements AsyncIterableIterator<PoolChange> {
  readonly #key: string;
  readonly #version: () => number;
  readonly #ended: (watch: KeyWatch) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.end();
  /** As told last. */
  #told: number;
  #changed = false;
  #open = true;
  #error: TierError | undefined;
  #wake: () => void = () => undefined;
  #woken: Promise<void> | undefined;

  constructor(
    key: string,
    version: () => number,
    ended: (watch: KeyWatch) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#key = key;
    this.#version = version;
    this.#ended = ended;
    this.#signal = signal;
    this.#told = version();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The key may have changed. */
  changed(): void {
    this.#changed = true;
    this.#wake();
  }

  /** Ends it; with an error, for those who wait. */
  end(error?: TierError): void {
    if (!this.#open) return;
    this.#open = false;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#ended(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<PoolChange>> {
    while (this.#open) {
      const change = this.#changed ? this.#look() : undefined;
      if (change !== undefined) return { done: false, value: change };
      this.#woken ??= new Promise<void>((resolve) => {
        this.#wake = () => {
          this.#woken = undefined;
          resolve();
        };
      });
      await this.#woken;
    }
    this.#signal?.throwIfAborted();
    if (this.#error !== undefined) throw this.#error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<PoolChange>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PoolChange> {
    return this;
  }

  #look(): PoolChange | undefined {
    this.#changed = false;
    const version = this.#version();
    if (version === this.#told) return undefined;
    this.#told = version;
    return { key: this.#key, version: version === 0 ? null : version };
  }
}

/** The watches of one pool: one native function calls them by number. */
export class PoolWatches {
  readonly #native: NativePool;
  readonly #watches: Map<number, KeyWatch> = new Map();

  constructor(native: NativePool) {
    this.#native = native;
  }

  /** Whether anything is watched. */
  get active(): boolean {
    return this.#watches.size > 0;
  }

  /** Changes from now on: it begins with this call, and not with the first `next`. */
  watch(key: string, signal: AbortSignal | undefined): AsyncIterableIterator<PoolChange> {
    signal?.throwIfAborted();
    const id = orPoolError(() =>
      this.#native.watch(key, (watch) => this.#watches.get(watch)?.changed()),
    );
    const ended = (): void => {
      this.#watches.delete(id);
      this.#native.unwatch(id);
    };
    try {
      const version = (): number => orPoolError(() => this.#native.versionOf(key));
      const watch = new KeyWatch(key, version, ended, signal);
      this.#watches.set(id, watch);
      return watch;
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** Ends all of them: their `next` rejects with `ERR_TIER_CLOSED`. */
  close(): void {
    for (const watch of [...this.#watches.values()]) {
      watch.end(new TierError('ERR_TIER_CLOSED', 'The pool is closed.'));
    }
  }
}
