import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { CxlMemoryPool, PoolLease, StoredData } from '../../lib/index.ts';
import { poolDirectory } from '../support/pool-directory.ts';
import { propertyRuns, propertyTests, Shrinking, sayFigures } from '../support/property-runs.ts';

const directory = poolDirectory();
/** So many histories go over the same pools, each of which leaves them empty. */
const historiesPerPool = 50;

/** No two places of it are alike. */
const noise = new Uint8Array(4 * 1024 * 1024);
for (let i = 0, state = 1; i < noise.length; i++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  noise[i] = state;
}

/** Bytes that depend on the seed, so that a mix-up of objects cannot go unseen. */
function content(seed: number, length: number): Uint8Array {
  const at = (seed * 7919) % (noise.length - length);
  return noise.subarray(at, at + length);
}

function equal(actual: StoredData | undefined, expected: Uint8Array | undefined): boolean {
  if (actual === undefined || expected === undefined) return actual === expected;
  return Buffer.compare(actual as Uint8Array, expected) === 0;
}

const who = fc.nat(1);
const key = fc.nat(11).map((n) => `key ${n}`);
const size = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 10, arbitrary: fc.integer({ min: 300, max: 30_000 }) },
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

type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

interface Leased {
  readonly by: number;
  readonly lease: PoolLease<Uint8Array>;
  readonly bytes: Uint8Array;
}

/** What of a history came about. */
interface Figures {
  operations: number;
  full: number;
  leased: number;
  rejoined: number;
}

/** Two members of a pool that is made anew now and then. */
class Pools {
  readonly members: CxlMemoryPool[] = [];
  readonly #replicas: 1 | 2;
  #made = 0;
  #used = 0;

  constructor(replicas: 1 | 2) {
    this.#replicas = replicas;
  }

  #devices(): string[] {
    return [directory.path(`a${this.#made}`), directory.path(`b${this.#made}`)].slice(
      0,
      this.#replicas,
    );
  }

  #open(): Promise<CxlMemoryPool> {
    return directory.open({
      devices: this.#devices(),
      replicas: this.#replicas,
      capacityBytes: '14MiB',
      maxHeld: 64,
    });
  }

  /** Before a history. */
  async prepare(anew: boolean): Promise<void> {
    if (!anew && this.#used++ % historiesPerPool !== 0) return;
    await this.close();
    this.#made++;
    this.members.push(await this.#open(), await this.#open());
  }

  async rejoin(who: number): Promise<void> {
    await this.members[who].close();
    this.members[who] = await this.#open();
  }

  async close(): Promise<void> {
    await Promise.all(this.members.splice(0).map((pool) => pool.close()));
    for (const device of this.#devices()) rmSync(device, { force: true });
  }
}

/** Goes through a history with the pools and with a Map, and compares them all the while. */
async function follow(commands: readonly Command[], at: Pools, figures: Figures): Promise<void> {
  const pools = at.members;
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
      figures.full++;
    }
  };
  for (const step of commands) {
    figures.operations++;
    if (step.kind === 'unlease') {
      for (const { lease, bytes } of leases.splice(step.at, 1)) {
        expect(equal(lease.view, bytes)).toBe(true);
        lease.dispose();
      }
      continue;
    }
    const pool = pools[step.who];
    if (step.kind === 'maintain') {
      expect(await pool.maintain()).toBe(0);
      continue;
    }
    if (step.kind === 'rejoin') {
      leases = leases.filter(({ by }) => by !== step.who);
      await at.rejoin(step.who);
      figures.rejoined++;
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
        const bytes = new Uint8Array([...(known?.bytes.subarray(0, 500) ?? []), seed++ & 0xff]);
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
        const may = known !== undefined && (ifVersion === undefined || ifVersion === known.version);
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
          figures.leased++;
        }
        break;
      }
      case 'fetch':
        expect(equal(await pool.fetch(step.key), known?.bytes)).toBe(true);
        break;
    }
    expect(equal(pool.get(step.key), model.get(step.key)?.bytes)).toBe(true);
    // One at each step, all in the end: what has been overwritten stays so.
    for (const { lease, bytes } of leases
      .slice(figures.operations % (leases.length + 1))
      .slice(0, 1))
      expect(equal(lease.view, bytes)).toBe(true);
  }
  for (const pool of pools) {
    expect([...pool.keys()].sort()).toEqual([...model.keys()].sort());
    for (const [name, { bytes, version }] of model) {
      expect(pool.versionOf(name)).toBe(version);
      expect(equal(pool.get(name), bytes)).toBe(true);
    }
  }
  for (const { lease, bytes } of leases) expect(equal(lease.view, bytes)).toBe(true);
  expect(await pools[0].check()).toMatchObject({
    damages: 0,
    unequalCopies: 0,
    objects: model.size,
  });
  for (const { lease } of leases) lease.dispose();
  for (const name of model.keys()) pools[1].delete(name);
  for (const pool of pools) await pool.maintain();
  for (const pool of pools) expect(pool.stats().own).toMatchObject({ held: 0, waiting: 0 });
}

let used: Pools | undefined;

async function histories(replicas: 1 | 2): Promise<void> {
  const figures: Figures = { operations: 0, full: 0, leased: 0, rejoined: 0 };
  const pools = new Pools(replicas);
  used = pools;
  const shrinking = new Shrinking();
  const runs = propertyRuns(40);
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80 }), async (commands) => {
      await pools.prepare(shrinking.is);
      await shrinking.watch(() => follow(commands, pools, figures));
    }),
    runs,
  );
  expect(figures.operations).toBeGreaterThan(500);
  expect(figures.full).toBeGreaterThan(0);
  expect(figures.leased).toBeGreaterThan(0);
  expect(figures.rejoined).toBeGreaterThan(0);
  sayFigures(`histories with ${replicas} replicas`, runs, { ...figures });
}

afterEach(() => used?.close());

describe('a pool with two members', propertyTests, () => {
  it('behaves as a Map of byte arrays, whoever puts, updates, leases and deletes', () =>
    histories(1));

  it('does so with two replicas, too', () => histories(2));
});
