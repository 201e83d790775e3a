/**
 * Bytes of the keys, off the JavaScript heap.
 *
 * A key is an 8-byte aligned entry: one header word (length in bytes, encoding) and its characters, one
 * byte each when they are all Latin-1, else two, or the eight bytes of a number. References are offsets in
 * 8-byte steps, never 0.
 */

import { invalidType, invalidValue, TierError } from '../errors.ts';

/** A key as users write it: a non-empty string, or a safe integer. `1` and `'1'` are different keys. */
export type Key = string | number;

/** Longest key, in characters. */
export const maxKeyLength = 4096;

const latin1 = 0;
const utf16 = 1;
const integer = 2;
const kindShift = 30;
const lengthMask = 0xffff;

const pageShift = 17; // 8-byte steps in a page of 1 MiB
const pageSteps = 1 << pageShift;
const stepMask = pageSteps - 1;
const maxPages = 1 << (32 - pageShift);

/** Throws `ERR_INVALID_ARG_*` unless `key` can be a key. */
export function checkKey(key: unknown): asserts key is Key {
  if (typeof key === 'string') {
    if (key.length === 0 || key.length > maxKeyLength) {
      throw invalidValue('key', `a string of 1 to ${maxKeyLength} characters`, key);
    }
  } else if (typeof key !== 'number') {
    throw invalidType('key', 'a string or a safe integer', key);
  } else if (!Number.isSafeInteger(key)) {
    throw invalidValue('key', 'a string or a safe integer', key);
  }
}

function isLatin1(key: string): boolean {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) > 0xff) return false;
  return true;
}

/** Stores keys and compares them in place. */
export class KeyArena {
  readonly #bytes: Uint8Array[] = [];
  readonly #words: Uint32Array[] = [];
  readonly #numbers: Float64Array[] = [];
  /** Free entries by size in steps. */
  readonly #free: (number[] | undefined)[] = [];
  #next = 1; // 0 means "no key"

  /** Bytes of all pages. */
  get bytes(): number {
    return this.#bytes.length << (pageShift + 3);
  }

  /** Copies a key in and returns its reference. REQUIRES: checkKey(key) passed. */
  add(key: Key): number {
    if (typeof key === 'number') {
      const ref = this.#take(2);
      this.#words[ref >>> pageShift][(ref & stepMask) << 1] = (integer << kindShift) | 8;
      this.#numbers[ref >>> pageShift][(ref & stepMask) + 1] = key;
      return ref;
    }
    const wide = !isLatin1(key);
    const length = wide ? key.length * 2 : key.length;
    const ref = this.#take((4 + length + 7) >>> 3);
    const page = ref >>> pageShift;
    this.#words[page][(ref & stepMask) << 1] = ((wide ? utf16 : latin1) << kindShift) | length;
    const bytes = this.#bytes[page];
    let at = ((ref & stepMask) << 3) + 4;
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i);
      bytes[at++] = code;
      if (wide) bytes[at++] = code >>> 8;
    }
    return ref;
  }

  /** Gives an entry back. */
  remove(ref: number): void {
    const header = this.#words[ref >>> pageShift][(ref & stepMask) << 1];
    const steps = header >>> kindShift === integer ? 2 : (4 + (header & lengthMask) + 7) >>> 3;
    (this.#free[steps] ??= []).push(ref);
  }

  /** Whether the entry holds this key. */
  equals(ref: number, key: Key): boolean {
    const page = ref >>> pageShift;
    const header = this.#words[page][(ref & stepMask) << 1];
    const kind = header >>> kindShift;
    if (typeof key === 'number') {
      return kind === integer && this.#numbers[page][(ref & stepMask) + 1] === key;
    }
    const bytes = this.#bytes[page];
    const at = ((ref & stepMask) << 3) + 4;
    const length = key.length;
    if (kind === latin1) {
      if ((header & lengthMask) !== length) return false;
      for (let i = 0; i < length; i++) if (bytes[at + i] !== key.charCodeAt(i)) return false;
      return true;
    }
    if (kind !== utf16 || (header & lengthMask) !== length * 2) return false;
    for (let i = 0; i < length; i++) {
      const code = bytes[at + 2 * i] | (bytes[at + 2 * i + 1] << 8);
      if (code !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The key an entry holds. */
  read(ref: number): Key {
    const page = ref >>> pageShift;
    const header = this.#words[page][(ref & stepMask) << 1];
    const kind = header >>> kindShift;
    if (kind === integer) return this.#numbers[page][(ref & stepMask) + 1];
    const at = ((ref & stepMask) << 3) + 4;
    const end = at + (header & lengthMask);
    const bytes = this.#bytes[page];
    return Buffer.from(bytes.buffer, at, end - at).toString(kind === latin1 ? 'latin1' : 'utf16le');
  }

  #take(steps: number): number {
    const reused = this.#free[steps]?.pop();
    if (reused !== undefined) return reused;
    let ref = this.#next;
    // An entry never crosses a page; the rest of the page is left unused.
    if (ref >>> pageShift !== (ref + steps - 1) >>> pageShift)
      ref = ((ref >>> pageShift) + 1) << pageShift;
    if (ref >>> pageShift >= this.#bytes.length) this.#grow();
    this.#next = ref + steps;
    return ref >>> 0;
  }

  #grow(): void {
    if (this.#bytes.length === maxPages) {
      throw new TierError('ERR_TIER_FULL', 'The keys take 32 GiB and the key arena cannot grow.');
    }
    const page = new ArrayBuffer(pageSteps << 3);
    this.#bytes.push(new Uint8Array(page));
    this.#words.push(new Uint32Array(page));
    this.#numbers.push(new Float64Array(page));
  }
}
