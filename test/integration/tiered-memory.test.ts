import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NumaOptimizer, TierError, TieredMemory, type TypedArray } from '../../lib/index.ts';
import { codeOf } from '../support/outcomes.ts';

const tiers = [
  { name: 'L1_DDR', capacityBytes: '4MiB', kind: 'simulated' },
  { name: 'L4_NVME', capacityBytes: '64MiB', kind: 'simulated' },
] as const;

let memory: TieredMemory;

beforeEach(async () => {
  memory = await TieredMemory.open({ tiers, background: false });
});

afterEach(async () => {
  await memory.close();
});

describe('storing and reading', () => {
  it('gives every type back as it was, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 3 + 1);
    const values = [
      new Uint8Array(bytes),
      new Uint8ClampedArray(bytes),
      new Int8Array(bytes),
      new Uint16Array(bytes.buffer),
      new Int16Array(bytes.buffer),
      new Uint32Array(bytes.buffer),
      new Int32Array(bytes.buffer),
      Float32Array.of(1.5, -2.25, Number.POSITIVE_INFINITY),
      Float64Array.of(Math.PI, Number.MIN_VALUE),
      BigInt64Array.of(-1n, 2n ** 62n),
      BigUint64Array.of(2n ** 63n),
    ] satisfies TypedArray[];
    for (const value of values) {
      const handle = await memory.store(value);
      expect(handle.type).toBe(value.constructor.name);
      expect(handle.read()).toStrictEqual(value);
      expect(handle.borrow()).toStrictEqual(value);
    }
    const buffer = await memory.store(Buffer.from('bytes'));
    expect(Buffer.isBuffer(buffer.read())).toBe(true);
    expect(buffer.read().toString()).toBe('bytes');
    const arrayBuffer = await memory.store(bytes.buffer);
    expect(new Uint8Array(arrayBuffer.read())).toStrictEqual(bytes);
    const dataView = await memory.store(new DataView(bytes.buffer, 8, 8));
    expect(dataView.read().getUint8(0)).toBe(bytes[8]);
    for (const text of [
      '',
      'plain',
      'ünïcödé 🦎 \u{10ffff}',
      '\ufeffwith a mark',
      'x'.repeat(3_000_000),
    ]) {
      expect((await memory.store(text)).read()).toBe(text);
    }
  });

  it('stores a slice of a larger buffer as the slice alone', async () => {
    const whole = Uint8Array.from({ length: 100 }, (_, i) => i);
    expect((await memory.store(whole.subarray(10, 20))).read()).toStrictEqual(whole.slice(10, 20));
  });

  it('finds by string and by number, which are different keys', async () => {
    await memory.store('string', { key: '42' });
    await memory.store('number', { key: 42 });
    expect(memory.get('42')?.read()).toBe('string');
    expect(memory.get(42)?.read()).toBe('number');
    expect(memory.get('43')).toBeUndefined();
    expect([...memory.keys()]).toEqual(['42', 42]);
    expect(memory.delete(42)).toBe(true);
    expect(memory.delete(42)).toBe(false);
    expect(memory.has('42')).toBe(true);
    expect(memory.size).toBe(1);
  });

  it('replaces the value under a key: old handles see it if the type is the same, else they end', async () => {
    const first = await memory.store('one', { key: 'k' });
    await memory.store('two, which is longer than the first', { key: 'k' });
    expect(first.read()).toBe('two, which is longer than the first');
    const other = await memory.store(Uint8Array.of(3), { key: 'k' });
    expect(first.disposed).toBe(true);
    expect(other.read()).toStrictEqual(Uint8Array.of(3));
    expect(memory.size).toBe(1);
  });

  it('replaces a large value by a small one and back', async () => {
    const handle = await memory.store(new Uint8Array(3_000_000).fill(1), { key: 'k' });
    await memory.store(Uint8Array.of(2), { key: 'k' });
    expect(handle.read()).toStrictEqual(Uint8Array.of(2));
    await memory.store(new Uint8Array(5_000_000).fill(3), { key: 'k' });
    expect(handle.byteLength).toBe(5_000_000);
    expect(handle.read().every((byte) => byte === 3)).toBe(true);
  });

  it('reads into the caller’s array and refuses one that is too short', async () => {
    const handle = await memory.store(Float32Array.of(1, 2, 3));
    const target = new Float32Array(5).fill(9);
    expect(handle.read(target)).toBe(target);
    expect([...target]).toEqual([1, 2, 3, 9, 9]);
    expect(codeOf(() => handle.read(new Uint8Array(4)))).toBe('ERR_INVALID_ARG_VALUE');
  });

  it('fetches what get finds', async () => {
    await memory.store('cold', { key: 'c', tierHint: 'L4_NVME' });
    await memory.store(new Uint8Array(3_000_000).fill(7), { key: 'large', tierHint: 'L4_NVME' });
    expect((await memory.fetch('c'))?.read()).toBe('cold');
    expect((await memory.fetch<Uint8Array>('large'))?.read()[2_999_999]).toBe(7);
    expect(await memory.fetch('absent')).toBeUndefined();
    expect(memory.stats().leases).toBe(0);
  });
});

describe('placement', () => {
  it('honours a hint, and takes the next tier in use for one that is not', async () => {
    expect((await memory.store('a', { tierHint: 'L1_DDR' })).tier).toBe('L1_DDR');
    expect((await memory.store('b', { tierHint: 'L4_NVME' })).tier).toBe('L4_NVME');
    expect((await memory.store('c', { tierHint: 'L0_HBM' })).tier).toBe('L1_DDR');
    expect((await memory.store('d', { tierHint: 'L2_CXL' })).tier).toBe('L4_NVME');
  });

  it('fills the fast tier first and then the next one, never over a budget', async () => {
    for (let i = 0; i < 2000; i++) await memory.store(new Uint8Array(4096).fill(i), { key: i });
    const { tiers } = memory.stats();
    for (const tier of tiers) expect(tier.usedBytes).toBeLessThanOrEqual(tier.capacityBytes);
    expect(tiers[0].units).toBeGreaterThan(900);
    expect(tiers[0].units + tiers[1].units).toBe(2000);
    for (let i = 0; i < 2000; i++) {
      const bytes = memory.get<Uint8Array>(i)!.read();
      expect(bytes[0] === (i & 255) && bytes[4095] === (i & 255)).toBe(true);
    }
  });

  it('moves what is used to the fast tier and what is not out of it, and says why', async () => {
    for (let i = 0; i < 2000; i++) await memory.store(new Uint8Array(4096).fill(i), { key: i });
    const hot = [...memory.keys()]
      .filter((key) => memory.get(key)!.tier === 'L4_NVME')
      .slice(0, 100);
    for (let round = 0; round < 200; round++) for (const key of hot) memory.get(key)!.borrow();
    const plan = await memory.optimizePlacement({ dryRun: true });
    expect(plan.moves.length).toBeGreaterThan(0);
    expect(memory.get(hot[0])!.tier).toBe('L4_NVME');
    const report = await memory.optimizePlacement();
    expect(report.outcomes.moved).toBeGreaterThan(0);
    expect(new Set(report.moves.map((move) => move.reason)).size).toBeGreaterThan(0);
    const promoted = hot.filter((key) => memory.get(key)!.tier === 'L1_DDR').length;
    expect(promoted).toBeGreaterThan(90);
    for (let i = 0; i < 2000; i++) expect(memory.get<Uint8Array>(i)!.read()[0]).toBe(i & 255);
  });

  it('plans after a dry run what it would have planned without it, whatever the policy', async () => {
    for (const policy of ['balanced', 'lru'] as const) {
      await using planned = await TieredMemory.open({ tiers, policy, background: false });
      for (let i = 0; i < 2000; i++) await planned.store(new Uint8Array(4096), { key: i });
      for (let i = 1500; i < 1600; i++) for (let n = 0; n < 20; n++) planned.get(i)!.borrow();
      const dry = await planned.optimizePlacement({ dryRun: true });
      expect(dry.moves.length).toBeGreaterThan(0);
      const real = await planned.optimizePlacement();
      const { length } = dry.moves;
      expect(real.moves.slice(0, length).map(({ unit, to }) => [unit, to])).toEqual(
        dry.moves.map(({ unit, to }) => [unit, to]),
      );
    }
  });

  it('never moves what is pinned', async () => {
    const pinned = await memory.store('stays', { tierHint: 'L4_NVME', pinned: true });
    for (let i = 0; i < 10_000; i++) pinned.borrow();
    await memory.optimizePlacement();
    expect(pinned.tier).toBe('L4_NVME');
  });

  it('migrates in the background and keeps no process alive', async () => {
    await using background = await TieredMemory.open({ tiers, background: { intervalMs: 5 } });
    const handle = await background.store(new Uint8Array(1000), { tierHint: 'L4_NVME' });
    for (let wait = 0; wait < 200 && handle.tier === 'L4_NVME'; wait++) {
      for (let i = 0; i < 10_000; i++) handle.borrow();
      await sleep(5);
    }
    expect(handle.tier).toBe('L1_DDR');
  });
});

describe('the nodes of a memory', () => {
  it('are at hand, with the backends of its own tiers by how near they are', () => {
    const { numa } = memory;
    expect(numa).toBeInstanceOf(NumaOptimizer);
    expect(memory.numa).toBe(numa);
    const { index, node } = numa.backendsByNearness('L1_DDR')[0];
    expect({ index, node }).toEqual({ index: 0, node: null });
    expect(numa.backendsByNearness('L4_NVME')).toHaveLength(1);
    expect(numa.backendsByNearness('L0_HBM')).toEqual([]);
  });
});

describe('leases', () => {
  it('see the bytes they were opened on, through rewriting and deletion', async () => {
    const handle = await memory.store(Uint8Array.of(1, 2, 3), { key: 'k' });
    {
      using lease = handle.lease();
      handle.write(Uint8Array.of(4, 5, 6));
      memory.delete('k');
      for (let i = 0; i < 100; i++) await memory.store(Uint8Array.of(9, 9, 9));
      expect([...lease.view]).toEqual([1, 2, 3]);
      expect(memory.stats().leases).toBe(1);
    }
    expect(memory.stats().leases).toBe(0);
  });

  it('are of no use after they ended, and end twice without harm', async () => {
    const handle = await memory.store('text');
    const lease = handle.lease();
    lease.dispose();
    lease.dispose();
    expect(codeOf(() => lease.view)).toBe('ERR_TIER_CLOSED');
  });
});

describe('regions', () => {
  it('are zero-filled live views that become empty when disposed', () => {
    const region = memory.allocate(Float64Array, 300_000);
    const { view } = region;
    expect(view.every((number) => number === 0)).toBe(true);
    view[299_999] = 1.5;
    expect(region.view[299_999]).toBe(1.5);
    expect(region.shares()).toEqual([{ tier: 'L1_DDR', chunks: 2 }]);
    region.dispose();
    region.dispose();
    expect(view.length).toBe(0);
    expect(codeOf(() => region.view)).toBe('ERR_TIER_CLOSED');
  });

  it('move chunk by chunk at one address by the accesses reported, keeping every byte', async () => {
    const region = memory.allocate(Uint32Array, 3 * 524_288, { tierHint: 'L4_NVME' });
    for (let i = 0; i < region.view.length; i++) region.view[i] = i ^ 0x5bd1e995;
    for (let i = 0; i < 10_000; i++) region.touch({ start: 524_288, length: 10 });
    await memory.optimizePlacement();
    expect(region.shares()).toEqual([
      { tier: 'L1_DDR', chunks: 1 },
      { tier: 'L4_NVME', chunks: 2 },
    ]);
    let wrong = 0;
    for (let i = 0; i < region.view.length; i++)
      if (region.view[i] !== (i ^ 0x5bd1e995) >>> 0) wrong++;
    expect(wrong).toBe(0);
  });

  it('stay where they are while pinned and while nobody reported an access', async () => {
    const silent = memory.allocate(Uint8Array, 100, { tierHint: 'L4_NVME' });
    const pinned = memory.allocate(Uint8Array, 100, { tierHint: 'L4_NVME' });
    {
      using _pin = pinned.pin();
      for (let i = 0; i < 10_000; i++) pinned.touch();
      await memory.optimizePlacement();
      expect(pinned.shares()[0].tier).toBe('L4_NVME');
    }
    for (let i = 0; i < 10_000; i++) pinned.touch();
    await memory.optimizePlacement();
    expect(pinned.shares()[0].tier).toBe('L1_DDR');
    expect(silent.shares()[0].tier).toBe('L4_NVME');
  });
});

describe('garbage collection', () => {
  /** Collects until `done` or, after ten seconds, gives up. Finalizers run between turns of the event loop. */
  async function collectUntil(done: () => boolean): Promise<boolean> {
    for (let i = 0; i < 500 && !done(); i++) {
      globalThis.gc?.();
      await sleep(20);
    }
    return done();
  }

  it('frees what was stored without a key when nobody can reach it any more', async () => {
    for (let i = 0; i < 50; i++) await memory.store(new Uint8Array(1000));
    await memory.store('kept', { key: 'k' });
    for (let i = 0; i < 3; i++) memory.allocate(Uint8Array, 1000);
    expect(memory.size).toBe(54);
    expect(await collectUntil(() => memory.size === 1)).toBe(true);
    expect(memory.get('k')?.read()).toBe('kept');
  });

  it('keeps a region as long as a view of its memory is reachable', async () => {
    const { view } = memory.allocate(Float64Array, 300_000);
    const part = new Uint8Array(memory.allocate(Uint8Array, 5000).view.buffer, 100, 10);
    for (let i = 0; i < 20; i++) memory.allocate(Uint8Array, 10);
    // The last one may still be on the stack.
    expect(await collectUntil(() => memory.size <= 3)).toBe(true);
    expect(view.length).toBe(300_000);
    expect(part.length).toBe(10);
  });

  it('ends a lease that was dropped, but not while its view is reachable', async () => {
    await memory.store('bytes', { key: 'k' });
    const { view } = memory.get<string>('k')!.lease();
    memory.get('k')!.lease();
    expect(await collectUntil(() => memory.stats().leases === 1)).toBe(true);
    expect(Buffer.from(view).toString()).toBe('bytes');
  });
});

describe('bad input', () => {
  it('of a wrong type is a TypeError that names the argument', async () => {
    for (const data of [undefined, null, 1, {}, [], Symbol('x'), () => {}]) {
      await expect(memory.store(data as never)).rejects.toMatchObject({
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
    for (const key of [{}, true, 1n, Symbol('k')]) {
      expect(codeOf(() => memory.storeSync('x', { key: key as never }))).toBe(
        'ERR_INVALID_ARG_TYPE',
      );
    }
    for (const key of ['', 'x'.repeat(5000), 1.5, Number.NaN, 2 ** 60]) {
      expect(codeOf(() => memory.storeSync('x', { key }))).toBe('ERR_INVALID_ARG_VALUE');
    }
    expect(codeOf(() => memory.storeSync('x', null as never))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => memory.storeSync('x', { tierHint: 'L9_TAPE' as never }))).toBe(
      'ERR_INVALID_ARG_VALUE',
    );
    expect(codeOf(() => memory.storeSync('x', { numaNode: -1 }))).toBe('ERR_INVALID_ARG_VALUE');
    expect(codeOf(() => memory.storeSync('x', { pinned: 1 as never }))).toBe(
      'ERR_INVALID_ARG_TYPE',
    );
    expect(memory.size).toBe(0);
  });

  it('of an absurd size is refused before anything is taken', () => {
    for (const length of [-1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(codeOf(() => memory.allocate(Uint8Array, length))).toBe('ERR_INVALID_ARG_VALUE');
    }
    expect(codeOf(() => memory.allocate(Uint8Array, '9' as never))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => memory.allocate(Map as never, 9))).toBe('ERR_INVALID_ARG_TYPE');
    expect(codeOf(() => memory.allocate(Uint8Array, 1e9))).toBe('ERR_TIER_FULL');
  });

  it('over every budget is ERR_TIER_FULL with the figures, and what was there stays whole', async () => {
    const stored = [];
    let failure: unknown;
    try {
      for (let i = 0; i < 100; i++)
        stored.push(await memory.store(new Uint8Array(1_000_000).fill(i)));
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(TierError);
    expect(failure).toMatchObject({ code: 'ERR_TIER_FULL' });
    expect((failure as TierError).message).toContain('L4_NVME');
    expect(stored.length).toBeGreaterThan(60);
    stored.forEach((handle, i) => {
      expect(handle.borrow()[999_999]).toBe(i);
    });
    await expect(memory.store(new Uint8Array(100_000_000))).rejects.toMatchObject({
      code: 'ERR_TIER_FULL',
    });
  });

  it('is refused after the data, the handle or the memory has ended', async () => {
    const anonymous = await memory.store('x');
    const keyed = await memory.store('y', { key: 'y' });
    anonymous.dispose();
    anonymous.dispose();
    expect(codeOf(() => anonymous.read())).toBe('ERR_TIER_CLOSED');
    keyed.dispose();
    expect(keyed.read()).toBe('y');
    memory.delete('y');
    for (const action of [
      () => keyed.read(),
      () => keyed.borrow(),
      () => keyed.lease(),
      () => keyed.write('z'),
      () => keyed.tier,
      () => keyed.heat,
    ]) {
      expect(codeOf(action)).toBe('ERR_TIER_CLOSED');
    }
    const last = await memory.store('z', { key: 'z' });
    await memory.close();
    await memory.close();
    expect(codeOf(() => last.read())).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => memory.get('z'))).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => memory.stats())).toBe('ERR_TIER_CLOSED');
    await expect(memory.store('x')).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    await expect(memory.fetch('z')).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
    await expect(memory.optimizePlacement()).rejects.toMatchObject({ code: 'ERR_TIER_CLOSED' });
  });

  it('in the options of open is refused by name', async () => {
    const cases: [unknown, string][] = [
      [null, 'ERR_INVALID_ARG_TYPE'],
      [{ polcy: 'lru' }, 'ERR_INVALID_ARG_VALUE'],
      [{ policy: 'lruu' }, 'ERR_INVALID_ARG_VALUE'],
      [{ policy: 7 }, 'ERR_INVALID_ARG_TYPE'],
      [{ tiers: [{ name: 'L7' }] }, 'ERR_INVALID_ARG_VALUE'],
      [{ tiers: [] }, 'ERR_INVALID_ARG_VALUE'],
      [{ background: { intervalMs: 0 } }, 'ERR_INVALID_ARG_VALUE'],
      [{ background: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
      [{ mainThreadBudgetUs: -1 }, 'ERR_INVALID_ARG_VALUE'],
      [{ policyFile: '/nowhere/policy.json' }, 'ERR_TIER_CONFIG'],
    ];
    for (const [options, code] of cases) {
      await expect(TieredMemory.open(options as never)).rejects.toMatchObject({ code });
    }
  });
});
