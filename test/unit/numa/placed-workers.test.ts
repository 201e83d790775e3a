import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, it } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { PlacedWorkers, type WorkerBinding } from '../../../lib/numa/placed-workers.ts';
import { describeShape } from './machine-tree.ts';

/** A worker whose event loop was busy for a share of the time since it was looked at. */
class FakeWorker extends EventEmitter {
  busy = 0;
  readonly performance = {
    eventLoopUtilization: (now?: object, before?: object) => ({
      idle: 0,
      active: 0,
      utilization: now === undefined ? 0 : before === undefined ? 1 : this.busy,
    }),
  };
}

class FakeThreads implements WorkerBinding {
  readonly ids: number[] = [100];
  readonly starts: Map<number, number> = new Map();
  readonly bound: Map<number, readonly number[]> = new Map();
  threads = (): readonly number[] => [...this.ids];
  threadStart = (thread: number): number => {
    const start = this.starts.get(thread);
    if (start === undefined) throw new TierError('ERR_TIER_UNAVAILABLE', 'it is gone');
    return start;
  };
  setThreadCpus = (thread: number, cpus: readonly number[]): void => {
    this.bound.set(thread, cpus);
  };
  add(id: number): void {
    this.ids.push(id);
    this.starts.set(id, id * 10);
  }
}

const { topology } = describeShape({ sockets: 2 });
let threads: FakeThreads;
let placed: PlacedWorkers;

/** Starts a worker on a node whose threads are these. */
function start(node: number | null, ...ids: number[]): { worker: Worker; fake: FakeWorker } {
  const fake = new FakeWorker();
  const worker = fake as unknown as Worker;
  placed.start(node, () => {
    for (const id of ids) threads.add(id);
    return worker;
  });
  return { worker, fake };
}

beforeEach(() => {
  threads = new FakeThreads();
  placed = new PlacedWorkers(threads);
});

describe('workers that were placed', () => {
  it('are balanced by the load they have had since the last time', () => {
    const four = [101, 102, 103, 104].map((id) => start(0, id));
    const workers = four.map(({ worker }) => worker);
    const first = placed.balance(topology, workers);
    expect(first.nodes).toEqual([
      { node: 0, cpus: 2, loadBefore: 2, loadAfter: 1 },
      { node: 1, cpus: 2, loadBefore: 0, loadAfter: 1 },
    ]);
    const movedTo1 = first.workers.filter(({ movedFrom }) => movedFrom === 0);
    expect(movedTo1.map(({ node }) => node)).toEqual([1, 1]);
    expect([...threads.bound.values()]).toEqual([
      [2, 3],
      [2, 3],
    ]);

    // Those on node 1 now do nothing: one of the others goes there.
    for (const [index, { fake }] of four.entries()) {
      fake.busy = first.workers[index]!.node === 0 ? 1 : 0;
    }
    const second = placed.balance(topology, workers);
    expect(second.workers.filter(({ movedFrom }) => movedFrom === 0)).toHaveLength(1);
    expect(placed.balance(topology, workers).workers.every((w) => w.movedFrom === null)).toBe(true);
  });

  it('are left alone and named when their thread is not known for sure', () => {
    const workers = [start(0, 101, 102), start(0, 103), start(0), start(null, 104)];
    const unknown = new FakeWorker() as unknown as Worker;
    const report = placed.balance(topology, [...workers.map(({ worker }) => worker), unknown]);
    expect(report.workers.map(({ problem }) => problem)).toEqual([
      'another thread started at the same moment',
      null,
      'another thread started at the same moment',
      'it is not pinned to one node',
      'it was not started by spawnWorker of this thread, or has ended',
    ]);
    expect([...threads.bound.keys()]).toEqual([103]);
  });

  it('are not confused with a thread that got the number of one that ended', () => {
    const workers = [start(0, 101).worker, start(0, 102).worker];
    threads.starts.set(101, 9999);
    threads.starts.delete(102);
    const report = placed.balance(topology, workers);
    expect(threads.bound.size).toBe(0);
    const problems = report.workers.map(({ problem }) => problem).filter((text) => text !== null);
    expect(problems).toHaveLength(1);
    expect(['it has ended', 'it is gone']).toContain(problems[0]);
    expect(report.workers.every(({ node }) => node === 0)).toBe(true);
  });

  it('count for the next one until they exit', () => {
    expect(placed.nextNode(topology)).toBe(0);
    const { fake } = start(0, 101);
    expect(placed.nextNode(topology)).toBe(1);
    start(1, 102);
    start(null, 103);
    expect(placed.nextNode(topology)).toBe(0);
    start(0, 104);
    fake.emit('exit', 0);
    expect(placed.nextNode(topology)).toBe(0);
  });
});
