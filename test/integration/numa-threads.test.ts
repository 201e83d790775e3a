/** Threads of this machine, however many nodes it has: by what the kernel says about each of them. */

import cluster from 'node:cluster';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { TierError } from '../../lib/errors.ts';
import { NumaOptimizer } from '../../lib/numa/numa-optimizer.ts';

const numa = new NumaOptimizer();
const all = numa.topology.allowedCpus;
const last = all.at(-1)!;
const several = all.length > 1;
const whereFile = fileURLToPath(new URL('../fixtures/where-worker.js', import.meta.url));
const whereCode = `
  const { readFileSync } = require('node:fs');
  const { parentPort } = require('node:worker_threads');
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  parentPort.postMessage(/^Cpus_allowed_list:\\t(.*)$/m.exec(status)[1]);`;

/** CPUs of every thread of this process, as the kernel lists them. */
function cpusByThread(): Map<number, string> {
  const lists = new Map<number, string>();
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
      lists.set(Number(thread), /^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? '');
    } catch {
      // It has ended since.
    }
  }
  return lists;
}
const ownList = (): string => cpusByThread().get(numa.here().threadId)!;
const wholeList = ownList();

async function listOf(worker: Worker): Promise<string> {
  const [list] = await once(worker, 'message');
  await worker.terminate();
  return list as string;
}

function codeOf(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(TierError);
    expect((error as TierError).hint).toMatch(/\.$/);
    return (error as TierError).code;
  }
  return undefined;
}

afterEach(() => {
  numa.unpinThread();
  expect(ownList()).toBe(wholeList);
});

describe('this thread', () => {
  it('is where the kernel says', () => {
    const here = numa.here();
    expect(here).toMatchObject({ threadId: process.pid, cpus: all, pinned: false });
    expect(all).toContain(here.cpu);
    expect(numa.topology.cpu(here.cpu)?.node).toBe(here.node);
    expect(numa.topology.nodes.map(({ id }) => id)).toContain(numa.residency.sample());
  });

  it('is pinned alone: every other thread keeps its CPUs, those of the pool included', async () => {
    numa.pinThread([last]);
    expect(ownList()).toBe(`${last}`);
    expect(numa.here()).toMatchObject({ cpu: last, cpus: [last], pinned: several });
    await promisify(pbkdf2)('secret', 'salt', 1, 8, 'sha256');
    const others = cpusByThread();
    others.delete(process.pid);
    // Four of V8's and four of libuv's, unless somebody set other numbers.
    expect(others.size).toBeGreaterThan(4);
    expect(new Set(others.values())).toEqual(new Set([wholeList]));
  });

  it('does not narrow what the process may use by being pinned', () => {
    numa.pinThread([last]);
    expect(numa.refresh().allowedCpus).toEqual(all);
    if (several) numa.pinThread([all[0]!]);
  });

  it('is pinned for a run, sync or async, and as before after it', async () => {
    expect(numa.run([last], ownList)).toBe(`${last}`);
    expect(ownList()).toBe(wholeList);
    const read = async (): Promise<string> => {
      await new Promise(setImmediate);
      return ownList();
    };
    expect(await numa.run([last], read)).toBe(`${last}`);
  });

  it('is on the CPUs of a node when pinned to it', () => {
    for (const { id, allowedCpus } of numa.topology.runnableNodes) {
      numa.pinThread(id, { preferMemory: true });
      expect(numa.here()).toMatchObject({ node: id, cpus: allowedCpus, pinnedNode: id });
    }
  });

  it('is left as it was by what cannot be', () => {
    expect(codeOf(() => numa.pinThread(1023))).toBe('ERR_TIER_UNAVAILABLE');
    expect(codeOf(() => numa.pinThread([last, 60_000]))).toBe('ERR_TIER_UNAVAILABLE');
    expect(codeOf(() => numa.run(1023, () => expect.unreachable()))).toBe('ERR_TIER_UNAVAILABLE');
    expect(codeOf(() => numa.spawnWorker(whereFile, { node: 1023 }))).toBe('ERR_TIER_UNAVAILABLE');
    expect(() => numa.pinThread('0' as never)).toThrow(TypeError);
    expect(() => numa.spawnWorker(whereFile, { node: 0, cpus: [0] })).toThrow(RangeError);
    expect(() => numa.spawnWorker(whereFile, { node: 'even' as never })).toThrow(RangeError);
    expect(ownList()).toBe(wholeList);
  });
});

describe('a worker', () => {
  it('of any kind is pinned before its first statement, and this thread is not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'memory-tiers-numa-'));
    const commonJs = join(folder, 'worker.cjs');
    writeFileSync(commonJs, whereCode);
    const cpus = [last];
    const workers = [
      numa.spawnWorker(whereFile, { cpus }),
      numa.spawnWorker(new URL(`file://${whereFile}`), { cpus, execArgv: ['--no-warnings'] }),
      numa.spawnWorker(commonJs, { cpus }),
      numa.spawnWorker(whereCode, { cpus, eval: true }),
    ];
    expect(ownList()).toBe(wholeList);
    expect(await Promise.all(workers.map(listOf))).toEqual(workers.map(() => `${last}`));
    rmSync(folder, { recursive: true });
  });

  it('gets its own options, and an error of its own for a file that is not there', async () => {
    const code = `require('node:worker_threads').parentPort.postMessage(require('node:worker_threads').workerData)`;
    const worker = numa.spawnWorker(code, { cpus: [last], eval: true, workerData: { answer: 42 } });
    expect(await once(worker, 'message')).toEqual([{ answer: 42 }]);
    await worker.terminate();
    const absent = numa.spawnWorker('/nowhere/at/all.js', { cpus: [last] });
    await expect(once(absent, 'exit')).rejects.toThrow(/all\.js/);
    expect(() => numa.spawnWorker('./relative', { cpus: [last], env: 5 as never })).toThrow();
    expect(ownList()).toBe(wholeList);
  });

  it('without a placement is not pinned, even when this thread is', async () => {
    numa.pinThread([last]);
    expect(await listOf(numa.spawnWorker(whereFile))).toBe(wholeList);
    expect(ownList()).toBe(`${last}`);
    expect(await listOf(new Worker(whereFile))).toBe(`${last}`);
  });

  it('is put on the node with the fewest of them, and stays there while it is even', async () => {
    const { runnableNodes } = numa.topology;
    const workers = runnableNodes.map(() => numa.spawnWorker(whereFile, { node: 'balanced' }));
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    const report = numa.balance(workers);
    expect(report.workers.map(({ problem }) => problem)).toEqual(workers.map(() => null));
    expect(report.workers.map(({ movedFrom }) => movedFrom)).toEqual(workers.map(() => null));
    expect(new Set(report.workers.map(({ node }) => node)).size).toBe(runnableNodes.length);
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(numa.balance(workers).workers.every(({ problem }) => problem !== null)).toBe(true);
  });
});

describe('a child process', () => {
  it('starts on its CPUs with all its threads', async () => {
    const child = numa.fork(whereFile, [], { cpus: [last] });
    expect((await once(child, 'message'))[0]).toBe(`${last}`);
    const lists = readdirSync(`/proc/${child.pid}/task`).map((thread) =>
      readFileSync(`/proc/${child.pid}/task/${thread}/status`, 'utf8'),
    );
    expect(lists.length).toBeGreaterThan(1);
    for (const list of lists)
      expect(list).toMatch(new RegExp(`^Cpus_allowed_list:\\t${last}$`, 'm'));
    child.send('end');
    await once(child, 'exit');
    expect(ownList()).toBe(wholeList);
  });

  it('of a cluster starts on the CPUs of the run that forks it', async () => {
    cluster.setupPrimary({ exec: whereFile });
    const worker = numa.run([last], () => cluster.fork());
    expect((await once(worker, 'message'))[0]).toBe(`${last}`);
    worker.send('end');
    await once(worker, 'exit');
  });

  it('knows what it was started with as all it may use', async () => {
    const file = fileURLToPath(new URL('../fixtures/numa-child.js', import.meta.url));
    const child = numa.fork(file, [], { cpus: [last] });
    const [said] = await once(child, 'message');
    expect(said).toEqual({
      allowedCpus: [last],
      refused: several ? 'ERR_TIER_NO_PERMISSION' : expect.any(String),
      unpinned: [last],
      pinned: false,
    });
  });
});

describe('the kernel', () => {
  it('counts pages that this process touches, on a node there is', async () => {
    const window = new NumaOptimizer();
    const before = await numa.processMemory();
    const bytes = Buffer.alloc(64 * 2 ** 20, 1);
    const pages = bytes.length / 4096;
    const { nodes, remoteShare } = window.kernelCounters();
    const counted = nodes.reduce(
      (sum, { localPages, otherPages }) => sum + localPages + otherPages,
      0,
    );
    // Huge pages count as one each.
    expect(counted).toBeGreaterThan(pages / 512 / 2);
    expect(remoteShare).toBeGreaterThanOrEqual(0);
    const sum = (memory: typeof before): number =>
      memory.reduce((total, { bytes: ofNode }) => total + ofNode, 0);
    expect(sum(await numa.processMemory())).toBeGreaterThan(sum(before) + bytes.length / 2);
    expect(bytes[0]).toBe(1);
  });

  it('has no balancing to complain of on a machine with one node', () => {
    if (numa.topology.nodes.length === 1) expect(numa.limits).toEqual([]);
  });
});
