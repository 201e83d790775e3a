/** A worker that says where it is, touches memory of its own, and is busy when told. */

import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/** What the worker says first. */
export interface WorkerSays {
  readonly threadId: number;
  readonly cpus: string;
}

const status = readFileSync('/proc/thread-self/status', 'utf8');
const field = (name: string): string =>
  new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1] ?? '';
const kept: Buffer[] = [];

parentPort?.on('message', ({ touchBytes, spin }: { touchBytes?: number; spin?: Int32Array }) => {
  if (touchBytes !== undefined) {
    kept.push(Buffer.alloc(touchBytes, 1));
    parentPort?.postMessage({ touched: touchBytes });
  }
  // Until somebody sets the word.
  while (spin !== undefined && Atomics.load(spin, 0) === 0);
});
const says: WorkerSays = { threadId: Number(field('Pid')), cpus: field('Cpus_allowed_list') };
parentPort?.postMessage(says);
