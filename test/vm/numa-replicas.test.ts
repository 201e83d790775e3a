/** Two sockets that read the same data: each from memory of its own, of HBM as of DDR. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import {
  attachReplicated,
  NumaOptimizer,
  type ReplicaStats,
  type ReplicaToken,
  TieredMemory,
} from '../../dist/index.js';
import { assertWhereItSays } from './support/five-tiers.ts';
import { machine } from './support/machine.ts';
import { MiB } from './support/memory.ts';
import type { ReplicaDeed } from './support/replica-worker.ts';

const numa = new NumaOptimizer();
const sockets = machine.ddrNodes;
const workerFile = join(import.meta.dirname, 'support/replica-worker.js');

/** By socket: a worker takes seconds to start in here. */
const workers: Map<number, Worker> = new Map();

async function attach(node: number, token: ReplicaToken<Uint32Array>): Promise<Worker> {
  let worker = workers.get(node);
  if (worker === undefined) {
    worker = numa.spawnWorker(workerFile, { node });
    workers.set(node, worker);
    await once(worker, 'message');
  }
  await ask(worker, { does: 'attach', token });
  return worker;
}

async function ask(worker: Worker, deed: ReplicaDeed): Promise<number | undefined> {
  const answer = once(worker, 'message');
  worker.postMessage(deed);
  return (await answer)[0].result;
}

async function settle(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(10);
  assert.ok(condition());
}

after(() => Promise.all([...workers.values()].map((worker) => worker.terminate())));

const backends = (nodes: readonly number[], capacityBytes: number) =>
  nodes.map((node) => ({ kind: 'numa' as const, node, capacityBytes }));

const open = (hbmBytes: number, ddrBytes: number): Promise<TieredMemory> =>
  TieredMemory.open({
    background: false,
    tracking: false,
    tiers: [
      { name: 'L0_HBM', backends: backends(machine.hbmNodes, hbmBytes) },
      { name: 'L1_DDR', backends: backends(machine.ddrNodes, ddrBytes) },
    ],
  });

/** A region of 4 MiB on the first socket's memory of a tier, full of numbers. */
function share(memory: TieredMemory, name: 'L0_HBM' | 'L1_DDR', node: number) {
  const length = (4 * MiB) / 4;
  const region = memory.allocate(Uint32Array, length, { tierHint: name, numaNode: node });
  const token = region.share({ replicas: 'per-node' });
  const here = attachReplicated(token);
  const data = new Uint32Array(length);
  let sum = 0;
  for (let i = 0; i < length; i += 256) {
    data[i] = Math.imul(i + 1, 0x9e3779b1);
    sum = (sum + data[i]) >>> 0;
  }
  here.write(0, data);
  const copyOf = (socket: number): ReplicaStats['nodes'][number] => {
    const found = here.stats().nodes.find((one) => one.node === socket);
    assert.ok(found);
    return found;
  };
  return { region, token, here, data, sum, copyOf };
}

for (const name of ['L1_DDR', 'L0_HBM'] as const) {
  describe(`data on ${name} that both sockets read`, () => {
    const nodes = name === 'L1_DDR' ? machine.ddrNodes : machine.hbmNodes;

    it('is in memory of both, as the kernel sees it, and one again when nobody reads it', async () => {
      await using memory = await open(16 * MiB, 16 * MiB);
      const { region, token, here, data, sum, copyOf } = share(memory, name, nodes[0]);
      const mapped = (): number[] => {
        const tier = memory.stats().tiers.find((one) => one.name === name);
        return tier?.backends.map(({ mappedBytes }) => mappedBytes / MiB) ?? [];
      };
      const used = (): number | undefined =>
        memory.stats().tiers.find((one) => one.name === name)?.usedBytes;
      assert.deepEqual(mapped(), [4, 0]);

      const near = await attach(sockets[0], token);
      const far = await attach(sockets[1], token);
      for (const worker of [near, far]) {
        assert.equal(await ask(worker, { does: 'use', times: 12 }), sum);
      }
      await settle(() => copyOf(sockets[1]).state === 'held');
      assert.equal(await ask(far, { does: 'use', times: 12 }), sum);

      assert.deepEqual(mapped(), [4, 4]);
      assert.equal(used(), 8 * MiB);
      assertWhereItSays(memory.stats());
      assert.equal(here.stats().copiedBlocks, 64);
      assert.equal(copyOf(sockets[0]).state, 'none');
      assert.equal(copyOf(sockets[1]).validBytes, 4 * MiB);

      const { localReads, remoteReads } = here.stats();
      for (const worker of [near, far]) await ask(worker, { does: 'use', times: 10 });
      assert.equal(here.stats().localReads, localReads + 20);
      assert.equal(here.stats().remoteReads, remoteReads);

      // Written past the copies, which nobody should do, it shows who reads what.
      const at = 100_000;
      region.view[at] = 12_345;
      assert.equal(await ask(near, { does: 'read', at }), 12_345);
      assert.equal(await ask(far, { does: 'read', at }), data[at]);

      const { invalidations } = here.stats();
      await ask(far, { does: 'write', at, value: 777 });
      assert.equal(here.stats().invalidations, invalidations + 1);
      assert.equal(copyOf(sockets[1]).validBytes, 4 * MiB - 64 * 1024);
      for (const worker of [near, far]) {
        assert.equal(await ask(worker, { does: 'read', at }), 777);
      }
      await ask(far, { does: 'use', times: 1 });
      assert.equal(copyOf(sockets[1]).validBytes, 4 * MiB);
      region.view[at] = 12_345;
      assert.equal(await ask(far, { does: 'read', at }), 777);

      await ask(far, { does: 'release' });
      await settle(() => used() === 4 * MiB);
      assert.deepEqual(mapped(), [4, 0]);
      assertWhereItSays(memory.stats());
      assert.equal(copyOf(sockets[1]).state, 'none');
      await ask(near, { does: 'release' });
      here.release();
    });
  });
}

describe('a socket without room for a copy', () => {
  it('reads the other socket, and is told why', async () => {
    await using memory = await open(16 * MiB, 4 * MiB);
    const { region, token, here, sum, copyOf } = share(memory, 'L1_DDR', sockets[0]);
    using taken = memory.allocate(Uint8Array, MiB, { tierHint: 'L1_DDR', numaNode: sockets[1] });
    const far = await attach(sockets[1], token);
    assert.equal(await ask(far, { does: 'use', times: 12 }), sum);
    await settle(() => copyOf(sockets[1]).state === 'refused');
    assert.match(copyOf(sockets[1]).reason, /L1_DDR/);
    assert.equal(await ask(far, { does: 'use', times: 1 }), sum);
    assert.equal(here.stats().copiedBlocks, 0);
    assert.deepEqual([region.disposed, taken.disposed], [false, false]);
    await ask(far, { does: 'release' });
    here.release();
  });
});
