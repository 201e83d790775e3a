import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CxlMemoryPool } from '../../lib/index.ts';
import { requireNative } from '../../lib/native.ts';
import type { NativePool } from '../../lib/pool/pool-binding.ts';
import { checkPoolOpen } from '../../lib/pool/pool-options.ts';
import { poolDirectory } from '../support/pool-directory.ts';
import { propertyRuns, propertyTests, sayFigures } from '../support/property-runs.ts';

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

/** A buffer that can shrink; not every library of types knows them. */
function resizable(byteLength: number): ArrayBuffer & { resize(byteLength: number): void } {
  const ArrayBufferOf = ArrayBuffer as unknown as new (
    byteLength: number,
    options: { readonly maxByteLength: number },
  ) => ArrayBuffer & { resize(byteLength: number): void };
  return new ArrayBufferOf(byteLength, { maxByteLength: byteLength });
}

/** What becomes of a call's bytes while it is under way. */
const takenAway = new WeakMap<object, () => void>();

const length = fc.oneof(
  { weight: 40, arbitrary: fc.nat(300) },
  { weight: 5, arbitrary: fc.nat(40_000) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000_000, max: 3_000_000 }) },
);
const bytes = fc.oneof(
  { weight: 6, arbitrary: length.map((n) => new Uint8Array(n)) },
  length.map((n) => new Uint8Array(new SharedArrayBuffer(n))),
  length.map((n) => {
    const shrinking = resizable(n);
    const view = new Uint8Array(shrinking);
    takenAway.set(view, () => shrinking.resize(0));
    return view;
  }),
  length.map((n) => {
    const moving = new Uint8Array(n);
    takenAway.set(moving, () => structuredClone(moving.buffer, { transfer: [moving.buffer] }));
    return moving;
  }),
);
const key = fc.oneof(
  { weight: 4, arbitrary: fc.nat(20).map((n) => `key ${n}`) },
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
);
const expected = fc.oneof(fc.constant(undefined), fc.nat(30));
const small = fc.nat(20);

/** What methods want, so that they are not only refused at their first argument. */
type Wanted = Readonly<Record<string, readonly fc.Arbitrary<unknown>[]>>;

const data = fc.oneof(
  bytes,
  fc.string({ maxLength: 500 }),
  length.map((n) => new Float64Array(n % 5000)),
);
const bigint = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const ofPool: Wanted = {
  put: [key, data],
  putSync: [key, data],
  compareAndSet: [key, expected, data],
  update: [key, fc.oneof(data, anything).map((value) => () => value)],
  get: [key],
  getEntry: [key],
  fetch: [key],
  has: [key],
  versionOf: [key],
  borrow: [key],
  allocate: [key, fc.nat(40_000)],
  add: [key, bigint],
  delete: [key],
  reclaim: [],
  declareLost: [small],
  addDevice: [],
  watch: [key],
};
const ofNative: Wanted = {
  put: [key, bytes, fc.nat(31), expected],
  putLarge: [key, bytes, fc.nat(31), expected],
  read: [key],
  fetch: [key],
  borrow: [key],
  release: [small],
  makeRegion: [key, fc.oneof(small, fc.nat(3_000_000))],
  delete: [key, expected],
  add: [key, bigint],
  versionOf: [key],
  list: [fc.nat(70_000), small],
  watch: [key, fc.constant(() => {})],
  unwatch: [small],
  reclaim: [fc.constantFrom('0123456789abcdef', 'f'.repeat(16))],
  declareLost: [small],
};

/** Calls with what the method wants, with anything, and with both; some of it missing. */
function callsOf(
  methods: readonly string[],
  wanted: Wanted,
): fc.Arbitrary<readonly [string, readonly unknown[]]> {
  return fc.tuple(fc.constantFrom(...methods), fc.nat(12)).chain(([name, missing]) =>
    fc.tuple(
      fc.constant(name),
      fc
        .tuple(
          ...[0, 1, 2, 3].map((at) => {
            const fitting = wanted[name]?.[at];
            if (fitting === undefined) return anything;
            return fc.oneof({ weight: 6, arbitrary: fitting }, anything);
          }),
        )
        .map((args) => args.slice(0, Math.min(missing, 4))),
    ),
  );
}

/** Calls it with whatever there is; what comes out is an error of ours or a result. */
async function call(
  target: object,
  name: string,
  args: readonly unknown[],
): Promise<'ok' | 'refused' | 'full'> {
  const method = (target as Record<string, (...given: unknown[]) => unknown>)[name];
  try {
    const result = Reflect.apply(method, target, args);
    for (const arg of args) if (ArrayBuffer.isView(arg)) takenAway.get(arg)?.();
    if (result instanceof Promise) await result;
    if (typeof result === 'number' && name === 'watch') (target as NativePool).unwatch(result);
    else if (name === 'watch') await (result as AsyncIterableIterator<unknown>).return?.();
    return 'ok';
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_TIER_FULL') return 'full';
    // The signal's own reason, and what an argument's own code throws, are the caller's.
    if (typeof code === 'string' && !/^ERR_(TIER|INVALID_ARG)_/.test(code)) {
      throw new Error(`${name} threw something that is not ours`, { cause: error });
    }
    return 'refused';
  }
}

describe('a pool that is given anything', propertyTests, () => {
  it('refuses it or does it, by its methods', async () => {
    const pool = await directory.open({ capacityBytes: '24MiB' });
    const counts = { ok: 0, refused: 0, full: 0 };
    const runs = propertyRuns(3000);
    await fc.assert(
      fc.asyncProperty(callsOf(Object.keys(ofPool), ofPool), async ([name, args]) => {
        // A file of somebody's own is no argument to try things with.
        if (name === 'addDevice' && typeof args[0] === 'string' && args[0] !== '') return;
        const what = await call(pool, name, args);
        counts[what]++;
        if (what === 'full') for (const one of pool.keys()) pool.delete(one);
      }),
      runs,
    );
    sayFigures('methods', runs, counts);
    expect(counts.ok).toBeGreaterThan(1000);
    expect(counts.refused).toBeGreaterThan(500);
    pool.putSync('still', 'works');
    expect(pool.get('still')).toBe('works');
    expect((await pool.check()).damages).toBe(0);
  });

  it('refuses it or does it, in the native part', async () => {
    const config = checkPoolOpen({ devices: [directory.path()], capacityBytes: '24MiB' });
    const native: NativePool = await requireNative().openPool(config, new ArrayBuffer(65536));
    const methods = Object.keys(native).filter(
      (name) => !['close', 'addDevice', 'repair'].includes(name),
    );
    expect(methods.length).toBeGreaterThan(20);
    expect(Object.keys(ofNative).filter((name) => !methods.includes(name))).toEqual([]);
    const counts = { ok: 0, refused: 0, full: 0 };
    const byMethod = new Map<string, number>();
    const runs = propertyRuns(3000);
    await fc.assert(
      fc.asyncProperty(callsOf(methods, ofNative), async ([name, args]) => {
        const what = await call(native, name, args);
        counts[what]++;
        if (what === 'ok') byMethod.set(name, (byMethod.get(name) ?? 0) + 1);
        if (what === 'full') {
          for (const entry of native.list(0, 4096).entries) native.delete(entry.key, undefined);
        }
      }),
      runs,
    );
    sayFigures('native methods', runs, counts);
    // Each of them has done something, but for the one that has no other device to go on with.
    expect(methods.filter((name) => !byMethod.has(name))).toEqual(['declareLost']);
    expect(counts.refused).toBeGreaterThan(500);
    for (const other of [{}, null, undefined, native.put, new Date()]) {
      expect(() => Reflect.apply(native.versionOf, other, ['k'])).toThrow();
    }
    expect((await native.check()).damages).toBe(0);
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
    const runs = propertyRuns(300);
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
      runs,
    );
    expect(refused).toBeGreaterThan(200);
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const config = { ...checkPoolOpen(good), members: value };
        await call(requireNative(), 'openPool', [value, value]);
        await call(requireNative(), 'openPool', [config, new ArrayBuffer(100)]);
        await call(requireNative(), 'destroyPool', [value]);
      }),
      runs,
    );
    sayFigures('opening', runs, { refused });
  });
});
