/** Putting values into a pool. */

import { TierError } from '../errors.ts';
import { dataBytes, dataCode, type StoredData } from '../memory/data.ts';
import { isLentBuffer } from './lent-view.ts';
import { checkVersion, expectedByPut, type PoolPutOptions } from './pool-operations.ts';
import type { PoolSession } from './pool-session.ts';

/** From here on, values are copied off the main thread: as `TieredMemory.store`. */
const largeBytes = 1024 * 1024;

/** Puts values, and refuses those that can never fit before anything is copied. */
export class PoolChanges {
  readonly #session: PoolSession;
  readonly #maxValueBytes: number;

  constructor(session: PoolSession, maxValueBytes: number) {
    this.#session = session;
    this.#maxValueBytes = maxValueBytes;
  }

  /** See `CxlMemoryPool.put`. */
  async put(key: string, data: StoredData, options?: PoolPutOptions): Promise<number | undefined> {
    const type = dataCode(data);
    // Bytes of a lease go with it, so they are not left to another thread.
    const now =
      typeof data === 'string'
        ? data.length <= largeBytes
        : data.byteLength <= largeBytes || isLentBuffer(bufferOf(data));
    if (now) return this.putSync(key, data, options);
    this.#session.checkKey(key);
    const expected = expectedByPut(options);
    const bytes = this.#fitting(dataBytes(data));
    const { native } = this.#session;
    return (
      (await this.#session.track(() => native.putLarge(key, bytes, type, expected))) || undefined
    );
  }

  /** See `CxlMemoryPool.putSync`. */
  putSync(key: string, data: StoredData, options?: PoolPutOptions): number | undefined {
    this.#session.checkKey(key);
    return this.#put(key, data, expectedByPut(options));
  }

  /** See `CxlMemoryPool.compareAndSet`. */
  compareAndSet(key: string, version: number, data: StoredData): number | undefined {
    this.#session.checkKey(key);
    return this.#put(key, data, checkVersion('version', version));
  }

  #put(key: string, data: StoredData, expected: number | undefined): number | undefined {
    const type = dataCode(data);
    const bytes = this.#fitting(dataBytes(data));
    try {
      return this.#session.native.put(key, bytes, type, expected) || undefined;
    } catch (error) {
      throw this.#session.failure(error);
    }
  }

  #fitting(bytes: Uint8Array): Uint8Array {
    if (bytes.byteLength <= this.#maxValueBytes) return bytes;
    throw new TierError(
      'ERR_TIER_FULL',
      `A value of ${bytes.byteLength} bytes is larger than the pool: at most ${this.#maxValueBytes}.`,
      { hint: 'Split the value, or make the pool with a larger `capacityBytes`.' },
    );
  }
}

function bufferOf(data: Exclude<StoredData, string>): ArrayBufferLike {
  return ArrayBuffer.isView(data) ? data.buffer : data;
}
