/** Two sockets: threads are where they are put, and what they touch is there too. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { HardwareTierManager, NumaOptimizer, TierError } from '../../dist/index.js';
import { machine } from './support/machine.ts';
import { bytesOf, MiB, openHeap } from './support/memory.ts';
import type { WorkerSays } from './support/numa-worker.ts';

const { tiers } = HardwareTierManager.detect();
const numa = new NumaOptimizer({ tiers });
const [first, second] = machine.ddrNodes;
const workerFile = join(import.meta.dirname, 'support/numa-worker.js');
// More than malloc ever keeps for reuse (mallopt(3), DEFAULT_MMAP_THRESHOLD_MAX): what ended threads touched lies where
// they were.
const touchBytes = 40 * MiB;
const started: Worker[] = [];

async function bytesByNode(): Promise<Map<number, number>> {
  return new Map((await numa.processMemory()).map(({ node, bytes }) => [node, bytes]));
}
/** What this process has more of on a node after `act`; the collector may give a little back meanwhile. */
async function grownBy(act: () => unknown): Promise<(node: number) => number> {
  const before = await bytesByNode();
  await act();
  const after = await bytesByNode();
  return (node) => (after.get(node) ?? 0) - (before.get(node) ?? 0);
}

async function start(node: number | 'balanced'): Promise<{ worker: Worker; says: WorkerSays }> {
  const worker = numa.spawnWorker(workerFile, { node });
  started.push(worker);
  const [says] = await once(worker, 'message');
  return { worker, says };
}
const cpusOf = (threadId: number): string =>
  /^Cpus_allowed_list:\t(.*)$/m.exec(
    readFileSync(`/proc/self/task/${threadId}/status`, 'utf8'),
  )?.[1] ?? '';

function errorOf(act: () => unknown): TierError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof TierError, String(error));
    return error;
  }
  throw new Error('nothing was thrown');
}

afterEach(async () => {
  numa.unpinThread();
  await Promise.all(started.splice(0).map((worker) => worker.terminate()));
});

describe('the topology', () => {
  it('has two sockets, with HBM for each, PMEM next to the first and CXL next to both', () => {
    const { sockets, nodes, unreadable } = numa.topology;
    assert.deepEqual(unreadable, []);
    assert.deepEqual(sockets, [
      { id: 0, nodes: [first], memoryNodes: [machine.hbmNodes[0], machine.pmemNode], cpus: [0] },
      { id: 1, nodes: [second], memoryNodes: [machine.hbmNodes[1]], cpus: [1] },
    ]);
    assert.deepEqual(nodes[machine.cxlNode].initiators, [first, second]);
    assert.equal(nodes[machine.cxlNode].socket, null);
  });

  it('knows the nearest backend of each tier for each socket', () => {
    const nearest = numa.nearestBackends.map(({ tiers: found }) =>
      Object.fromEntries(found.map(({ tier, node, local }) => [tier, [node, local]])),
    );
    const shared = { L2_CXL: [machine.cxlNode, true] };
    assert.deepEqual(nearest, [
      {
        L0_HBM: [machine.hbmNodes[0], true],
        L1_DDR: [first, true],
        ...shared,
        L3_PMEM: [machine.pmemNode, true],
      },
      {
        L0_HBM: [machine.hbmNodes[1], true],
        L1_DDR: [second, true],
        ...shared,
        L3_PMEM: [machine.pmemNode, false],
      },
    ]);
  });
});

describe('this thread', () => {
  for (const node of [second, first]) {
    it(`pinned to node ${node} runs there, and what it touches is there`, async () => {
      const kept: Buffer[] = [];
      const grown = await grownBy(() =>
        numa.run(
          node,
          () => {
            const { node: here, pinnedNode, socket } = numa.here();
            assert.deepEqual([here, pinnedNode, socket], [node, node, node]);
            kept.push(Buffer.alloc(touchBytes, 1));
          },
          { preferMemory: node === second },
        ),
      );
      assert.ok(grown(node) > touchBytes * 0.75, `${grown(node)}`);
      assert.ok(grown(node === first ? second : first) < touchBytes / 2);
      assert.equal(numa.here().pinned, false);
    });
  }

  it('is not pinned to a node without CPUs, and is told where its memory is near', () => {
    for (const [socket, node] of machine.hbmNodes.entries()) {
      const error = errorOf(() => numa.pinThread(node));
      assert.equal(error.code, 'ERR_TIER_UNAVAILABLE');
      assert.match(error.hint ?? '', new RegExp(`CPUs of node ${machine.ddrNodes[socket]}:`));
    }
  });

  it('that takes memory of the other socket is seen in the counters of the kernel', () => {
    const counting = new NumaOptimizer();
    const heap = openHeap(64 * MiB);
    const backend = heap.addBackend({ kind: 'numa', node: second, capacityBytes: 16 * MiB });
    numa.run(first, () => bytesOf(heap, heap.allocate(backend, 4), 4).fill(1));
    const { nodes, remoteShare } = counting.kernelCounters();
    assert.ok(nodes[second].otherPages >= 4, JSON.stringify(nodes[second]));
    assert.ok((remoteShare ?? 0) > 0);
    heap.close();
  });
});

describe('workers', () => {
  it('are born on their node, with the memory they touch, while this thread stays free', async () => {
    for (const node of [first, second]) {
      const { worker, says } = await start(node);
      assert.equal(says.cpus, `${node}`);
      assert.equal(numa.here().pinned, false);
      const grown = await grownBy(async () => {
        worker.postMessage({ touchBytes });
        await once(worker, 'message');
      });
      assert.ok(grown(node) > touchBytes * 0.75, `${grown(node)} on node ${node}`);
      assert.ok(grown(node === first ? second : first) < touchBytes / 2);
      await worker.terminate();
    }
  });

  it('that are spread take turns, and those that crowd one node are moved apart', async () => {
    const spread = [await start('balanced'), await start('balanced')];
    assert.deepEqual(new Set(spread.map(({ says }) => says.cpus)), new Set(['0', '1']));
    await Promise.all(spread.map(({ worker }) => worker.terminate()));

    const stop = new Int32Array(new SharedArrayBuffer(4));
    const crowd = [await start(first), await start(first)];
    const workers = crowd.map(({ worker }) => worker);
    for (const worker of workers) worker.postMessage({ spin: stop });
    numa.balance(workers);
    await sleep(1000);
    // The first look may have seen them start; by now both are as busy as can be.
    const report = numa.balance(workers);
    assert.deepEqual(
      report.workers.map(({ problem }) => problem),
      [null, null],
    );
    assert.deepEqual(new Set(report.workers.map(({ node }) => node)), new Set([first, second]));
    const lists = crowd.map(({ says }) => cpusOf(says.threadId));
    assert.deepEqual(
      lists,
      report.workers.map(({ node }) => `${node}`),
    );
    await sleep(500);
    const again = numa.balance(workers);
    assert.ok(again.workers.every(({ movedFrom, load }) => movedFrom === null && load > 0.5));
  });
});
