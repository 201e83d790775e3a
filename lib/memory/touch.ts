/** What a program says of an access to a region. */

import { invalidValue } from '../errors.ts';

/** Which elements were accessed, and how. */
export interface TouchOptions {
  /** @default 0 */
  readonly start?: number;
  /** @default all from `start` on */
  readonly length?: number;
  /** @default false */
  readonly write?: boolean;
}

/** The elements an access to a view of `viewLength` was about. Throws RangeError for those that are not in it. */
export function touchedElements(
  viewLength: number,
  { start = 0, length = viewLength - start }: TouchOptions,
): { readonly start: number; readonly length: number } {
  if (!Number.isInteger(start) || start < 0 || start > viewLength) {
    throw invalidValue('start', `an index from 0 to ${viewLength}`, start);
  }
  if (!Number.isInteger(length) || length < 0 || start + length > viewLength) {
    throw invalidValue('length', `at most ${viewLength - start}`, length);
  }
  return { start, length };
}
