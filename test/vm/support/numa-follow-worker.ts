/**
 * A worker with a memory of its own over the DDR of both sockets, half of its data on the wrong one. Measures how much
 * of what it does is remote, before and after its data was placed. `workerData`: a token to attach, as well.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { attachRegion, type RegionToken, TieredMemory } from '../../../dist/index.js';
import { machine } from './machine.ts';
import { MiB } from './memory.ts';

/** Shares of accesses, 0..1, and moves. */
export interface FollowReport {
  readonly remoteBefore: number;
  readonly remoteAfter: number;
  readonly moves: number;
  readonly movesLater: number;
  readonly errors: number;
}

const values = 128;
const bytes = 4000;

const memory = await TieredMemory.open({
  background: false,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  tiers: [
    {
      name: 'L1_DDR',
      backends: machine.ddrNodes.map((node) => ({
        kind: 'numa' as const,
        node,
        capacityBytes: 16 * MiB,
      })),
    },
  ],
});
const region = memory.allocate(Uint8Array, 4 * MiB, { numaNode: machine.ddrNodes[0] });
const other = memory.allocate(Uint8Array, 4 * MiB, { numaNode: machine.ddrNodes[1] });
for (let key = 0; key < values; key++) {
  const data = new Uint8Array(bytes).fill(key);
  await memory.store(data, { key, numaNode: machine.ddrNodes[key % 2] });
}

let errors = 0;
function use(): void {
  for (let key = 0; key < values; key++) {
    const handle = memory.get<Uint8Array>(key);
    for (let i = 0; i < 150; i++) if (handle?.borrow()[bytes - 1] !== key) errors++;
  }
  for (const one of [region, other]) {
    for (let i = 0; i < 8000; i++) one.touch({ start: (i % 2) * 2 * MiB, length: 8 });
  }
}

/** Share of the accesses of `act` that went to the other socket. */
async function remoteShare(act: () => void): Promise<number> {
  const look = async (): Promise<{ accesses: number; remote: number }> => {
    await memory.engine.step({ maxBytes: 0 });
    const [{ reads, writes, remoteAccesses }] = memory.stats().tiers;
    return { accesses: reads + writes, remote: remoteAccesses };
  };
  const before = await look();
  act();
  const after = await look();
  return (after.remote - before.remote) / (after.accesses - before.accesses);
}

const shared = (workerData as { token?: RegionToken<Uint8Array> }).token;
const attached = shared === undefined ? undefined : attachRegion(shared);

parentPort?.on('message', async ({ does }: { does: 'place' | 'touch' }) => {
  if (does === 'touch') {
    for (let i = 0; i < 8000; i++) attached?.touch({ start: 0, length: 8 });
    parentPort?.postMessage({ touched: true });
    return;
  }
  const remoteBefore = await remoteShare(use);
  await memory.optimizePlacement();
  const { nodeMoves: moves } = memory.stats().migration;
  const remoteAfter = await remoteShare(use);
  for (let round = 0; round < 3; round++) {
    use();
    await memory.optimizePlacement();
  }
  const movesLater = memory.stats().migration.nodeMoves - moves;
  const report: FollowReport = { remoteBefore, remoteAfter, moves, movesLater, errors };
  parentPort?.postMessage(report);
});
parentPort?.postMessage({ ready: true });
