import { TierError, type TierErrorCode } from '../errors.ts';

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

/** What went wrong with a file, as a TierError; anything else is returned as it is. */
export function fileError(error: unknown, what: string, hint?: string): unknown {
  if (error instanceof TierError || !(error instanceof Error)) return error;
  const { code, errno, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return new TierError(codes[code] ?? 'ERR_TIER_IO', `${what}: ${error.message}`, {
    hint,
    syscall,
    errno: errno === undefined ? undefined : Math.abs(errno),
    cause: error,
  });
}
