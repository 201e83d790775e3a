import { describe, expect, it } from 'vitest';
import type { NativePool } from '../../../lib/pool/pool-binding.ts';
import { PoolWatches } from '../../../lib/pool/pool-watch.ts';

/** One key whose version the test sets. */
class FakePool {
  version = 1;
  readonly watched: Set<number> = new Set();
  #changed: (watch: number) => void = () => undefined;
  #next = 1;

  watch(_key: string, changed: (watch: number) => void): number {
    this.#changed = changed;
    this.watched.add(this.#next);
    return this.#next++;
  }
  unwatch(watch: number): void {
    this.watched.delete(watch);
  }
  versionOf(): number {
    return this.version;
  }
  ring(): void {
    for (const watch of this.watched) this.#changed(watch);
  }
}

function make(): { pool: FakePool; watches: PoolWatches } {
  const pool = new FakePool();
  return { pool, watches: new PoolWatches(pool as unknown as NativePool) };
}

describe('a watch', () => {
  it('tells changes since it was begun, each once, also when nobody waits', async () => {
    const { pool, watches } = make();
    const watch = watches.watch('k', undefined);
    pool.version = 2;
    pool.ring();
    pool.version = 3;
    pool.ring();
    expect(await watch.next()).toEqual({ done: false, value: { key: 'k', version: 3 } });
    const waiting = watch.next();
    pool.ring(); // in vain: another key of the shard
    await Promise.resolve();
    pool.version = 0;
    pool.ring();
    expect(await waiting).toEqual({ done: false, value: { key: 'k', version: null } });
    await watch.return?.();
    expect(pool.watched.size).toBe(0);
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it('gives a change to one of those who wait, and the next one to the other', async () => {
    const { pool, watches } = make();
    const watch = watches.watch('k', undefined);
    const both = [watch.next(), watch.next()];
    pool.version = 2;
    pool.ring();
    await new Promise((resolve) => setImmediate(resolve));
    pool.version = 3;
    pool.ring();
    const versions = (await Promise.all(both)).map(({ value }) => value.version);
    expect(versions.sort()).toEqual([2, 3]);
  });

  it('ends by its signal, with its reason', async () => {
    const { pool, watches } = make();
    const abort = new AbortController();
    const waiting = watches.watch('k', abort.signal).next();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(pool.watched.size).toBe(0);
    expect(watches.active).toBe(false);
    expect(() => watches.watch('k', abort.signal)).toThrow('enough');
    expect(pool.watched.size).toBe(0);
  });

  it('ends when the pool is closed', async () => {
    const { watches } = make();
    const waiting = watches.watch('k', undefined).next();
    watches.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });
});
