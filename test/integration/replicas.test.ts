import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  attachRegion,
  attachReplicated,
  type ReplicaToken,
  type ReplicatedRegion,
  TieredMemory,
} from '../../lib/index.ts';
import { BackendSet, type BackendState } from '../../lib/memory/backend-set.ts';
import { arrayTypes, constructorCode, type TypedArrayConstructor } from '../../lib/memory/data.ts';
import { ObjectStore } from '../../lib/memory/object-store.ts';
import { openHeap } from '../../lib/memory/open-heap.ts';
import { Region } from '../../lib/memory/region.ts';
import { ReplicaOwner } from '../../lib/memory/replica-owner.ts';
import { requireNative } from '../../lib/native.ts';
import { processThreads } from '../../lib/numa/replica-thread.ts';
import { HardwareTierManager } from '../../lib/tiers/hardware-tier-manager.ts';
import { codeOf, settle } from '../support/outcomes.ts';

const fixture = fileURLToPath(new URL('../fixtures/replica-worker.js', import.meta.url));
const MiB = 1024 * 1024;

/** A worker and the conversation with it. */
interface Thread {
  readonly worker: Worker;
  does(deed: string, details?: object): Promise<unknown>;
}

let threads: Thread[];
let stop: Int32Array;
let ended: (() => void)[];

beforeEach(() => {
  threads = [];
  ended = [];
  stop = new Int32Array(new SharedArrayBuffer(4));
});

afterEach(async () => {
  Atomics.store(stop, 0, 1);
  await Promise.all(threads.map((thread) => thread.worker.terminate()));
  for (const end of ended) end();
});

/** A memory with one tier, of which each of two made-up nodes has half, and a region of Uint32 on the first. */
function twoNodes(length: number, capacityMiB = 16) {
  const capacityBytes = capacityMiB * MiB;
  const { tiers } = HardwareTierManager.detect({
    tiers: [
      {
        name: 'L1_DDR',
        backends: [
          { kind: 'simulated', capacityBytes },
          { kind: 'simulated', capacityBytes },
        ],
      },
    ],
  });
  const set = new BackendSet(openHeap(tiers), tiers);
  const store = new ObjectStore(set);
  const code = constructorCode(Uint32Array, 'type');
  const id = store.allocate(code, length * 4, { tiers: [0], node: -1, pinned: false }, false);
  const object = store.space.largeOf(id);
  if (object === undefined) throw new Error('no region');
  const backends: readonly BackendState[] = set.ofTier[0];
  expect(set.backendOf(object.firstChunk)).toBe(backends[0]);
  const owner = new ReplicaOwner(store, object, {
    nodes: [0, 1],
    nearest: (node) => backends[node],
    isAlive: processThreads(requireNative()).isAlive,
  });
  const token = {
    region: {
      token: set.heap.shareRun(object.firstChunk, object.byteLength),
      type: 'Uint32Array',
      length,
      counts: new SharedArrayBuffer(64),
    },
    replicas: owner.table.parts,
  } as unknown as ReplicaToken<Uint32Array>;
  ended.push(() => {
    owner.close();
    store.close();
  });
  return { set, store, id, owner, token, backends };
}

async function start(token: ReplicaToken<Uint32Array>, node: number): Promise<Thread> {
  const worker = new Worker(fixture, { workerData: { token, node, stop } });
  const [{ attached }] = await once(worker, 'message');
  expect(attached).toBe(token.region.length * 4);
  const thread: Thread = {
    worker,
    async does(deed, details = {}) {
      worker.postMessage({ does: deed, ...details });
      const [answer] = await once(worker, 'message');
      return answer.result;
    },
  };
  threads.push(thread);
  return thread;
}

describe('a replicated region', () => {
  it('is copied to the node that reads it, from the budget of its tier, and given back', async () => {
    const length = (4 * MiB) / 4;
    const { set, owner, token, backends } = twoNodes(length);
    const here = attachReplicated(token, { node: 0 });
    here.write(
      0,
      Uint32Array.from({ length }, (_, i) => i * 3),
    );
    const used = set.usedBytes(0);
    const [one, two] = [await start(token, 1), await start(token, 1)];
    const digest = () => createHash('sha1').update(here.read()).digest('hex');

    await one.does('useOften', { times: 8 });
    await settle(() => here.stats().nodes[1].state === 'held');
    expect(set.usedBytes(0)).toBe(used + 4 * MiB);
    expect(backends[1].usedUnits * 64 * 1024).toBe(4 * MiB);
    await one.does('useOften', { times: 8 });
    await two.does('useOften', { times: 1 });
    const { copiedBlocks, nodes, heldBytes, localReads } = here.stats();
    expect(copiedBlocks).toBe(64);
    expect(heldBytes).toBe(4 * MiB);
    expect(nodes[0]).toMatchObject({ state: 'none', heldBytes: 0 });
    expect(nodes[1]).toMatchObject({ validBytes: 4 * MiB, reason: '' });
    expect(localReads).toBeGreaterThanOrEqual(8);
    expect(await one.does('digest')).toBe(digest());

    here.write(70_000, Uint32Array.of(5));
    expect(here.stats()).toMatchObject({ invalidations: 1 });
    expect(here.stats().nodes[1].validBytes).toBe(4 * MiB - 64 * 1024);
    expect(await two.does('read', { at: 70_000 })).toEqual(Uint32Array.of(5));
    expect(await one.does('digest')).toBe(digest());

    await one.does('release');
    await sleep(50);
    expect(set.usedBytes(0)).toBe(used + 4 * MiB);
    await two.does('release');
    await settle(() => set.usedBytes(0) === used);
    expect(here.stats().nodes[1]).toMatchObject({ state: 'none', heldBytes: 0 });
    here.release();
    expect(owner.table.closed).toBe(false);
  });

  it.each([
    // A third of a block, so that some lie across two; and much, so that a write takes as long as a few reads.
    { records: 24, length: 5463 },
    { records: 3, length: 200_003 },
  ])(
    'never shows half a write, nor an old one, of $length elements',
    { timeout: 180_000 },
    async ({ records, length }) => {
      const { token, owner, set } = twoNodes(records * length);
      const published = new Int32Array(new SharedArrayBuffer(records * 4));
      const here = attachReplicated(token, { node: 0 });
      for (let record = 0; record < records; record++) {
        const own = Uint32Array.from({ length }, (_, i) => i);
        own[length - 1] = own.subarray(0, -1).reduce((sum, value) => (sum + value) >>> 0, 0);
        here.write(record * length, own);
      }
      const writer = await start(token, 0);
      const readers = await Promise.all([1, 1, 0].map((node) => start(token, node)));
      const job = { records, length, published, pauseEvery: 4 };
      const writes = writer.does('writeRecords', job);
      const checks = readers.map((reader) => reader.does('checkRecords', job));
      // Copies come and go under them, too.
      const enough = () => {
        const { copiedBlocks, invalidations, localReads } = here.stats();
        return copiedBlocks > 100 && invalidations > 100 && localReads > 300;
      };
      for (let i = 0; i < 6000 && !enough(); i++) await sleep(10);
      Atomics.store(stop, 0, 1);
      for (const counts of (await Promise.all(checks)) as Record<string, number>[]) {
        expect(counts).toMatchObject({ torn: 0, stale: 0, backwards: 0 });
        expect(counts.reads).toBeGreaterThan(10);
      }
      expect(await writes).toBeGreaterThan(10);
      expect(enough()).toBe(true);
      expect(here.stats().nodes[1].state).toBe('held');
      expect(set.usedBytes(0)).toBeGreaterThan(records * length * 4);
      expect(owner.table.closed).toBe(false);
      here.release();
    },
  );

  it('loses no update of four threads', async () => {
    const { token } = twoNodes(100_000);
    const adders = await Promise.all([0, 0, 1, 1].map((node) => start(token, node)));
    await Promise.all(adders.map((adder) => adder.does('add', { at: 50_000, times: 2000 })));
    using here = attachReplicated(token, { node: 0 });
    expect(here.read(50_000, 1)[0]).toBe(8000);
    expect(here.stats().writes).toBe(8000);
  });

  it('is not copied where there is no room, and says so', async () => {
    const length = (4 * MiB) / 4;
    const { token, store, set, backends } = twoNodes(length, 4);
    backends[1].usedUnits += 1;
    using here = attachReplicated(token, { node: 1 });
    for (let i = 0; i < 20; i++) here.use(0, length, () => undefined);
    await settle(() => here.stats().nodes[1].state === 'refused');
    expect(here.stats().nodes[1].reason).toMatch(/L1_DDR has no 2 chunks/);
    expect(here.stats()).toMatchObject({ localReads: 0, remoteReads: 20, copiedBlocks: 0 });
    backends[1].usedUnits -= 1;
    for (let i = 0; i < 40; i++) here.use(0, length, () => undefined);
    await settle(() => here.stats().nodes[1].state === 'held');
    expect(set.usedBytes(0)).toBe(8 * MiB);
    expect(store.closed).toBe(false);
  });

  it('that is disposed gives its copies back, and stays readable for who has it', async () => {
    const { token, store, id, set, owner } = twoNodes(100_000);
    const here = attachReplicated(token, { node: 1 });
    here.write(5, Uint32Array.of(55));
    for (let i = 0; i < 5000; i++) here.read(0, 100);
    await settle(() => here.stats().nodes[1].state === 'held');
    for (let i = 0; i < 100; i++) here.read(0, 100);
    expect(here.stats().copiedBlocks).toBe(1);
    owner.close();
    store.remove(id);
    expect(set.usedBytes(0)).toBe(0);
    expect(here.read(5, 1)[0]).toBe(55);
    here.write(5, Uint32Array.of(56));
    expect(here.read(5, 1)[0]).toBe(56);
    expect(codeOf(() => attachReplicated(token))).toBe('ERR_TIER_CLOSED');
    here.release();
    expect(set.heap.backendStats(0).mappedBytes + set.heap.backendStats(1).mappedBytes).toBe(0);
  });

  it('gives a copy back that nobody reads for half a minute, and has it again when it is read', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    ended.push(() => vi.useRealTimers());
    const { token, set } = twoNodes(10_000);
    const used = set.usedBytes(0);
    using here = attachReplicated(token, { node: 1 });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) here.read(0, 100);
      await settle(() => here.stats().nodes[1].state === 'held');
      for (let second = 0; second < 40; second++) {
        here.read(0, 100);
        vi.advanceTimersByTime(1000);
      }
      expect(here.stats().nodes[1]).toMatchObject({ state: 'held', validBytes: 40_000 });
      vi.advanceTimersByTime(28_000);
      expect(set.usedBytes(0)).toBe(2 * used);
      vi.advanceTimersByTime(3000);
      expect(here.stats().nodes[1]).toMatchObject({ state: 'none', validBytes: 0 });
      expect(set.usedBytes(0)).toBe(used);
    }
  });

  it('that a thread drops without a word gives its place among the readers back', async () => {
    const { token, owner } = twoNodes(10_000);
    let here: ReplicatedRegion | undefined = attachReplicated(token, { node: 0 });
    expect(here.read(0, 1)[0]).toBe(0);
    const isThere = () => owner.table.threadId(0) !== 0;
    expect(isThere()).toBe(true);
    here = undefined;
    await settle(() => {
      globalThis.gc?.();
      return !isThere();
    });
  });

  it('gives copies back when the region was removed without a word', async () => {
    const { token, store, id, set, owner } = twoNodes(100_000);
    const here = attachReplicated(token, { node: 1 });
    for (let i = 0; i < 5000; i++) here.read(0, 100);
    await settle(() => here.stats().nodes[1].state === 'held');
    store.remove(id);
    await settle(() => owner.table.closed);
    expect(set.usedBytes(0)).toBe(0);
    here.release();
  });

  it('forgets a thread that was ended while it read the copy, which then can be made anew', async () => {
    const length = (1 * MiB) / 4;
    const { token, owner } = twoNodes(length);
    using here = attachReplicated(token, { node: 1 });
    const copyAll = async () => {
      for (let i = 0; i < 400 && here.stats().nodes[1].validBytes < MiB; i++) {
        here.use(0, length, () => undefined);
        await sleep(5);
      }
      return here.stats().nodes[1].validBytes;
    };
    expect(await copyAll()).toBe(MiB);
    const doomed = await start(token, 1);
    await doomed.does('useForever');
    await settle(() => owner.table.copyHold(1) === 15 << 16);
    await doomed.worker.terminate();
    here.write(0, new Uint32Array(length).fill(3));
    expect(await copyAll()).toBe(MiB);
    expect(owner.table.threadId(1)).toBe(0);
    expect(here.use(0, length, (view) => view.every((value) => value === 3))).toBe(true);
  });

  it('outlives threads that are ended while they read or write it', {
    timeout: 120_000,
  }, async () => {
    const length = (1 * MiB) / 4;
    const { token } = twoNodes(length);
    using here = attachReplicated(token, { node: 0 });
    for (let round = 0; round < 6; round++) {
      const thread = await start(token, round % 2);
      await thread.does(round % 3 === 2 ? 'useForever' : 'writeForever');
      await sleep(20 + round * 7);
      await thread.worker.terminate();
      // Torn at worst, and then it says so.
      const code = codeOf(() => here.read());
      expect([undefined, 'ERR_TIER_CORRUPT']).toContain(code);
      here.write(0, new Uint32Array(length).fill(1000 + round));
      const all = here.read();
      expect(all.every((value) => value === 1000 + round)).toBe(true);
    }
  });
});

describe('the options and tokens of replicas', () => {
  const open = () =>
    TieredMemory.open({
      tiers: [{ name: 'L1_DDR', capacityBytes: '16MiB', kind: 'simulated' }],
      background: false,
    });

  it('work for every type on this machine, whatever nodes it has', async () => {
    await using memory = await open();
    for (const type of arrayTypes as readonly TypedArrayConstructor[]) {
      using region = memory.allocate(type, 1000);
      expect(region).toBeInstanceOf(Region);
      const token = region.share({ replicas: 'per-node' });
      expect(region.share({ replicas: 'per-node' })).toEqual(token);
      using here = attachReplicated(structuredClone(token));
      const data = here.read(0, 3);
      expect(data.constructor.name).toBe(type.name);
      data[1] = (type.name.startsWith('Big') ? 7n : 7) as never;
      here.write(500, data);
      expect(here.read(500, 3)).toEqual(data);
      here.use(500, 3, (view) => expect(view).toEqual(data));
      here.update(500, 1, (elements) => elements.set(data.subarray(1, 2) as never));
      expect(region.view[500]).toBe(data[1]);
      expect(here.read(1000)).toHaveLength(0);
      expect(here.use(1000, 0, (view) => view.length)).toBe(0);
    }
  });

  it('are refused when they make no sense', async () => {
    await using memory = await open();
    const region = memory.allocate(Int32Array, 1000);
    expect(() => region.share({ replicas: 'all' as never })).toThrow(/"options.replicas" must be/);
    expect(() => region.share(5 as never)).toThrow(TypeError);
    const token = region.share({ replicas: 'per-node' });
    expect(() => attachRegion(token as never)).toThrow(TypeError);
    expect(() => attachReplicated(region.share() as never)).toThrow(TypeError);
    for (const rubbish of [
      undefined,
      {},
      { ...token, replicas: {} },
      { ...token, replicas: { ...token.replicas, byteLength: 3 } },
      { ...token, replicas: { ...token.replicas, memory: new SharedArrayBuffer(80) } },
      { ...token, region: { ...token.region, length: 1_000_000 } },
    ]) {
      expect(() => attachReplicated(rubbish as never)).toThrow(TypeError);
    }
    expect(region.attached).toBe(0);
    expect(() => attachReplicated(token, { node: -1 })).toThrow(RangeError);
    region.dispose();
    expect(codeOf(() => attachReplicated(token))).toBe('ERR_TIER_CLOSED');
  });

  it('of calls are checked before anything is done', async () => {
    await using memory = await open();
    const here = attachReplicated(memory.allocate(Int32Array, 10).share({ replicas: 'per-node' }));
    for (const [start, length] of [
      [-1, 1],
      [0.5, 1],
      [0, 11],
      [11, 0],
      [10, 1],
      [0, -1],
    ]) {
      expect(() => here.read(start, length)).toThrow(RangeError);
      expect(() => here.use(start, length, () => 0)).toThrow(RangeError);
      expect(() => here.update(start, length, () => 0)).toThrow(RangeError);
    }
    expect(() => here.write(5, new Int32Array(6))).toThrow(RangeError);
    expect(() => here.write(0, new Uint32Array(1) as never)).toThrow(/a Int32Array/);
    expect(() => here.readInto(0, [1, 2] as never)).toThrow(TypeError);
    expect(() => here.use(0, 1, 5 as never)).toThrow(TypeError);
    expect(() => here.use(0, 1, async () => 0)).toThrow(/a synchronous function/);
    expect(() => here.update(0, 1, async (all) => all.fill(9))).toThrow(/a synchronous function/);
    expect([...here.read()]).toEqual(new Array(10).fill(0));
    here.use(0, 1, () => expect(codeOf(() => here.release())).toBe('ERR_TIER_BUSY'));
    here.release();
    here.release();
    expect(codeOf(() => here.read())).toBe('ERR_TIER_CLOSED');
    expect(codeOf(() => here.stats())).toBe('ERR_TIER_CLOSED');
  });
});
