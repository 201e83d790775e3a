/**
 * Every error this package throws, in one table.
 *
 * Misuse by the caller is a `TypeError` or `RangeError` with an `ERR_INVALID_ARG_*` code; everything the
 * machine can do to us is a {@link TierError}. A tier that is merely absent is not an error: see
 * `topology.limits`.
 */

/** What each operational code means and what usually helps. The keys are the public codes. */
export const tierErrorCodes = {
  ERR_TIER_CLOSED: 'The memory, handle, lease or region was closed, disposed or deleted.',
  ERR_TIER_FULL: 'No tier that may hold the data has room for it.',
  ERR_TIER_NO_PERMISSION: 'The kernel or the container refused a system call.',
  ERR_TIER_UNAVAILABLE: 'The tier, device, node, directory or plugin does not exist here.',
  ERR_TIER_BUSY: 'The resource is held by somebody else; a later try can succeed.',
  ERR_TIER_MISPLACED: 'Memory was obtained, but not on the node it was asked for.',
  ERR_TIER_IO: 'A file or device failed.',
  ERR_TIER_LOST:
    'The device lost these bytes: a poisoned page, a removed device or a truncated file.',
  ERR_TIER_INVALID: 'The native core refused an argument; this is a bug in memory-tiers.',
  ERR_TIER_PINNED: 'A lease or pin keeps the data where it is.',
  ERR_TIER_NATIVE: 'The native addon could not be loaded on this platform.',
  ERR_TIER_TRACE: 'An access trace is malformed, truncated or too large for the tiers given.',
  ERR_TIER_CONFIG: 'A policy or tier file is malformed.',
  ERR_TIER_CORRUPT: 'Data read back is not the data written.',
} as const;

/** The `code` of a {@link TierError}. */
export type TierErrorCode = keyof typeof tierErrorCodes;

/** Optional facts about a failure. */
export interface TierErrorDetails {
  /** What the caller can do about it. */
  readonly hint?: string | undefined;
  /** The failed system call, e.g. `mbind`. */
  readonly syscall?: string | undefined;
  /** Its errno, positive, e.g. 12 for ENOMEM. */
  readonly errno?: number | undefined;
  /** The tier concerned. */
  readonly tier?: string | undefined;
  /** The error behind this one. */
  readonly cause?: unknown;
}

const brand = Symbol.for('memory-tiers.TierError');

/** An operational failure: something the machine, the container or a budget did not allow. */
export class TierError extends Error {
  override readonly name: 'TierError' = 'TierError';
  readonly code: TierErrorCode;
  readonly hint: string | undefined;
  readonly syscall: string | undefined;
  readonly errno: number | undefined;
  readonly tier: string | undefined;

  constructor(code: TierErrorCode, message: string, details: TierErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.syscall = details.syscall;
    this.errno = details.errno;
    this.tier = details.tier;
    Object.defineProperty(this, brand, { value: true });
  }

  /** `instanceof` holds across duplicate copies of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'Object'}`;
  if (typeof value === 'function') return `function ${value.name}`;
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return `${typeof value} (${text.length > 40 ? `${text.slice(0, 37)}...` : text})`;
}

/** A `TypeError` with code `ERR_INVALID_ARG_TYPE`, worded as Node words its own. */
export function invalidType(name: string, expected: string, value: unknown): TypeError {
  const error = new TypeError(`"${name}" must be ${expected}. Received ${received(value)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

/** A `RangeError` with code `ERR_INVALID_ARG_VALUE`. */
export function invalidValue(name: string, expected: string, value: unknown): RangeError {
  return refusedValue(`"${name}" must be ${expected}. Received ${received(value)}`);
}

/** The same in other words. */
export function refusedValue(message: string, options?: ErrorOptions): RangeError {
  return Object.assign(new RangeError(message, options), { code: 'ERR_INVALID_ARG_VALUE' });
}
