import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachRegion, type Region, type RegionToken, TieredMemory } from '../../lib/index.ts';
import { arrayTypes } from '../../lib/memory/data.ts';
import { codeOf, settle } from '../support/outcomes.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const tiers = [{ name: 'L1_DDR', capacityBytes: '8MiB', kind: 'simulated' }] as const;
const chunkElements = (2 * 1024 * 1024) / Int32Array.BYTES_PER_ELEMENT;

let memory: TieredMemory;
let threads: Thread[];

beforeEach(async () => {
  memory = await TieredMemory.open({ tiers, background: false });
  threads = [];
});

afterEach(async () => {
  await Promise.all(threads.map((thread) => thread.worker.terminate()));
  await memory.close();
});

/** A worker and the conversation with it. */
interface Thread {
  readonly worker: Worker;
  /** What it posted first. */
  readonly first: { readonly attached?: number; readonly token?: RegionToken<Int32Array> };
  does(deed: string, details?: object): Promise<unknown>;
}

async function start(workerData: object): Promise<Thread> {
  const worker = new Worker(fixture('shared-region-worker.js'), { workerData });
  const [first] = await once(worker, 'message');
  const thread: Thread = {
    worker,
    first,
    async does(deed, details = {}) {
      worker.postMessage({ does: deed, ...details });
      const [answer] = await once(worker, 'message');
      return answer.result;
    },
  };
  threads.push(thread);
  return thread;
}

function mappedBytes(): number {
  return memory
    .stats()
    .tiers.flatMap((tier) => tier.backends)
    .reduce((sum, backend) => sum + backend.mappedBytes, 0);
}

describe('a region shared with other threads', () => {
  it('is the same memory for all of them', async () => {
    const region = memory.allocate(Int32Array, chunkElements + 10);
    region.view[3] = 33;
    const [one, two] = [
      await start({ token: region.share() }),
      await start({ token: region.share() }),
    ];
    expect(one.first.attached).toBe(region.byteLength);
    expect(region.attached).toBe(2);
    expect(await one.does('read', { at: 3 })).toBe(33);
    await one.does('write', { at: chunkElements + 9, value: -5 });
    expect(region.view[chunkElements + 9]).toBe(-5);
    expect(await two.does('read', { at: chunkElements + 9 })).toBe(-5);
    await one.does('release');
    expect(region.attached).toBe(1);
    expect(await two.does('read', { at: 3 })).toBe(33);
  });

  it('counts exactly when four threads add to it with Atomics', async () => {
    const region = memory.allocate(Int32Array, 100);
    const times = 200_000;
    const started = await Promise.all(
      Array.from({ length: 4 }, () => start({ token: region.share() })),
    );
    const done = started.map((thread) => thread.does('add', { at: 50, times }));
    for (let i = 0; i < times; i++) Atomics.add(region.view, 50, 1);
    await Promise.all(done);
    expect(Atomics.load(region.view, 50)).toBe(5 * times);
  });

  it('counts what other threads say they use, and is planned for by it', async () => {
    const region = memory.allocate(Int32Array, 2 * chunkElements);
    const thread = await start({ token: region.share() });
    await thread.does('touch', { start: chunkElements, length: 10, times: 30 });
    await thread.does('touch', { start: 0, length: 1, times: 5, write: true });
    const report = await memory.optimizePlacement();
    expect(report.unitsConsidered).toBeGreaterThanOrEqual(2);
    expect(memory.stats().tiers[0]).toMatchObject({ reads: 30, writes: 5 });
    const explanation = await memory.explain(region);
    const [first, second] = explanation!.units;
    expect(second.heat).toBeGreaterThan(first.heat);
    await memory.optimizePlacement();
    expect(memory.stats().tiers[0]).toMatchObject({ reads: 30, writes: 5 });
  });

  it('takes no word for elements it does not have', () => {
    const attached = attachRegion(memory.allocate(Int32Array, 10).share());
    expect(() => attached.touch({ start: 11 })).toThrow(RangeError);
    expect(() => attached.touch({ start: 5, length: 6 })).toThrow(RangeError);
    attached.release();
    expect(codeOf(() => attached.touch())).toBe('ERR_TIER_CLOSED');
  });

  it('may be attached by the thread that owns it, with a view of its own', () => {
    const region = memory.allocate(Float64Array, 10);
    const token = region.share();
    expect(region.share()).toEqual(token);
    using shared = attachRegion(token);
    shared.view[9] = 1.5;
    expect(region.view[9]).toBe(1.5);
    expect(shared.view).toBeInstanceOf(Float64Array);
    expect(shared.view.length).toBe(10);
  });

  it('has a view for every type of elements', () => {
    for (const type of arrayTypes) {
      using region = memory.allocate(type as Uint8ArrayConstructor, 3) as Region;
      using shared = attachRegion(structuredClone(region.share()));
      expect(shared.view.constructor).toBe(type);
      expect(shared.view.length).toBe(3);
      expect(shared.byteLength).toBe(region.byteLength);
    }
  });
});

describe('letting go of a shared region', () => {
  it('leaves an empty view behind, once', () => {
    const region = memory.allocate(Int32Array, 10);
    const shared = attachRegion(region.share());
    const { view } = shared;
    shared.release();
    shared.release();
    expect(view.length).toBe(0);
    expect(codeOf(() => shared.view)).toBe('ERR_TIER_CLOSED');
    expect(region.view.length).toBe(10);
    expect(region.attached).toBe(0);
  });

  it('gives the memory and its budget back only when the owner and every thread have', async () => {
    const region = memory.allocate(Int32Array, 4 * chunkElements);
    const token = region.share();
    const [one, two] = [await start({ token }), await start({ token })];
    region.dispose();
    expect(codeOf(() => attachRegion(token))).toBe('ERR_TIER_CLOSED');
    expect(mappedBytes()).toBe(8 * 1024 * 1024);
    expect(codeOf(() => memory.allocate(Int32Array, 10))).toBe('ERR_TIER_FULL');
    await one.does('release');
    await two.does('write', { at: 4 * chunkElements - 1, value: 8 });
    expect(await two.does('read', { at: 4 * chunkElements - 1 })).toBe(8);
    expect(mappedBytes()).toBe(8 * 1024 * 1024);
    await two.does('release');
    expect(mappedBytes()).toBe(0);
    expect(memory.allocate(Int32Array, 4 * chunkElements).view.every((word) => word === 0)).toBe(
      true,
    );
  });

  it('happens on its own when the thread is idle, without a call of the owner', async () => {
    const before = fileMappings();
    const files = await TieredMemory.open({
      tiers: [{ name: 'L4_NVME', capacityBytes: '8MiB', directory: '/tmp' }],
      background: false,
    });
    const region = files.allocate(Int32Array, 10);
    const thread = await start({ token: region.share() });
    await files.close();
    expect(await thread.does('read', { at: 5 })).toBe(0);
    expect(fileMappings()).toBe(before + 1);
    await thread.does('release');
    await settle(() => fileMappings() === before);
  });

  it('is done by a thread that ends or is terminated', async () => {
    const region = memory.allocate(Int32Array, chunkElements);
    for (const deed of ['exit', 'churn'] as const) {
      const thread = await start({ token: region.share() });
      expect(region.attached).toBe(1);
      const exited = once(thread.worker, 'exit');
      if (deed === 'churn') await thread.does('churn');
      else thread.worker.postMessage({ does: 'exit' });
      if (deed === 'churn') await thread.worker.terminate();
      await exited;
      expect(region.attached).toBe(0);
      expect(region.view.length).toBe(chunkElements);
    }
  });

  it('is done by the collector when the views are forgotten, and not before', async () => {
    const region = memory.allocate(Int32Array, 10);
    const thread = await start({ token: region.share() });
    await thread.does('drop');
    expect(region.attached).toBe(1);
    await thread.does('write', { at: 4, value: 44 });
    expect(region.view[4]).toBe(44);
    await thread.does('forget');
    await settle(() => region.attached === 0);
  });

  it.skipIf(!('transfer' in ArrayBuffer.prototype))(
    'waits for the new ArrayBuffer when a program moved the bytes to one',
    async () => {
      const region = memory.allocate(Int32Array, 10);
      const shared = attachRegion(region.share());
      const { buffer } = shared.view;
      const moved = new Int32Array((buffer as unknown as { transfer(): ArrayBuffer }).transfer());
      shared.release();
      region.dispose();
      for (let i = 0; i < 3; i++) {
        globalThis.gc?.();
        await sleep(1);
      }
      moved[3] = 3;
      expect(moved[3]).toBe(3);
    },
  );
});

describe('owners that go first', () => {
  it('leave the memory to the threads that have it attached', async () => {
    // Held: a region that nobody holds may be collected before the thread has it attached.
    const region = memory.allocate(Int32Array, chunkElements);
    const token = region.share();
    const thread = await start({ token });
    await memory.close();
    await thread.does('write', { at: 1000, value: 6 });
    expect(await thread.does('read', { at: 1000 })).toBe(6);
    expect(codeOf(() => attachRegion(token))).toBe('ERR_TIER_CLOSED');
    expect(region.disposed).toBe(true);
    await thread.does('release');
  });

  it('may be threads, which end in the middle of anything', async () => {
    const owner = await start({ own: chunkElements });
    const token = owner.first.token as RegionToken<Int32Array>;
    const shared = attachRegion(token);
    const third = await start({ token });
    await owner.does('write', { at: 9, value: 99 });
    expect(await owner.does('attached')).toBe(2);
    await owner.worker.terminate();
    expect(codeOf(() => attachRegion(token))).toBe('ERR_TIER_CLOSED');
    expect(shared.view[9]).toBe(99);
    shared.view[10] = 100;
    expect(await third.does('read', { at: 10 })).toBe(100);
    shared.release();
    expect(await third.does('read', { at: 9 })).toBe(99);
    await third.does('release');
  });

  it('and threads that hold may be terminated at any moment, without a crash or a leak', async () => {
    const before = addressSpaceKiB();
    const region = memory.allocate(Int32Array, chunkElements);
    for (let round = 0; round < 17; round++) {
      const owner = await start({ own: chunkElements });
      const theirs = owner.first.token as RegionToken<Int32Array>;
      const [first, second] = await Promise.all([
        start({ token: theirs }),
        start({ token: region.share() }),
      ]);
      const shared = attachRegion(theirs);
      await Promise.all([first.does('churn'), second.does('churn')]);
      if (round % 2 === 0) await sleep(round % 3);
      const ends: (() => unknown)[] = [
        () => owner.worker.terminate(),
        () => first.worker.terminate(),
        () => second.worker.terminate(),
        () => shared.release(),
      ];
      // Every order comes up, some of them at once.
      for (let i = 0; i < ends.length; i++) {
        const end = ends[(i * (round % 2 === 0 ? 1 : 3) + round) % ends.length]();
        if (round % 5 !== 0) await end;
      }
      await Promise.all([owner, first, second].map(({ worker }) => worker.terminate()));
      threads.length = 0;
      await settle(() => region.attached === 0);
    }
    // One leaked window alone is 256 MiB of address space; 51 threads leave a few stacks and arenas behind.
    expect(addressSpaceKiB() - before).toBeLessThan(10 * 256 * 1024);
  }, 120_000);

  it('end well with the process, whoever owns, holds, and ends it', async () => {
    for (const owner of ['main', 'worker']) {
      for (const [end, status] of [
        ['exit', 0],
        ['throw', 1],
        ['unref', 0],
      ] as const) {
        const run = promisify(execFile)(process.execPath, [
          fixture('shared-region-exit.js'),
          end,
          owner,
        ]);
        const ended = await run.catch((error) => error);
        expect({ owner, end, code: ended.code ?? 0, signal: ended.signal ?? null }).toEqual({
          owner,
          end,
          code: status,
          signal: null,
        });
        expect(ended.stdout).toBe('ready\n');
      }
    }
  }, 60_000);
});

describe('a token', () => {
  it('means nothing in another process', async () => {
    const shared = memory.allocate(Int32Array, 10).share();
    const other = [...shared.token].map((digit) =>
      digit === '0' ? '1' : digit === '1' ? '0' : digit,
    );
    const error = (() => {
      try {
        attachRegion({ ...shared, token: other.join('') });
      } catch (thrown) {
        return thrown as { code: string; hint: string };
      }
      return undefined;
    })();
    expect(error?.code).toBe('ERR_TIER_UNAVAILABLE');
    expect(error?.hint).toMatch(/worker_threads of the process/);
  });

  it('is refused with a TypeError when it is none', () => {
    const token = memory.allocate(Int32Array, 10).share();
    for (const rubbish of [
      undefined,
      null,
      7,
      'token',
      {},
      { ...token, token: 7 },
      { ...token, token: '' },
      { ...token, token: 'rubbish' },
      { ...token, token: `${token.token}0x` },
      { ...token, type: 'Buffer' },
      { ...token, type: 'process' },
      { ...token, length: 0 },
      { ...token, length: 1.5 },
      { ...token, length: '10' },
      { ...token, length: 11 },
      { ...token, type: 'Float64Array' },
    ]) {
      expect(() => attachRegion(rubbish as RegionToken), JSON.stringify(rubbish)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
  });

  it('is not given for a region that is disposed', () => {
    const region = memory.allocate(Int32Array, 10);
    region.dispose();
    expect(codeOf(() => region.share())).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => region.attached)).toBe('ERR_TIER_CLOSED');
  });
});

function fileMappings(): number {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('/tmp/#') && line.includes('(deleted)')).length;
}

/** All address space of the process, mapped or reserved. */
function addressSpaceKiB(): number {
  return Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}
