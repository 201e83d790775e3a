/** Options of single operations on a pool. */

import { invalidType, invalidValue } from '../errors.ts';
import { checkKeys, checkObject } from '../tiers/option-checks.ts';

/** Options of `put`. */
export interface PoolPutOptions {
  /** Only if the key's version is this one; 0: only if it has nothing. */
  readonly ifVersion?: number;
  /** Only if the key has nothing. @default false */
  readonly ifAbsent?: boolean;
}

/** Options of `delete`. */
export interface PoolDeleteOptions {
  /** Only if the key's version is this one. */
  readonly ifVersion?: number;
}

/** Options of `watch`. */
export interface PoolWatchOptions {
  /** Ends it: the iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Throws `ERR_INVALID_ARG_*` for what is no version. */
export function checkVersion(name: string, version: unknown): number {
  if (typeof version !== 'number') throw invalidType(name, 'a version', version);
  if (!Number.isSafeInteger(version) || version < 0) throw invalidValue(name, 'a version', version);
  return version;
}

/** The version that a put expects; undefined: any. Throws `ERR_INVALID_ARG_*` for options that make no sense. */
export function expectedByPut(options: PoolPutOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  checkKeys('options', checkObject('options', options), ['ifVersion', 'ifAbsent']);
  const { ifVersion, ifAbsent = false } = options;
  if (typeof ifAbsent !== 'boolean') throw invalidType('ifAbsent', 'a boolean', ifAbsent);
  if (ifVersion === undefined) return ifAbsent ? 0 : undefined;
  const version = checkVersion('ifVersion', ifVersion);
  if (ifAbsent && version !== 0) throw invalidValue('ifVersion', 'absent with `ifAbsent`', version);
  return version;
}

/** The version that a delete expects; undefined: any. */
export function expectedByDelete(options: PoolDeleteOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  checkKeys('options', checkObject('options', options), ['ifVersion']);
  return options.ifVersion === undefined ? undefined : checkVersion('ifVersion', options.ifVersion);
}

/** The signal of a watch. */
export function watchSignal(options: PoolWatchOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  checkKeys('options', checkObject('options', options), ['signal']);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('signal', 'an AbortSignal', signal);
  }
  return signal;
}

const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

/** What is added to a counter. */
export function checkAmount(amount: unknown): bigint {
  if (typeof amount === 'number') {
    if (Number.isSafeInteger(amount)) return BigInt(amount);
    throw invalidValue('amount', 'a safe integer or a bigint', amount);
  }
  if (typeof amount !== 'bigint') throw invalidType('amount', 'a safe integer or a bigint', amount);
  if (amount < least || amount > most) {
    throw invalidValue('amount', 'from -2^63 to 2^63 - 1', amount);
  }
  return amount;
}

/** A boot of a host, as `members()` names it. */
export function checkBoot(boot: unknown): string {
  if (typeof boot !== 'string') throw invalidType('boot', "a member's `boot`", boot);
  if (!/^[0-9a-f]{16}$/.test(boot)) throw invalidValue('boot', "a member's `boot`", boot);
  return boot;
}

/** A device's place in the set. */
export function checkOrdinal(ordinal: unknown): number {
  if (typeof ordinal !== 'number') throw invalidType('ordinal', "a device's number", ordinal);
  if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal > 255) {
    throw invalidValue('ordinal', "a device's number", ordinal);
  }
  return ordinal;
}
