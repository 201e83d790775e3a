/** Copies of what a pool has. */

import type { StoredData } from '../memory/data.ts';
import { type PoolObjectKind, poolRead, poolScratchHeadBytes } from './pool-binding.ts';
import { copiedData, ownData, type PoolData, poolKinds } from './pool-data.ts';
import type { PoolSession } from './pool-session.ts';

/** An object with its version. */
export interface PoolEntry<T extends PoolData = PoolData> {
  readonly value: T;
  /** Numbers the key's changes: never the same twice. */
  readonly version: number;
  readonly kind: PoolObjectKind;
}

/** Reads values. Most come by way of a scratch buffer: a native buffer takes longer than all the rest of a read. */
export class PoolReads {
  readonly #session: PoolSession;
  readonly #head: Float64Array;
  readonly #scratch: Uint8Array;

  /** `scratch`: the buffer that the pool was opened with. */
  constructor(session: PoolSession, scratch: ArrayBuffer) {
    this.#session = session;
    this.#head = new Float64Array(scratch, 0, 4);
    this.#scratch = new Uint8Array(scratch, poolScratchHeadBytes);
  }

  /** See `CxlMemoryPool.get`. */
  get<T extends PoolData = StoredData>(key: string): T | undefined {
    const read = this.#read(key);
    if (read === poolRead.nothing) return undefined;
    return read === poolRead.done ? (this.#readData(key) as T) : this.#getLarge<T>(key)?.value;
  }

  /** See `CxlMemoryPool.getEntry`. */
  getEntry<T extends PoolData = StoredData>(key: string): PoolEntry<T> | undefined {
    const read = this.#read(key);
    if (read === poolRead.nothing) return undefined;
    if (read === poolRead.tooLarge) return this.#getLarge(key);
    const head = this.#head;
    return { value: this.#readData(key) as T, version: head[0], kind: kindOf(head[3]) };
  }

  /** See `CxlMemoryPool.fetch`. */
  async fetch<T extends PoolData = StoredData>(key: string): Promise<T | undefined> {
    this.#session.checkKey(key);
    const copy = await this.#session.track(() => this.#session.native.fetch(key));
    if (copy === null) return undefined;
    const own = new Uint8Array(copy.buffer);
    return ownData({ key, ...copy, byteLength: own.byteLength }, own) as T;
  }

  /** One of `poolRead`: most values are read without a native buffer, and this without a closure. */
  #read(key: string): number {
    this.#session.checkKey(key);
    try {
      return this.#session.native.read(key);
    } catch (error) {
      throw this.#session.failure(error);
    }
  }

  /** What `#read` has left in the scratch buffer. */
  #readData(key: string): PoolData {
    const head = this.#head;
    const byteLength = head[1];
    const bytes = { key, kind: kindOf(head[3]), type: head[2], byteLength };
    return ownData(bytes, this.#scratch.slice(0, byteLength));
  }

  #getLarge<T extends PoolData>(key: string): PoolEntry<T> | undefined {
    const { native } = this.#session;
    const lease = this.#session.call(() => native.borrow(key));
    if (lease === null) return undefined;
    const { id, buffer, kind, type, version } = lease;
    try {
      const value = copiedData({ key, kind, type, byteLength: buffer.byteLength }, buffer);
      return { value: value as T, version, kind };
    } finally {
      native.release(id);
    }
  }
}

function kindOf(number: number): PoolObjectKind {
  return poolKinds[number] ?? 'value';
}
