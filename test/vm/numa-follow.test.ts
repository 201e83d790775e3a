/** Two sockets: data goes where it is used, and stays put when both use it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { NumaOptimizer, TieredMemory } from '../../dist/index.js';
import { assertWhereItSays } from './support/five-tiers.ts';
import { machine } from './support/machine.ts';
import { MiB } from './support/memory.ts';
import type { FollowReport } from './support/numa-follow-worker.ts';

const numa = new NumaOptimizer();
const nodes = machine.ddrNodes;
const workerFile = join(import.meta.dirname, 'support/numa-follow-worker.js');
const started: Worker[] = [];

async function start(node: number, workerData: object = {}): Promise<Worker> {
  const worker = numa.spawnWorker(workerFile, { node, workerData });
  started.push(worker);
  await once(worker, 'message');
  return worker;
}

async function ask<T>(worker: Worker, does: string): Promise<T> {
  const answer = once(worker, 'message');
  worker.postMessage({ does });
  return (await answer)[0] as T;
}

const openDdr = (): Promise<TieredMemory> =>
  TieredMemory.open({
    background: false,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    tiers: [
      {
        name: 'L1_DDR',
        backends: nodes.map((node) => ({ kind: 'numa', node, capacityBytes: 16 * MiB })),
      },
    ],
  });

afterEach(() => numa.unpinThread());
after(() => Promise.all(started.map((worker) => worker.terminate())));

describe('data of one thread', () => {
  it('follows it to the other socket, as the kernel sees it, and back', async () => {
    await using memory = await openDdr();
    const region = memory.allocate(Uint8Array, 4 * MiB, { numaNode: nodes[0] });
    await memory.store(new Uint8Array(4000).fill(7), { key: 'small', numaNode: nodes[0] });
    region.view.fill(9);
    const use = (): void => {
      for (let i = 0; i < 16_000; i++) region.touch({ start: (i % 2) * 2 * MiB, length: 8 });
      for (let i = 0; i < 500; i++) memory.get('small')?.borrow();
    };
    const mapped = (): number[] =>
      memory.stats().tiers[0].backends.map(({ mappedBytes }) => mappedBytes / MiB);
    assert.deepEqual(mapped(), [6, 0]);
    for (const [round, node] of [nodes[1], nodes[0]].entries()) {
      numa.pinThread(node);
      // What it did elsewhere counts half after four looks, and for dwell it has to be used for a while.
      for (let look = 0; look < 12; look++) {
        use();
        await memory.optimizePlacement();
      }
      assert.deepEqual(mapped(), round === 0 ? [0, 6] : [6, 0]);
      assertWhereItSays(memory.stats());
      const explanation = await memory.explain(region);
      assert.deepEqual(
        explanation?.units.map((one) => one.node),
        [node, node],
      );
    }
    assert.equal(memory.get<Uint8Array>('small')?.read()[3999], 7);
    assert.ok(region.view.every((byte) => byte === 9));
    assert.equal(memory.stats().migration.nodeMoves, 6);
  });
});

describe('data of a worker on each socket', () => {
  it('is used from there: from half of it remote to none', async () => {
    const workers = [await start(nodes[0]), await start(nodes[1])];
    const reports = await Promise.all(workers.map((worker) => ask<FollowReport>(worker, 'place')));
    for (const report of reports) {
      console.log(JSON.stringify(report));
      assert.ok(report.remoteBefore >= 0.45, `remote before: ${report.remoteBefore}`);
      assert.ok(report.remoteAfter <= 0.05, `remote after: ${report.remoteAfter}`);
      assert.ok(report.moves > 60);
      assert.equal(report.movesLater, 0);
      assert.equal(report.errors, 0);
    }
  });
});

describe('a region that workers of both sockets use', () => {
  it('stays while they use it evenly, and follows the one that goes on', async () => {
    await using memory = await openDdr();
    const region = memory.allocate(Uint8Array, 2 * MiB, { numaNode: nodes[0] });
    const token = region.share();
    const workers = [await start(nodes[0], { token }), await start(nodes[1], { token })];
    const nodeMoves = (): number => memory.stats().migration.nodeMoves;
    for (let round = 0; round < 12; round++) {
      await Promise.all(workers.map((worker) => ask(worker, 'touch')));
      await memory.optimizePlacement();
    }
    assert.equal(nodeMoves(), 0);
    for (let round = 0; round < 20; round++) {
      await ask(workers[1], 'touch');
      await memory.optimizePlacement();
    }
    assert.equal(nodeMoves(), 1);
    const explanation = await memory.explain(region);
    assert.equal(explanation?.units[0].node, nodes[1]);
  });
});
