import { describe, expect, it } from 'vitest';
import { TierError, type TierErrorCode } from '../../../lib/errors.ts';
import { poolError } from '../../../lib/pool/pool-error.ts';

const shown = (code: TierErrorCode, message: string): TierError =>
  poolError(new TierError(code, message)) as TierError;

describe('an error of a pool', () => {
  it('says what can be done about it', () => {
    const cases: [TierErrorCode, string, RegExp][] = [
      ['ERR_TIER_FULL', 'this member holds too many objects', /maxHeld/],
      ['ERR_TIER_FULL', "the key's shard of the pool's directory is full", /maxObjects/],
      ['ERR_TIER_FULL', 'all 64 members of the pool are alive', /maxMembers/],
      ['ERR_TIER_FULL', 'the pool has no room', /addDevice/],
      ['ERR_TIER_BUSY', '/dev/shm/a: there is a pool already', /create: false/],
      ['ERR_TIER_BUSY', 'this member holds objects of the pool', /leases/],
      ['ERR_TIER_BUSY', 'member 3 of the pool is alive', /members\(\)/],
      ['ERR_TIER_UNAVAILABLE', '/a: this is something else than a pool', /overwrite: true/],
      ['ERR_TIER_UNAVAILABLE', "the pool's creation was interrupted; create it again", /overwrite/],
      ['ERR_TIER_UNAVAILABLE', 'the pool has version 9', /another version/],
      ['ERR_TIER_LOST', 'a value of the pool is damaged', /check\(\)/],
      ['ERR_TIER_CLOSED', 'this member of the pool was declared dead', /anew/],
      ['ERR_TIER_NO_PERMISSION', 'the pool is open to be read only', /readOnly/],
    ];
    for (const [code, message, hint] of cases) {
      const error = shown(code, message);
      expect(error.code).toBe(code);
      expect(error.hint).toMatch(hint);
      expect(error.message).toMatch(/\.$/);
      expect(error.cause).toBeInstanceOf(TierError);
    }
  });

  it('is a RangeError when only the core can tell that an argument makes no sense', () => {
    const error = poolError(
      new TierError('ERR_TIER_INVALID', 'a counter has 8 bytes'),
    ) as RangeError;
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'A counter has 8 bytes.',
    });
  });

  it('keeps paths as they are, and what is not the core’s', () => {
    expect(shown('ERR_TIER_IO', '/dev/shm/a: open failed').message).toBe(
      '/dev/shm/a: open failed.',
    );
    const other = new TypeError('x');
    expect(poolError(other)).toBe(other);
    const closed = new TierError('ERR_TIER_CLOSED', 'x', { hint: 'y' });
    expect(poolError(closed)).toBe(closed);
  });
});
