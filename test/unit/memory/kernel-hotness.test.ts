import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chunkUnitBase } from '../../../lib/memory/large-object.ts';
import { FakeSource, probe, trackerOver } from '../../support/hotness.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A promise that is kept when it is told. */
function gate() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((keep) => {
    resolve = keep;
  });
  return { promise, resolve: () => resolve() };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('tracking through the kernel', () => {
  it('opens nothing before there is a region, and closes when the last one is gone', async () => {
    const source = new FakeSource('referenced');
    const { hotness, store, opened, region } = trackerOver([source]);
    await pass(10_000);
    expect(opened).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    const first = region(2);
    await pass(1000);
    expect(hotness.stats().sources).toEqual(['referenced']);
    store.remove(first.id);
    await pass(1000);
    expect(source.closed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    region(1);
    await pass(1000);
    expect(opened).toEqual(['referenced', 'referenced']);
    expect(hotness.stats().watchedChunks).toBe(1);
  });

  it('turns what was found into heat of the chunks it was found in', async () => {
    const source = new FakeSource('referenced');
    const { store, region } = trackerOver([source]);
    const object = region(4);
    source.accesses = (chunk) => (chunk === object.firstChunk + 2 ? { reads: 300 } : {});
    await pass(1000);
    store.ledger.fold(1024);
    const heat = [0, 1, 2, 3].map((i) =>
      store.units.heatLog2(chunkUnitBase + object.firstChunk + i),
    );
    expect(heat[2]).toBeGreaterThan(Math.log2(300));
    expect(heat.filter((value) => value === Number.NEGATIVE_INFINITY)).toHaveLength(3);
    expect(store.ledger.accesses[1].reads).toBe(300 * source.looks);
  });

  it('counts a write once, whoever else calls it an access', async () => {
    const referenced = new FakeSource('referenced');
    const writeProtect = new FakeSource('write-protect');
    const { store, region } = trackerOver([referenced, writeProtect]);
    referenced.accesses = () => ({ reads: 12 });
    writeProtect.accesses = () => ({ writes: 5 });
    region(1);
    await pass(100);
    store.ledger.fold(1024);
    expect(store.ledger.accesses[1]).toEqual({ reads: 7, writes: 5 });
  });

  it('takes a huge page that somebody accessed for all of its pages', async () => {
    const source = new FakeSource('referenced');
    const { store, region } = trackerOver([source]);
    source.accesses = () => ({ reads: 1 });
    region(1);
    await pass(100);
    store.ledger.fold(1024);
    expect(store.ledger.accesses[1].reads).toBe(512);
  });

  it('adds to what is reported, which stays exact', async () => {
    const source = new FakeSource('referenced');
    const { store, region } = trackerOver([source]);
    const object = region(1);
    source.accesses = () => ({ reads: 10 });
    store.ledger.noteLarge(object, 0, 4096, true);
    await pass(100);
    store.ledger.fold(1024);
    expect(store.ledger.accesses[1]).toEqual({ reads: 10, writes: 1 });
  });

  it('lets time pass by the turn and not by the page', async () => {
    const source = new FakeSource('referenced');
    const { store, region } = trackerOver([source]);
    region(2);
    source.accesses = () => ({ reads: 512 });
    await pass(100);
    store.ledger.fold(1024);
    expect(store.ledger.clock.accesses).toBe(16);
  });

  it('counts a region as tracked once all of it was looked at, if reads are seen', async () => {
    const source = new FakeSource('referenced');
    const { region } = trackerOver([source]);
    const object = region(3);
    await pass(100);
    expect(object.tracked).toBe(false);
    await pass(1000);
    expect(object.tracked).toBe(true);
    expect(source.looks).toBeGreaterThan(1);

    const writesOnly = new FakeSource('write-protect');
    const blind = trackerOver([writesOnly]);
    const left = blind.region(3);
    await pass(5000);
    expect(writesOnly.looks).toBeGreaterThan(2);
    expect(left.tracked).toBe(false);
  });

  it('never looks at chunks that were freed, nor takes what was found in them for those of another', async () => {
    const source = new FakeSource('referenced');
    const { store, region } = trackerOver([source]);
    const kept = region(1);
    const first = region(2);
    await pass(100);
    expect(source.watched).toHaveLength(3);
    const late = gate();
    source.during = () => late.promise;
    source.accesses = () => ({ reads: 9 });
    await pass(1000);
    // Freed during a look; the next region gets the same chunks.
    store.remove(first.id);
    const second = region(2);
    expect(second.firstChunk).toBe(first.firstChunk);
    source.during = async () => undefined;
    late.resolve();
    await pass(0);
    store.ledger.fold(1024);
    expect(store.ledger.accesses[1].reads).toBe(9);
    store.remove(second.id);
    await pass(1000);
    expect(source.watched).toEqual([kept.firstChunk]);
  });

  it('holds off while somebody moves what it would look at', async () => {
    const source = new FakeSource('referenced');
    const { hotness, region } = trackerOver([source]);
    region(1);
    const look = gate();
    source.during = () => look.promise;
    await pass(100);
    const steps: string[] = [];
    const move = gate();
    const done = hotness.withoutLooks(async () => {
      steps.push('began');
      await move.promise;
    });
    await pass(1000);
    expect(steps).toEqual([]);
    look.resolve();
    await pass(1000);
    expect({ steps, looks: source.looks }).toEqual({ steps: ['began'], looks: 1 });
    move.resolve();
    await done;
    await pass(1000);
    expect(source.looks).toBeGreaterThan(1);
  });

  it('stops for good when it is closed during a look', async () => {
    const source = new FakeSource('referenced');
    const { hotness, store, region } = trackerOver([source]);
    region(1);
    const late = gate();
    source.during = () => late.promise;
    source.accesses = () => ({ reads: 9 });
    await pass(100);
    expect(source.looks).toBe(1);
    hotness.close();
    store.close();
    late.resolve();
    await pass(100_000);
    expect(source.closed).toBe(true);
    expect(source.looks).toBe(1);
    expect(store.ledger.accesses[1].reads).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts failures, goes on, and takes the next source when one keeps failing', async () => {
    const damon = new FakeSource('damon');
    const referenced = new FakeSource('referenced');
    const { hotness, region } = trackerOver([damon, referenced]);
    region(1);
    damon.failures = [new Error('no memory'), new Error('no memory')];
    await pass(10_000);
    expect(hotness.stats()).toMatchObject({ sources: ['damon'], errors: 2 });
    // A look waits for the kernel, and keeps a thread of the pool meanwhile.
    expect(damon.looks).toBeLessThanOrEqual(10);
    expect(hotness.stats().unused).toContainEqual({ kind: 'referenced', reason: 'damon is used' });
    damon.failures = Array.from({ length: 3 }, () => new Error('the kdamond is gone'));
    await pass(10_000);
    expect(damon.closed).toBe(true);
    expect(referenced.looks).toBeGreaterThan(0);
    const { sources, errors, lastError, unused } = hotness.stats();
    expect({ sources, errors }).toEqual({ sources: ['referenced'], errors: 5 });
    expect(lastError).toContain('the kdamond is gone');
    const { reason } = unused.find(({ kind }) => kind === 'damon') ?? {};
    expect(reason).toContain('failed 3 times');
  });

  it('takes the next source when one that should work cannot be opened', async () => {
    const referenced = new FakeSource('referenced');
    const probes = [probe('damon'), probe('referenced')];
    const { hotness, region } = trackerOver([referenced], { probes });
    region(1);
    await pass(1000);
    expect(hotness.stats()).toMatchObject({ sources: ['referenced'], errors: 1 });
    expect(hotness.stats().unused).toContainEqual({
      kind: 'damon',
      reason: 'Error: damon is refused',
    });
  });

  it('waits until its cost is within the budget, the faults it causes included', async () => {
    const source = new FakeSource('write-protect');
    // To begin with is dearer, and no reason to wait.
    source.costNs = () => (source.looks === 1 ? 200e6 : 2e6);
    const { hotness, region } = trackerOver([source], { overhead: 0.01 });
    region(1);
    await pass(200);
    expect(source.looks).toBe(2);
    expect(hotness.stats().intervalMs).toBeCloseTo(200, 0);
    source.accesses = () => ({ writes: 10_000 });
    await pass(600_000);
    expect(hotness.stats().intervalMs).toBeCloseTo(1600, -2);
    expect(hotness.stats().costShare).toBeLessThan(0.0105);
    expect(hotness.stats().costShare).toBeGreaterThan(0.005);
  });

  it('watches in turn what is too dear to watch at once, until it has seen all', async () => {
    const source = new FakeSource('referenced');
    // A whole look at all 32 chunks would take 2 s: 200 s of a budget of 1 %.
    source.costNs = (chunks) => chunks * 62.5e6;
    const { hotness, region } = trackerOver([source]);
    const object = region(32);
    await pass(200_000);
    const watched = new Set<number>();
    for (let i = 0; i < 20; i++) {
      for (const chunk of source.watched) watched.add(chunk);
      expect(source.watched.length).toBeLessThan(32);
      await pass(120_000);
    }
    expect(watched.size).toBe(32);
    expect(object.tracked).toBe(true);
    expect(hotness.stats().regionChunks).toBe(32);
  });
});
