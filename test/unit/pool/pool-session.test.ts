import { describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import type { NativePool } from '../../../lib/pool/pool-binding.ts';
import { PoolSession } from '../../../lib/pool/pool-session.ts';

const busy = (): TierError => new TierError('ERR_TIER_BUSY', 'the pool is being repaired');

function session(): { session: PoolSession; closings: () => number } {
  let closings = 0;
  const native = {
    close: () => {
      closings++;
    },
  } as Partial<NativePool> as NativePool;
  return { session: new PoolSession(native), closings: () => closings };
}

describe('a member of a pool', () => {
  it('words an error alike whether a call fails at once or later', async () => {
    const { session: open } = session();
    const later = open.track(() => Promise.reject(busy()));
    const atOnce = open.track(() => {
      throw busy();
    });
    for (const failing of [later, atOnce]) {
      await expect(failing).rejects.toMatchObject({
        code: 'ERR_TIER_BUSY',
        hint: expect.any(String),
      });
    }
    expect(() =>
      open.call(() => {
        throw busy();
      }),
    ).toThrow(expect.objectContaining({ hint: expect.any(String) }));
  });

  it('ends once, and waits for what is under way', async () => {
    const { session: open, closings } = session();
    let finish = (): void => {};
    const under = open.track(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    let closed = false;
    const closing = Promise.all([open.close(), open.close()]).then(() => {
      closed = true;
    });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    finish();
    await Promise.all([under, closing]);
    expect(closings()).toBe(1);
    expect(() => open.check()).toThrow(expect.objectContaining({ code: 'ERR_TIER_CLOSED' }));
  });

  it('is closed by being told that it was declared dead', async () => {
    const { session: open, closings } = session();
    const gone = new TierError('ERR_TIER_CLOSED', 'this member of the pool was declared dead');
    await expect(open.track(() => Promise.reject(gone))).rejects.toMatchObject({
      code: 'ERR_TIER_CLOSED',
    });
    expect(open.closed).toBe(true);
    expect(closings()).toBe(1);
  });
});
