/**
 * Finds damage before a reader does: bytes the device lost, by the heap's counter, and bytes that changed silently,
 * by the checksum of the objects that have one. What is looked at is always the copy that is handed out, or the
 * bytes after they were used: a page can be lost in between.
 */

import { chunkBytes } from '../native.ts';
import { checksum, chunkOfBytes, chunkSums } from './checksums.ts';
import { DamageBook, damageError } from './damage-book.ts';
import type { Hold } from './holds.ts';
import type { Key } from './key-arena.ts';
import type { LargeObject } from './large-object.ts';
import type { ObjectSpace } from './object-space.ts';
import { watchedFlag } from './object-table.ts';

/** What the integrity of a store needs to know from outside. */
export interface IntegrityHooks {
  readonly keyOf: (id: number) => Key | undefined;
  /** Whether a writing lease is open: then the bytes are ahead of their checksum. */
  readonly isBeingWritten: (id: number) => boolean;
}

/** Damage and checksums of one store. */
export class Integrity {
  readonly book: DamageBook;
  readonly #space: ObjectSpace;
  readonly #hooks: IntegrityHooks;

  constructor(space: ObjectSpace, hooks: IntegrityHooks) {
    this.#space = space;
    this.#hooks = hooks;
    this.book = new DamageBook(space, hooks.keyOf);
  }

  /** Takes note of what the devices lost since the last time. One comparison when that is nothing. */
  settle(): void {
    const { damage } = this.#space.set;
    if (!damage.moved) return;
    for (const chunk of damage.refresh()) this.#lost(chunk);
  }

  // --- reading ------------------------------------------------------------------------------------------

  /** Throws when an object is known to be damaged. */
  require(id: number): void {
    this.settle();
    if (this.book.has(id)) throw this.book.error(id);
  }

  /** Throws when the bytes a lease sees are lost, whatever became of their object. */
  requireHeld({ chunk, byteOffset, byteLength }: Hold): void {
    this.settle();
    const { set } = this.#space;
    const [lost] = set.damage.within(chunk, byteOffset, byteOffset + byteLength);
    if (lost === undefined) return;
    const { name } = set.tiers[set.tierOf(chunk + Math.floor(lost.from / chunkBytes))];
    throw damageError('A part of the leased data', lost.cause, name);
  }

  /** Throws when an object is damaged or its bytes fail their checksum. */
  requireWhole(id: number): void {
    if (!this.check(id)) throw this.book.error(id);
  }

  /** Copies an object's bytes, to the start of `into` if given. Throws when the object is damaged. */
  copy(id: number, into?: Uint8Array): Uint8Array {
    const copy = this.copyIfWhole(id, into);
    if (copy === undefined) throw this.book.error(id);
    return copy;
  }

  /** The same; undefined when the object is damaged. */
  copyIfWhole(id: number, into?: Uint8Array): Uint8Array | undefined {
    this.settle();
    if (this.book.has(id)) return undefined;
    const bytes = this.#space.bytesOf(id) as Uint8Array;
    into?.set(bytes);
    const copy = into?.subarray(0, bytes.byteLength) ?? bytes.slice();
    return this.#judge(id, copy) ? copy : undefined;
  }

  /** Whether an object is good. Looks at every byte of a verified one, and takes note of what it finds. */
  check(id: number): boolean {
    this.settle();
    if (this.book.has(id)) return false;
    if (!this.isVerified(id)) return true;
    return this.#judge(id, this.#space.bytesOf(id) as Uint8Array);
  }

  /** An object's bytes are not its own. Unless the device lost them: then they are lost. */
  condemn(id: number): void {
    this.settle();
    this.book.add(id, 'corrupt');
  }

  // --- checksums ----------------------------------------------------------------------------------------

  /** Whether an object has a checksum. */
  isVerified(id: number): boolean {
    return this.#space.table.flag(id, watchedFlag) && (this.book.verified(id) ?? true);
  }

  /** Gives an object that is not damaged the sum of what was just written to it, or takes it away. */
  seal(id: number, bytes: Uint8Array, verify: boolean): void {
    const { table, checksums } = this.#space;
    if (!verify && !table.flag(id, watchedFlag)) return;
    const large = this.#space.largeOf(id);
    if (large !== undefined) large.sums = verify ? chunkSums(bytes) : undefined;
    else if (verify) checksums.set(id, checksum(bytes));
    table.setFlag(id, watchedFlag, verify);
  }

  /** The same for a large object whose sums are known. */
  sealLarge(object: LargeObject, sums: Uint32Array): void {
    object.sums = sums;
    this.#space.table.setFlag(object.id, watchedFlag, true);
  }

  /** The last writing lease of an object ended: what is there now is what was written. */
  reseal(id: number): void {
    if (!this.isVerified(id) || this.book.has(id)) return;
    const bytes = this.#space.bytesOf(id) as Uint8Array;
    const large = this.#space.largeOf(id);
    const sums = large === undefined ? checksum(bytes) : chunkSums(bytes);
    this.settle();
    if (this.book.has(id)) return;
    if (large === undefined) this.#space.checksums.set(id, sums as number);
    else large.sums = sums as Uint32Array;
  }

  /** Whether a chunk of a large object that has sums matches its own. */
  chunkMatches(object: LargeObject, index: number): boolean {
    const bytes = chunkOfBytes(object.bytes as Uint8Array, index);
    return checksum(bytes) === object.sums?.[index];
  }

  /** Whether a writing lease of an object is open. */
  isBeingWritten(id: number): boolean {
    return this.#hooks.isBeingWritten(id);
  }

  // --- inside -------------------------------------------------------------------------------------------

  /** Whether bytes just read of an object are its own, as far as can be told; takes note when they are not. */
  #judge(id: number, bytes: Uint8Array): boolean {
    const believed = !this.isVerified(id) || this.#hooks.isBeingWritten(id);
    if (believed || this.#sumsMatch(id, bytes)) this.settle();
    // Reading may have been what found the loss: zeros in place of lost bytes are no corruption.
    else this.condemn(id);
    return !this.book.has(id);
  }

  #sumsMatch(id: number, bytes: Uint8Array): boolean {
    const large = this.#space.largeOf(id);
    if (large === undefined) return checksum(bytes) === this.#space.checksums.get(id);
    return large.sums?.every((sum, i) => checksum(chunkOfBytes(bytes, i)) === sum) ?? true;
  }

  #lost(chunk: number): void {
    const space = this.#space;
    const { damage } = space.set;
    const large = space.largeOfChunk.get(chunk);
    if (large?.exposed) {
      this.book.regionChanged(large);
    } else if (large !== undefined) {
      const [first] = damage.within(large.firstChunk, 0, large.byteLength);
      if (first !== undefined) this.book.add(large.id, first.cause);
    } else {
      for (const { byteOffset, byteLength, cause } of damage.of(chunk)) {
        space.loseSlots(chunk, byteOffset, byteLength, (id) => this.book.add(id, cause));
      }
    }
  }
}
