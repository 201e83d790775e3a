/** Reads a policy's parameter from an object that may come from a file. */

import { invalidType, invalidValue } from '../errors.ts';

/**
 * The number `given[key]`, or `fallback` when it is absent.
 *
 * @throws TypeError or RangeError that names `policy.<key>` when it is no number from `min` to `max`
 */
export function checkParameter(
  given: Readonly<Record<string, unknown>>,
  key: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const value = given[key];
  if (value === undefined) return fallback;
  if (typeof value !== 'number') throw invalidType(`policy.${key}`, 'a number', value);
  if (!(value >= min && value <= max))
    throw invalidValue(`policy.${key}`, `from ${min} to ${max}`, value);
  return value;
}
