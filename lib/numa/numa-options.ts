/** Options of the NUMA functions, and their checks. */

import type { ForkOptions } from 'node:child_process';
import type { WorkerOptions } from 'node:worker_threads';
import { invalidType, invalidValue } from '../errors.ts';
import type { Tier } from '../tiers/tier.ts';
import type { ThreadPlacement } from './thread-target.ts';

/** Options of `pinThread` and `run`. */
export interface PinOptions {
  /**
   * Ask the kernel for memory of the node as well (set_mempolicy), for all that the thread touches first meanwhile.
   * Without it memory comes from the node whose CPU touches it first, which for a pinned thread is the same, unless
   * that node is full or has a policy from outside. Default false.
   */
  readonly preferMemory?: boolean;
}

/** Where a worker or child process starts. At most one of `node` and `cpus`. */
export interface StartPlacement extends PinOptions {
  /** A node, or `balanced`: the one with the fewest workers per CPU of those this thread has started. */
  readonly node?: number | 'balanced';
  /** CPUs to run on instead. */
  readonly cpus?: readonly number[];
}

/** Options of `spawnWorker`: those of `Worker`, and where it starts. */
export interface NumaWorkerOptions extends WorkerOptions, StartPlacement {}

/** Options of `fork`: those of `child_process.fork`, and where it starts. */
export interface NumaForkOptions extends ForkOptions, StartPlacement {}

/** Options of {@link NumaOptimizer}. */
export interface NumaOptimizerOptions {
  /** The tiers whose backends are to be near; without them there are none to ask about. */
  readonly tiers?: readonly Tier[];
}

/** Whether `preferMemory` is set. */
export function checkPreferMemory(value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalidType('options.preferMemory', 'a boolean', value);
  return value;
}

/** Takes the placement out of options; the rest is for whoever starts. */
export function splitPlacement<T extends StartPlacement>(
  options: T,
): {
  readonly placement: ThreadPlacement | 'balanced' | undefined;
  readonly preferMemory: boolean;
  readonly rest: Omit<T, keyof StartPlacement>;
} {
  const name = 'options';
  if (typeof options !== 'object' || options === null)
    throw invalidType(name, 'an object', options);
  const { node, cpus, preferMemory, ...rest } = options;
  if (node !== undefined && cpus !== undefined) {
    throw invalidValue(`${name}.cpus`, 'left out when `node` is given', cpus);
  }
  if (typeof node === 'string' && node !== 'balanced') {
    throw invalidValue(`${name}.node`, "a node number or 'balanced'", node);
  }
  const prefer = checkPreferMemory(preferMemory);
  const placement = node ?? cpus;
  if (prefer && placement === undefined) {
    throw invalidValue(`${name}.preferMemory`, 'given with `node` or `cpus`', preferMemory);
  }
  return { placement, preferMemory: prefer, rest };
}
