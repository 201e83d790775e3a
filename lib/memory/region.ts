/** A large typed buffer whose view stays valid at one address while its chunks change tiers. */

import { invalidValue, TierError } from '../errors.ts';
import type { TierName } from '../tiers/tier.ts';
import type { TypedArray } from './data.ts';
import type { HandleOwner } from './handle.ts';
import type { LargeObject } from './large-object.ts';

/** How many of a region's chunks are on a tier. */
export interface RegionShare {
  readonly tier: TierName;
  readonly chunks: number;
}

/** A view kept without its region keeps the region, and with it the memory that it shows. */
const regionOfBuffer: WeakMap<ArrayBufferLike, object> = new WeakMap();

/**
 * A region. Read and write `view` like any typed array, at the same speed; such accesses are invisible to
 * the library, so report the ranges you use with `touch`, or it leaves the region where it is.
 */
export class Region<V extends TypedArray = TypedArray> {
  readonly #owner: HandleOwner;
  readonly #object: LargeObject;
  readonly #generation: number;
  readonly #view: V;

  /** Made by `TieredMemory.allocate`; not for users. */
  constructor(owner: HandleOwner, object: LargeObject, view: V) {
    this.#owner = owner;
    this.#object = object;
    this.#generation = owner.store.space.table.generation(object.id);
    this.#view = view;
    regionOfBuffer.set(view.buffer, this);
  }

  /** The live view. It becomes empty when the region is disposed. */
  get view(): V {
    this.#check();
    return this.#view;
  }

  /** Bytes of the view. */
  get byteLength(): number {
    return this.#object.byteLength;
  }

  /** Whether the region was disposed or its memory closed. */
  get disposed(): boolean {
    return !this.#owner.store.space.table.alive(this.#object.id, this.#generation);
  }

  /** On which tiers the region lies, fastest first. */
  shares(): RegionShare[] {
    this.#check();
    const { set } = this.#owner.store.space;
    const chunks = set.tiers.map(() => 0);
    for (let i = 0; i < this.#object.chunks; i++) chunks[set.tierOf(this.#object.firstChunk + i)]++;
    return set.tiers
      .map(({ name }, tier) => ({ tier: name, chunks: chunks[tier] }))
      .filter((share) => share.chunks > 0);
  }

  /**
   * Reports an access to `length` elements from `start` (default: all). The engine moves the region's 2 MiB
   * chunks by what is reported here.
   */
  touch(options: { start?: number; length?: number; write?: boolean } = {}): void {
    this.#check();
    const { start = 0, length = this.#view.length - start, write = false } = options;
    if (!Number.isInteger(start) || start < 0 || start > this.#view.length) {
      throw invalidValue('start', `an index from 0 to ${this.#view.length}`, start);
    }
    if (!Number.isInteger(length) || length < 0 || start + length > this.#view.length) {
      throw invalidValue('length', `at most ${this.#view.length - start}`, length);
    }
    const size = this.#view.BYTES_PER_ELEMENT;
    this.#owner.store.ledger.noteLarge(this.#object, start * size, length * size, write);
  }

  /**
   * Keeps the region where it is until the pin is disposed, e.g. while another thread or an asynchronous
   * `fs.read` uses its memory: `using pin = region.pin()`.
   */
  pin(): Disposable {
    this.#check();
    const { store } = this.#owner;
    if (this.#object.moving) {
      throw new TierError('ERR_TIER_BUSY', 'A part of the region is being moved right now.', {
        hint: 'Try again after the current optimizePlacement() has finished.',
      });
    }
    const hold = store.hold(this.#object.id);
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        if (!store.closed) store.holds.end(hold);
      },
    };
  }

  /** Prefaults `length` elements from `start` off the main thread, so that the first touch does not wait. */
  async prefault(start = 0, length: number = this.#view.length - start): Promise<void> {
    this.#check();
    if (start < 0 || length < 0 || start + length > this.#view.length) {
      throw invalidValue('start', `a range within ${this.#view.length} elements`, start);
    }
    const size = this.#view.BYTES_PER_ELEMENT;
    await this.#owner.store.space.set.heap.prefault(
      this.#object.firstChunk,
      start * size,
      length * size,
    );
  }

  /** Frees the memory and empties the view. Idempotent. */
  dispose(): void {
    if (!this.disposed) this.#owner.disposed(this.#object.id, this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #check(): void {
    if (this.disposed) throw new TierError('ERR_TIER_CLOSED', 'The region is disposed.');
  }
}

/** Bytes a region may have at most: Node 20 cannot make an external ArrayBuffer over 4 GiB. */
export const maxRegionBytes: number = 4 * 1024 * 1024 * 1024;
