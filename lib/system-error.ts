/** Node's own errors of system calls as {@link TierError}s. Those of the core come with a code: native/base/status.h. */

import { TierError, type TierErrorCode, type TierErrorDetails } from './errors.ts';

const codes: Readonly<Record<string, TierErrorCode>> = {
  ENOSPC: 'ERR_TIER_FULL',
  EDQUOT: 'ERR_TIER_FULL',
  EFBIG: 'ERR_TIER_FULL',
  EACCES: 'ERR_TIER_NO_PERMISSION',
  EPERM: 'ERR_TIER_NO_PERMISSION',
  EROFS: 'ERR_TIER_NO_PERMISSION',
  ENOENT: 'ERR_TIER_UNAVAILABLE',
  ENOTDIR: 'ERR_TIER_UNAVAILABLE',
  EISDIR: 'ERR_TIER_UNAVAILABLE',
};

/** What an error of a system call is: `ERR_TIER_IO` unless its errno says more. */
export function systemErrorCode(error: unknown): TierErrorCode {
  const { code } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : codes[code]) ?? 'ERR_TIER_IO';
}

/** The call and the errno of an error, and itself as the cause. What it does not have is undefined. */
export function systemErrorDetails(error: unknown): TierErrorDetails {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  return { syscall, errno: errno === undefined ? undefined : Math.abs(errno), cause: error };
}

/** What went wrong with a file, as a TierError; anything else is returned as it is. */
export function fileError(error: unknown, what: string, hint?: string): unknown {
  if (error instanceof TierError || !(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return new TierError(systemErrorCode(error), `${what}: ${error.message}`, {
    hint,
    ...systemErrorDetails(error),
  });
}
