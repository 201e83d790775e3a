/**
 * Makes objects: finds room in the tiers of an order, writes the bytes, and sees to it that they are there
 * afterwards. An object made here has no key, and nobody knows it yet.
 */

import { refusedValue, TierError } from '../errors.ts';
import type { Near } from './backend-set.ts';
import type { Integrity } from './integrity.ts';
import type { InterleaveRequest } from './interleaved-run.ts';
import type { Mover } from './mover.ts';
import { isSmall, type LargeOptions, type ObjectSpace } from './object-space.ts';
import { pinnedFlag } from './object-table.ts';
import { unitBytes, unitsPerChunk } from './size-classes.ts';

/** Where a new value may go: tiers in order of preference, and what it should be near. */
export interface PlacementOrder {
  readonly tiers: readonly number[];
  readonly node: Near;
  readonly pinned: boolean;
  /** Of regions: spread it over several backends. */
  readonly interleave?: InterleaveRequest | undefined;
}

/** An object whose bytes are the store's, not a region. */
export const notExposed: LargeOptions = { exposed: false, ownerThreadOnly: false };

/** Places that may turn out to be lost while they are written, before it is an error. */
const maxAttempts = 8;

/** The maker of one store. */
export class ObjectMaker {
  readonly #space: ObjectSpace;
  readonly #mover: Mover;
  readonly #integrity: Integrity;

  constructor(space: ObjectSpace, mover: Mover, integrity: Integrity) {
    this.#space = space;
    this.#mover = mover;
    this.#integrity = integrity;
  }

  /** Takes a record and room for it. Throws `ERR_TIER_FULL`. */
  create(code: number, byteLength: number, order: PlacementOrder, options: LargeOptions): number {
    this.#integrity.settle();
    const space = this.#space;
    const { mayMove } = this.#mover;
    const id = space.table.take();
    for (const tier of order.tiers) {
      const placed =
        !options.exposed && isSmall(byteLength)
          ? this.#mover.placeSmall(id, byteLength, tier, order.node)
          : space.placeLarge(id, byteLength, { ...order, tier, mayMove }, options) !== undefined;
      if (!placed) continue;
      space.setType(id, code);
      if (order.pinned || space.largeOf(id)?.interleaving?.stays)
        space.table.setFlag(id, pinnedFlag, true);
      space.setKey(id, 0);
      return id;
    }
    space.table.release(id);
    throw this.#fullError(byteLength, order);
  }

  /**
   * An object with these bytes. A tier that loses them while they are written is tried again after the others.
   * Throws `ERR_TIER_FULL`, or `ERR_TIER_LOST` when all of them keep losing it.
   */
  make(code: number, bytes: Uint8Array, order: PlacementOrder, verify: boolean): number {
    let { tiers } = order;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const id = this.create(code, bytes.byteLength, { ...order, tiers }, notExposed);
      if (this.write(id, bytes, verify)) return id;
      const failed = this.#space.tierOf(id);
      tiers = [...tiers.filter((tier) => tier !== failed), failed];
      this.abandon(id);
    }
    throw lostWhileWritten(bytes.byteLength);
  }

  /** Writes all bytes of an object where it is; `false` when that place was lost meanwhile. */
  write(id: number, bytes: Uint8Array, verify: boolean): boolean {
    const space = this.#space;
    const { damage } = space.set;
    const large = space.largeOf(id);
    const from = large === undefined ? space.byteOffsetOf(id) : 0;
    const chunk = large === undefined ? space.chunkOf(id) : large.firstChunk;
    if (large === undefined) space.set.bytes[chunk].set(bytes, from);
    else large.bytes?.set(bytes);
    this.#integrity.seal(id, bytes, verify);
    // Looked at before anybody settles: an object that is only being made is not in the book of damage.
    return !damage.moved || !damage.hitsNow(chunk, from, from + bytes.byteLength);
  }

  /** Gives back an object that nobody knows yet. */
  abandon(id: number): void {
    const space = this.#space;
    const large = space.largeOf(id);
    if (large === undefined) {
      space.freeSlot(space.chunkOf(id), space.byteOffsetOf(id));
    } else {
      space.forgetLarge(large);
      space.freeLarge(large);
    }
    space.table.release(id);
  }

  #fullError(byteLength: number, order: PlacementOrder): TierError {
    const { set, lastFailure } = this.#space;
    const tiers = order.tiers
      .map(
        (tier) =>
          `${set.tiers[tier].name} ${set.usedBytes(tier)} of ${set.tiers[tier].capacityBytes}`,
      )
      .join(', ');
    return new TierError(
      'ERR_TIER_FULL',
      `No tier has room for ${byteLength} bytes (bytes used: ${tiers}).`,
      {
        hint:
          byteLength > unitsPerChunk * unitBytes
            ? 'Large values need contiguous chunks of 2 MiB. Raise capacityBytes of a tier, or delete data.'
            : 'Raise capacityBytes of a tier, add a slower tier, or delete data.',
        cause: lastFailure,
      },
    );
  }
}

/** Nothing was stored, because its place was lost while it was written. */
export function lostWhileWritten(byteLength: number): TierError {
  return new TierError(
    'ERR_TIER_LOST',
    `The place for ${byteLength} bytes was lost while they were written; they are not stored.`,
    {
      hint: 'A file or device of a tier is failing: see stats().damage. Another tierHint avoids it.',
    },
  );
}

/** What is thrown when the caller's bytes went away while they were copied off the main thread. */
export function takenAway(cause: unknown): RangeError {
  return refusedValue(
    'The bytes were detached, resized or lost before they were copied; they are not stored.',
    { cause },
  );
}
