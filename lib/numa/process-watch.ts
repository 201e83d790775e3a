/** Watches a process from outside: where its threads run for a while, and where its memory is. */

import { setTimeout as sleep } from 'node:timers/promises';
import { TierError } from '../errors.ts';
import type { NodeMemory, NumaBinding } from './numa-binding.ts';
import { describeUse, type ProcessUse, ThreadWatch } from './process-use.ts';
import type { NumaTopology } from './topology.ts';

/** What watching asks the addon. */
export type WatchBinding = Pick<NumaBinding, 'processThreads' | 'processMemory'>;

/** How to watch. */
export interface WatchOptions {
  /** How long; 0 is one look. */
  readonly durationMs: number;
  /** Directory that holds `/proc`; '' is the running system. For tests. */
  readonly root?: string;
}

/** A thread that is moved about stays for some milliseconds; a look takes 25 µs a thread. */
const lookEveryMs = 25;

async function memoryOf(
  native: WatchBinding,
  root: string,
  pid: number,
): Promise<readonly NodeMemory[] | { readonly problem: string }> {
  try {
    return await native.processMemory(root, pid);
  } catch (error) {
    if (error instanceof TierError) return { problem: error.message };
    throw error;
  }
}

/**
 * Looks at a process. That of somebody else shows its threads only: its memory is a `memoryProblem`.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` when there is no such process
 */
export async function watchProcess(
  native: WatchBinding,
  topology: NumaTopology,
  pid: number,
  { durationMs, root = '' }: WatchOptions,
): Promise<ProcessUse> {
  const watch = new ThreadWatch(topology);
  const start = performance.now();
  watch.look(threadsOf(native, root, pid));
  const memory = await memoryOf(native, root, pid);
  while (performance.now() - start < durationMs) {
    await sleep(Math.min(lookEveryMs, durationMs - (performance.now() - start)));
    try {
      watch.look(native.processThreads(root, pid));
    } catch (error) {
      if (error instanceof TierError) break; // It has ended; what was seen of it stands.
      throw error;
    }
  }
  return describeUse(pid, performance.now() - start, watch, memory, topology);
}

function threadsOf(
  native: WatchBinding,
  root: string,
  pid: number,
): ReturnType<WatchBinding['processThreads']> {
  try {
    return native.processThreads(root, pid);
  } catch (cause) {
    if (!(cause instanceof TierError) || cause.code !== 'ERR_TIER_UNAVAILABLE') throw cause;
    throw new TierError('ERR_TIER_UNAVAILABLE', `There is no process ${pid} to be seen.`, {
      cause,
      hint: 'In a container only its own processes are visible, by the numbers they have inside.',
    });
  }
}
