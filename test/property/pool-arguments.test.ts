import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CxlMemoryPool } from '../../lib/index.ts';
import { requireNative } from '../../lib/native.ts';
import type { NativePool } from '../../lib/pool/pool-binding.ts';
import { checkPoolOpen } from '../../lib/pool/pool-options.ts';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();

/** Whatever a program may hand over. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    Number.NaN,
    -1,
    -0,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    Number.MAX_VALUE,
    Number.POSITIVE_INFINITY,
    2n ** 63n,
    -(2n ** 63n),
    10n ** 40n,
    '',
    '\0',
    '\ud800',
    'key',
    'x'.repeat(96),
    'x'.repeat(97),
    'x'.repeat(2_000_000),
    Symbol('s'),
    () => 1,
    class {},
    {},
    [],
    ['/dev/null'],
    new Proxy({}, {}),
    new Date(),
    new Map(),
    Object.create(null),
    new Uint8Array(0),
    new Uint8Array(new SharedArrayBuffer(16)),
    new DataView(new ArrayBuffer(8)),
    new ArrayBuffer(8),
    new ArrayBuffer(70_000),
    new Float64Array(3),
    Float64Array,
    Promise.resolve(1),
    AbortSignal.abort(),
  ),
  fc.constant('detached').map(() => {
    const bytes = new Uint8Array(8);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes as unknown;
  }),
  fc.anything(),
  fc.integer({ min: 0, max: 20 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
);

/** Calls it with whatever there is; what comes out is an error of ours or a result. */
async function call(
  target: object,
  name: string,
  args: readonly unknown[],
): Promise<'ok' | 'refused'> {
  const method = (target as Record<string, (...given: unknown[]) => unknown>)[name];
  try {
    const result = Reflect.apply(method, target, args);
    if (result instanceof Promise) await result;
    return 'ok';
  } catch (error) {
    const { code } = error as { code?: unknown };
    // The signal's own reason, and what an argument's own code throws, are the caller's.
    const ours = typeof code === 'string' ? /^ERR_(TIER|INVALID_ARG)_/.test(code) : true;
    expect([name, args, ours ? 'ours' : String(error)]).toEqual([name, args, 'ours']);
    return 'refused';
  }
}

describe('a pool that is given anything', () => {
  it('refuses it or does it, by its methods', async () => {
    const pool = await directory.open({ capacityBytes: '24MiB' });
    const methods = [
      'put',
      'putSync',
      'compareAndSet',
      'update',
      'get',
      'getEntry',
      'fetch',
      'has',
      'versionOf',
      'borrow',
      'allocate',
      'add',
      'delete',
      'reclaim',
      'declareLost',
      'addDevice',
      'watch',
    ];
    const counts = { ok: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.array(anything, { maxLength: 4 }),
        async (name, args) => {
          // A file of somebody's own is no argument to try things with.
          if (name === 'addDevice' && typeof args[0] === 'string' && args[0] !== '') return;
          const given =
            name === 'update'
              ? [args[0], typeof args[1] === 'function' ? () => args[2] : args[1]]
              : args;
          counts[await call(pool, name, given)]++;
        },
      ),
      { numRuns: 3000 },
    );
    expect(counts.ok).toBeGreaterThan(50);
    expect(counts.refused).toBeGreaterThan(500);
    pool.putSync('still', 'works');
    expect(pool.get('still')).toBe('works');
    expect((await pool.check()).damages).toBe(0);
  });

  it('refuses it or does it, in the native part', async () => {
    const config = checkPoolOpen({ devices: [directory.path()], capacityBytes: '24MiB' });
    const native: NativePool = await requireNative().openPool(config, new ArrayBuffer(65536));
    const methods = Object.keys(native).filter((name) => name !== 'close' && name !== 'addDevice');
    expect(methods.length).toBeGreaterThan(20);
    const counts = { ok: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...methods),
        fc.array(anything, { maxLength: 4 }),
        async (name, args) => {
          if (name === 'repair') return;
          counts[await call(native, name, args)]++;
        },
      ),
      { numRuns: 3000 },
    );
    expect(counts.ok).toBeGreaterThan(300);
    expect(counts.refused).toBeGreaterThan(500);
    for (const other of [{}, null, undefined, native.put, new Date()]) {
      expect(() => Reflect.apply(native.versionOf, other, ['k'])).toThrow();
    }
    native.close();
    native.close();
    for (const name of methods) {
      if (name !== 'release' && name !== 'unwatch') await call(native, name, ['k', 1, 2]);
    }
  });

  it('refuses it when it is opened or destroyed', async () => {
    const good = { devices: [directory.path()], capacityBytes: '8MiB' };
    const names = Object.keys(checkPoolOpen(good));
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names, 'lock'), anything, async (name, value) => {
        if (name === 'devices' && Array.isArray(value) && value.some((v) => typeof v === 'string'))
          return;
        if (
          (await call(CxlMemoryPool, 'open', [{ ...good, [name]: value, patienceMs: 1 }])) ===
          'refused'
        )
          refused++;
      }),
      { numRuns: 300 },
    );
    expect(refused).toBeGreaterThan(200);
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const config = { ...checkPoolOpen(good), members: value };
        await call(requireNative(), 'openPool', [value, value]);
        await call(requireNative(), 'openPool', [config, new ArrayBuffer(100)]);
        await call(requireNative(), 'destroyPool', [value]);
      }),
      { numRuns: 300 },
    );
  });
});
