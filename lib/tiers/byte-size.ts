/** Sizes as people write them. */

import { invalidType, invalidValue } from '../errors.ts';

const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const form = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i;
const expected = "a positive number of bytes or a size such as '64MiB' or '1GB'";

/**
 * Bytes of a size given as a number or as a string with a decimal (`kB`, `MB`, `GB`, `TB`) or binary
 * (`KiB`, `MiB`, `GiB`, `TiB`) unit; a string without unit counts bytes. Fractions of a byte are dropped.
 *
 * @throws TypeError when `value` is neither, RangeError when it is not at least one byte, both naming `name`.
 */
export function parseByteSize(name: string, value: unknown): number {
  let bytes: number;
  if (typeof value === 'number') {
    bytes = Math.floor(value);
  } else if (typeof value === 'string') {
    const match = form.exec(value);
    const unit = match === null ? undefined : units[match[2]!.toLowerCase() || 'b'];
    if (unit === undefined) throw invalidValue(name, expected, value);
    bytes = Math.floor(Number(match![1]) * unit);
  } else {
    throw invalidType(name, expected, value);
  }
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw invalidValue(name, expected, value);
  return bytes;
}

const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A byte count for people, e.g. `1.5 GiB`: binary units, at most three significant digits below 1000. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step += 1;
  }
  const digits = step === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${steps[step]}`;
}
