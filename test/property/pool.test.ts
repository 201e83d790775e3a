import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CxlMemoryPool, PoolLease, StoredData } from '../../lib/index.ts';
import { poolDirectory } from '../support/pool-directory.ts';

const directory = poolDirectory();

/** Bytes that depend on every input, so that a mix-up of objects cannot go unseen. */
function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(seed + i, 0x9e3779b1) >>> 24) ^ seed;
  return bytes;
}

function equal(actual: StoredData | undefined, expected: Uint8Array | undefined): boolean {
  if (actual === undefined || expected === undefined) return actual === expected;
  return Buffer.compare(actual as Uint8Array, expected) === 0;
}

const who = fc.nat(1);
const key = fc.nat(11).map((n) => `key ${n}`);
const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 5, arbitrary: fc.integer({ min: 300, max: 70_000 }) },
  fc.integer({ min: 1_000_000, max: 1_600_000 }),
  fc.integer({ min: 2_000_000, max: 2_300_000 }),
);
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), who, key, size }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('putIf' as const),
      who,
      key,
      size,
      stale: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('update' as const), who, key }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('delete' as const), who, key, stale: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lease' as const), who, key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlease' as const), at: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fetch' as const), who, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('maintain' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rejoin' as const), who }) },
);

interface Leased {
  readonly by: number;
  readonly lease: PoolLease<Uint8Array>;
  readonly bytes: Uint8Array;
}

async function history(replicas: 1 | 2): Promise<void> {
  let operations = 0;
  let full = 0;
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80 }), async (commands) => {
      round++;
      const devices = [directory.path(`a${round}`), directory.path(`b${round}`)].slice(0, replicas);
      const open = (): Promise<CxlMemoryPool> =>
        directory.open({ devices, replicas, capacityBytes: '14MiB', maxHeld: 64 });
      const pools = [await open(), await open()];
      const model = new Map<string, { bytes: Uint8Array; version: number }>();
      const stale = new Map<string, number>();
      let leases: Leased[] = [];
      let seed = 0;
      /** What is full changes nothing. */
      const put = (
        name: string,
        change: () => number | undefined,
        bytes: Uint8Array,
        may: boolean,
      ): void => {
        try {
          const version = change();
          expect(version !== undefined).toBe(may);
          if (version === undefined) return;
          const before = model.get(name)?.version ?? stale.get(name) ?? 0;
          expect(version).toBeGreaterThan(before);
          stale.set(name, before);
          model.set(name, { bytes, version });
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_TIER_FULL' });
          full++;
        }
      };
      for (const step of commands) {
        operations++;
        if (step.kind === 'unlease') {
          for (const { lease } of leases.splice(step.at, 1)) lease.dispose();
          continue;
        }
        const pool = pools[step.who];
        if (step.kind === 'maintain') {
          expect(await pool.maintain()).toBe(0);
          continue;
        }
        if (step.kind === 'rejoin') {
          leases = leases.filter(({ by }) => by !== step.who);
          await pool.close();
          pools[step.who] = await open();
          continue;
        }
        const known = model.get(step.key);
        switch (step.kind) {
          case 'put': {
            const bytes = content(seed++, step.size);
            put(step.key, () => pool.putSync(step.key, bytes), bytes, true);
            break;
          }
          case 'putIf': {
            const bytes = content(seed++, step.size);
            const expected = step.stale ? (stale.get(step.key) ?? 0) : (known?.version ?? 0);
            const may = expected === (known?.version ?? 0);
            put(step.key, () => pool.compareAndSet(step.key, expected, bytes), bytes, may);
            break;
          }
          case 'update': {
            const bytes = new Uint8Array([...(known?.bytes ?? []).slice(0, 5000), seed++ & 0xff]);
            put(
              step.key,
              () =>
                pool.update<Uint8Array>(step.key, (value) => {
                  expect(equal(value, known?.bytes)).toBe(true);
                  return bytes;
                }),
              bytes,
              true,
            );
            break;
          }
          case 'delete': {
            const ifVersion = step.stale ? stale.get(step.key) : undefined;
            const may =
              known !== undefined && (ifVersion === undefined || ifVersion === known.version);
            const options = ifVersion === undefined ? {} : { ifVersion };
            expect(pool.delete(step.key, options)).toBe(may);
            if (may) {
              stale.set(step.key, known.version);
              model.delete(step.key);
            }
            break;
          }
          case 'lease': {
            if (leases.length > 20) break;
            const lease = pool.borrow<Uint8Array>(step.key);
            expect(lease?.version).toBe(known?.version);
            if (lease !== undefined && known !== undefined) {
              leases.push({ by: step.who, lease, bytes: known.bytes });
            }
            break;
          }
          case 'fetch':
            expect(equal(await pool.fetch(step.key), known?.bytes)).toBe(true);
            break;
        }
        expect(equal(pool.get(step.key), model.get(step.key)?.bytes)).toBe(true);
        for (const { lease, bytes } of leases) expect(equal(lease.view, bytes)).toBe(true);
      }
      for (const pool of pools) {
        expect([...pool.keys()].sort()).toEqual([...model.keys()].sort());
        for (const [name, { bytes, version }] of model) {
          expect(pool.versionOf(name)).toBe(version);
          expect(equal(pool.get(name), bytes)).toBe(true);
        }
      }
      expect(await pools[0].check()).toMatchObject({
        damages: 0,
        unequalCopies: 0,
        objects: model.size,
      });
      for (const { lease } of leases) lease.dispose();
      for (const name of model.keys()) pools[1].delete(name);
      for (const pool of pools) await pool.maintain();
      for (const pool of pools) expect(pool.stats().own).toMatchObject({ held: 0, waiting: 0 });
      await Promise.all(pools.map((pool) => pool.close()));
    }),
    { numRuns: 40 },
  );
  expect(operations).toBeGreaterThan(500);
  expect(full).toBeGreaterThan(0);
}

describe('a pool with two members', () => {
  it('behaves as a Map of byte arrays, whoever puts, updates, leases and deletes', () =>
    history(1));

  it('does so with two replicas, too', () => history(2));
});
