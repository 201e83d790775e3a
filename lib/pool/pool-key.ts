/** Keys of a pool. */

import { invalidType, invalidValue } from '../errors.ts';

/** Longest key in bytes of UTF-8. */
export const maxPoolKeyBytes = 96;

const expected = `a well-formed string of 1 to ${maxPoolKeyBytes} bytes of UTF-8`;

/**
 * Throws `ERR_INVALID_ARG_*` unless `key` can be a key. Lone surrogates have no UTF-8, so two of them would be one key.
 */
export function checkPoolKey(key: unknown): asserts key is string {
  if (typeof key !== 'string') throw invalidType('key', expected, key);
  // Up to three bytes a character.
  const mayBeLong = key.length * 3 > maxPoolKeyBytes;
  if (
    key.length === 0 ||
    !key.isWellFormed() ||
    (mayBeLong && Buffer.byteLength(key) > maxPoolKeyBytes)
  ) {
    throw invalidValue('key', expected, key);
  }
}
