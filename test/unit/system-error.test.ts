import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { TierError } from '../../lib/errors.ts';
import { fileError, systemErrorCode, systemErrorDetails } from '../../lib/system-error.ts';

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('an error of a system call', () => {
  const missing = thrownBy(() => readFileSync('/no/such/file'));

  it('has the code that its errno comes down to, and is of the file where that says nothing', () => {
    const codeOf = (code: string): string => systemErrorCode(Object.assign(new Error(), { code }));
    expect(systemErrorCode(missing)).toBe('ERR_TIER_UNAVAILABLE');
    expect(codeOf('ENOSPC')).toBe('ERR_TIER_FULL');
    expect(codeOf('EROFS')).toBe('ERR_TIER_NO_PERMISSION');
    expect(codeOf('EIO')).toBe('ERR_TIER_IO');
    expect(systemErrorCode(new Error('no code'))).toBe('ERR_TIER_IO');
  });

  it('tells its call and a positive errno, and is the cause', () => {
    expect(systemErrorDetails(missing)).toEqual({
      syscall: 'open',
      errno: constants.errno.ENOENT,
      cause: missing,
    });
  });

  it('becomes a TierError with what was done and what helps', () => {
    const error = fileError(missing, 'The log cannot be read', 'Check the path.') as TierError;
    expect(error).toBeInstanceOf(TierError);
    expect(error).toMatchObject({
      code: 'ERR_TIER_UNAVAILABLE',
      hint: 'Check the path.',
      syscall: 'open',
      errno: constants.errno.ENOENT,
      cause: missing,
    });
    expect(error.message).toMatch(/^The log cannot be read: ENOENT/);
  });
});

describe('what is no error of a system call', () => {
  it('stays as it is', () => {
    const known = new TierError('ERR_TIER_LOST', 'gone');
    const misuse = new TypeError('misuse');
    for (const error of [known, misuse, 'text', undefined]) {
      expect(fileError(error, 'The log cannot be read')).toBe(error);
    }
  });
});
