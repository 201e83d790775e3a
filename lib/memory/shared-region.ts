/** A region as the other threads of its process use it: a token to send, and a view to get for it. */

import { invalidType, TierError } from '../errors.ts';
import { requireNative } from '../native.ts';
import {
  constructorCode,
  type DataType,
  type TypedArray,
  type TypedArrayConstructor,
  viewOf,
} from './data.ts';
import type { AttachedRun } from './heap-binding.ts';
import { SharedCounter } from './shared-counts.ts';
import { type TouchOptions, touchedElements } from './touch.ts';

declare const viewType: unique symbol;

/**
 * Names a region for the other threads of this process. A plain object: send it with `postMessage` or as `workerData`.
 * It keeps nothing alive.
 */
export interface RegionToken<V extends TypedArray = TypedArray> {
  readonly token: string;
  readonly type: DataType;
  /** Elements. */
  readonly length: number;
  /** Where those who attach the region count their accesses. */
  readonly counts: SharedArrayBuffer;
  /** For the type checker only. */
  readonly [viewType]?: V;
}

/**
 * A region of another thread, which may dispose it, close its memory or end: what is attached stays as it is, and
 * goes on counting in its tier's budget, until the last thread lets go.
 *
 * The view is ordinary memory that several threads see at once. Coordinate with `Atomics`, which work on its
 * `Int32Array` and other integer views (`Atomics.wait` alone needs a SharedArrayBuffer), or by messages.
 */
export class SharedRegion<V extends TypedArray = TypedArray> {
  /** Bytes of the view. */
  readonly byteLength: number;
  readonly #run: AttachedRun;
  readonly #view: V;
  readonly #counter: SharedCounter;
  #released = false;

  /** Made by {@link attachRegion}; not for users. */
  constructor(run: AttachedRun, view: V, counter: SharedCounter) {
    this.#counter = counter;
    this.#run = run;
    this.#view = view;
    this.byteLength = view.byteLength;
  }

  /**
   * The live view. It becomes empty when it is released; never send it anywhere, for that copies all of the region.
   *
   * @throws TierError `ERR_TIER_CLOSED` after {@link release}
   */
  get view(): V {
    if (this.#released) throw new TierError('ERR_TIER_CLOSED', 'The shared region was released.');
    return this.#view;
  }

  /**
   * Reports an access to `length` elements from `start` (default: all), as `Region.touch` does for its owner: the
   * engine that moves the region's chunks learns how often they are used and from which node. About 0.1 µs a chunk.
   *
   * @throws TierError `ERR_TIER_CLOSED` after {@link release}; RangeError for elements outside the view
   */
  touch(options: TouchOptions = {}): void {
    const { start, length } = touchedElements(this.view.length, options);
    const size = this.#view.BYTES_PER_ELEMENT;
    this.#counter.touch(start * size, length * size, options.write === true);
  }

  /**
   * Empties the view and lets the region go. Idempotent. The end of the thread does it too, and some time after the
   * last view was dropped the garbage collector.
   */
  release(): void {
    this.#released = true;
    this.#run.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * The region behind a token of `Region.share`, in any thread of the process that allocated it.
 *
 * @throws TierError `ERR_TIER_CLOSED` when the region was disposed, its memory closed or its thread ended;
 *   `ERR_TIER_UNAVAILABLE` in another process; `ERR_TIER_NATIVE` without the addon. TypeError for anything that is no
 *   token.
 */
export function attachRegion<V extends TypedArray>(token: RegionToken<V>): SharedRegion<V> {
  const { code, byteLength, counts } = layoutOf(token);
  const run = attachRun(token.token);
  const isCounts =
    counts instanceof SharedArrayBuffer && counts.byteLength % Int32Array.BYTES_PER_ELEMENT === 0;
  if (byteLength > run.buffer.byteLength || !isCounts) {
    run.release();
    throw noToken(token);
  }
  const counter = new SharedCounter(counts, () => requireNative().currentNode());
  return new SharedRegion<V>(run, viewOf(code, run.buffer, 0, byteLength) as V, counter);
}

/** The bytes behind a token's text; throws as {@link attachRegion}. */
export function attachRun(token: string): AttachedRun {
  try {
    return requireNative().attachRun(token);
  } catch (error) {
    if (!(error instanceof TierError)) throw error;
    switch (error.code) {
      case 'ERR_TIER_CLOSED':
        throw new TierError('ERR_TIER_CLOSED', 'The region to attach is gone.', {
          hint: 'Whoever allocated it has to keep it until the other threads have attached it.',
          cause: error,
        });
      case 'ERR_TIER_UNAVAILABLE':
        throw new TierError(
          'ERR_TIER_UNAVAILABLE',
          `The region cannot be attached here: ${error.message}.`,
          {
            hint: 'Only worker_threads of the process that allocated a region can attach it; send others a copy.',
            cause: error,
          },
        );
      case 'ERR_TIER_INVALID':
        throw noToken(token);
      default:
        throw error;
    }
  }
}

interface Layout {
  readonly code: number;
  readonly byteLength: number;
  readonly counts: unknown;
}

/** Type and bytes of a token's region. Throws a TypeError for anything that is no token. */
export function layoutOf(token: unknown): Layout {
  if (typeof token !== 'object' || token === null) throw noToken(token);
  const { token: text, type, length, counts } = token as Partial<RegionToken>;
  if (typeof text !== 'string' || typeof type !== 'string') throw noToken(token);
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 1) throw noToken(token);
  const arrayType = (globalThis as Record<string, unknown>)[type] as TypedArrayConstructor;
  const code = constructorCode(arrayType, 'token.type');
  return { code, byteLength: length * arrayType.BYTES_PER_ELEMENT, counts };
}

/** The error of something that is no token. */
export function noToken(value: unknown): TypeError {
  return invalidType('token', 'what Region.share returned', value);
}
