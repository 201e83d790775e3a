/** Worker threads that write a shared region and check every word, while its chunks are moved about. */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** Writes that one entry of the control array stands for, see the worker. */
const batch = 1024;

/** The threads at work. */
export interface CheckedWords {
  /** Writes so far. */
  writes(): number;
  /** Ends the threads; resolves with the number of words that were not what their writer had left. */
  stop(): Promise<number>;
}

/** Starts `threads` workers on the region of a token. `root` is the repository's directory. */
export async function startCheckedWords(
  token: unknown,
  threads: number,
  root: URL,
): Promise<CheckedWords> {
  const control = new Int32Array(new SharedArrayBuffer(4 * (2 + threads)));
  const file = fileURLToPath(new URL('test/fixtures/checked-words-worker.js', root));
  const workers = Array.from(
    { length: threads },
    (_, index) => new Worker(file, { workerData: { token, index, threads, control } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'online')));
  return {
    writes: () =>
      control.subarray(2).reduce((sum, _, at) => sum + Atomics.load(control, 2 + at), 0) * batch,
    stop: async () => {
      Atomics.store(control, 0, 1);
      await Promise.all(workers.map((worker) => once(worker, 'exit')));
      return Atomics.load(control, 1);
    },
  };
}

/** A policy that sends every chunk somewhere else each time it is asked, by a fixed sequence of numbers. */
export function wanderer(tierCount: number): {
  name: string;
  halfLifeAccesses: () => number;
  admits: () => boolean;
  plan: (snapshot: {
    units: {
      length: number;
      id: Float64Array;
      bytes: Float64Array;
      tier: Uint8Array;
    };
  }) => { moves: object[]; thresholdsLog2: number[]; refused: object };
} {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  return {
    name: 'wanderer',
    halfLifeAccesses: () => 1e6,
    admits: () => true,
    plan: ({ units }) => ({
      moves: Array.from({ length: units.length }, (_, row) => ({
        unit: units.id[row],
        bytes: units.bytes[row],
        from: units.tier[row],
        to: (units.tier[row] + 1 + random(tierCount - 1)) % tierCount,
        reason: 'hint',
        gainNs: 0,
        costNs: 0,
      })),
      thresholdsLog2: Array.from({ length: tierCount - 1 }, () => 0),
      refused: {},
    }),
  };
}
