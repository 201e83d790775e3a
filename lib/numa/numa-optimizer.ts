/** The front of everything about sockets and nodes: what there is, where threads run, and what the kernel counts. */

import { type ChildProcess, fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { invalidType, TierError } from '../errors.ts';
import { type NativeBinding, nativeBinding } from '../native.ts';
import type { Limit, Tier } from '../tiers/tier.ts';
import {
  type BackendPlace,
  backendsByNearness,
  nearestBySocket,
  type SocketBackends,
} from './backend-nearness.ts';
import { CounterWindow, countedBalancingLimit, type KernelCounters } from './kernel-counters.ts';
import type { NodeMemory } from './numa-binding.ts';
import {
  checkPreferMemory,
  type NumaForkOptions,
  type NumaOptimizerOptions,
  type NumaWorkerOptions,
  type PinOptions,
  type StartPlacement,
  splitPlacement,
} from './numa-options.ts';
import type { BalanceReport } from './placed-workers.ts';
import { ResidencySampler } from './residency.ts';
import { type ThreadState, threadState } from './thread-state.ts';
import {
  commonNode,
  resolveTarget,
  type ThreadPlacement,
  type ThreadTarget,
} from './thread-target.ts';
import { NumaTopology } from './topology.ts';

/** Where the calling thread is. */
export interface ThreadLocation {
  /** The kernel's number of the thread, as `top -H` shows it. */
  readonly threadId: number;
  /** At this moment. */
  readonly cpu: number;
  readonly node: number;
  /** `null` where the kernel does not say. */
  readonly socket: number | null;
  /** CPUs the thread may run on, whoever decided so. */
  readonly cpus: readonly number[];
  /** Whether that is less than the process may use: pinned here, or inherited from the thread that started it. */
  readonly pinned: boolean;
  /** The node of all these CPUs; `null` when they are on several. */
  readonly pinnedNode: number | null;
}

/**
 * Nodes, threads and what is near. Nothing is pinned unless asked for, and asking concerns one thread: the one that
 * calls, or the one that is started. V8's helpers and libuv's pool keep the CPUs they have.
 *
 * Threads and processes inherit the CPUs of the thread that starts them. That is how workers and child processes
 * are placed before their first instruction; it also means that a plain `new Worker` of a pinned thread is pinned.
 * For `cluster`, start workers in a run: `numa.run(1, () => cluster.fork())`. What is started by others is placed
 * from outside: `numactl --cpunodebind=1 --preferred=1 node server.js`.
 *
 * All instances in a thread share its pins and workers.
 *
 * @example
 * ```ts
 * const numa = new NumaOptimizer();
 * for (const { id } of numa.topology.runnableNodes) {
 *   numa.spawnWorker(new URL('./shard.js', import.meta.url), { node: id, workerData: id });
 * }
 * ```
 */
export class NumaOptimizer {
  readonly #native: NativeBinding | TierError = nativeBinding();
  readonly #tiers: readonly Tier[];
  readonly #window: CounterWindow | undefined;
  /** Where this thread was each time it was looked at; for threads that are not pinned. */
  readonly residency: ResidencySampler;

  constructor(options: NumaOptimizerOptions = {}) {
    this.#tiers = options.tiers ?? [];
    const native = this.#native;
    this.#window = native instanceof TierError ? undefined : new CounterWindow(native);
    this.residency = new ResidencySampler(() => this.currentNode());
  }

  get #state(): ThreadState {
    return threadState(this.#binding);
  }

  get #binding(): NativeBinding {
    if (this.#native instanceof TierError) throw this.#native;
    return this.#native;
  }

  /**
   * Sockets, nodes, CPUs, caches and distances; at most a second old, and the same object until something changes.
   * Empty where the native part cannot be loaded.
   */
  get topology(): NumaTopology {
    return this.#native instanceof TierError ? emptyTopology : this.#state.source.topology;
  }

  /** Looks at the machine again now. */
  refresh(): NumaTopology {
    return this.#native instanceof TierError ? emptyTopology : this.#state.source.refresh();
  }

  /** What cannot be done here, why, and what helps. Reads the kernel's counters. */
  get limits(): readonly Limit[] {
    if (this.#native instanceof TierError) {
      const { message, hint = 'Build the native part with `npm run build:native`.' } = this.#native;
      return [{ what: 'Threads cannot be placed', reason: message, hint }];
    }
    const limit = countedBalancingLimit(this.topology, this.kernelCounters());
    return limit === null ? [] : [limit];
  }

  /** The node whose CPU this thread is on at this moment. About 0.1 µs. */
  currentNode(): number {
    return this.#binding.currentNode();
  }

  /** Where this thread is and may be. */
  here(): ThreadLocation {
    const native = this.#binding;
    const { topology } = this;
    const { threadId, cpu, node } = native.currentThread();
    const cpus = native.threadCpus(0);
    const socket = topology.cpu(cpu)?.socket ?? null;
    const pinned = topology.allowedCpus.some((allowed) => !cpus.includes(allowed));
    return { threadId, cpu, node, socket, cpus, pinned, pinnedNode: commonNode(topology, cpus) };
  }

  /**
   * Lets this thread run only on the CPUs of a node, or on these CPUs, until {@link unpinThread}. What is in memory
   * stays where it is.
   *
   * @throws TypeError or RangeError for what is no placement; TierError `ERR_TIER_UNAVAILABLE` for a node or CPU that
   * is not there and for a node without CPUs, `ERR_TIER_NO_PERMISSION` outside the cpuset or where a container
   * refuses the system call. The thread is then as it was.
   */
  pinThread(placement: ThreadPlacement, options: PinOptions = {}): void {
    this.#state.pins.pin(this.#target('placement', placement, options));
  }

  /** Lets this thread run wherever the process may, whoever pinned it. */
  unpinThread(): void {
    this.#state.pins.unpin();
  }

  /**
   * Calls `fn` with this thread pinned, and lets the thread be as it was after that; of an async function when its
   * promise settles. It is the thread that is pinned and not the call: while `fn` waits, everything else on the thread
   * runs there too, and of runs that overlap the one begun last counts until it ends. So keep what is to run apart for
   * long in a worker. Work that `fn` hands to libuv's pool (files, crypto, our own moves) runs anywhere.
   *
   * @throws what {@link pinThread} throws, before `fn` is called, and what `fn` throws
   */
  run<T>(placement: ThreadPlacement, fn: () => T, options: PinOptions = {}): T {
    if (typeof fn !== 'function') throw invalidType('fn', 'a function', fn);
    return this.#state.pins.run(this.#target('placement', placement, options), fn);
  }

  /**
   * Starts a worker whose thread is on a node from its first instruction on, so that its heap is there too. Any kind
   * of worker: file, URL, `eval`. Without `node` and `cpus` it may run wherever the process may, also when this thread
   * is pinned.
   *
   * @throws what {@link pinThread} throws, and what `Worker` throws
   */
  spawnWorker(filename: string | URL, options: NumaWorkerOptions = {}): Worker {
    const { target, rest } = this.#start(options);
    const create = (): Worker => new Worker(filename, rest);
    if (this.#native instanceof TierError) return create();
    const { pins, workers } = this.#state;
    return workers.start(target?.node ?? null, () =>
      target === undefined ? create() : pins.run(target, create),
    );
  }

  /**
   * `child_process.fork` on a node: every thread of the child starts there, and the child may not use other CPUs
   * unless it asks the kernel itself.
   *
   * @throws what {@link pinThread} throws, and what `fork` throws
   */
  fork(
    modulePath: string | URL,
    args: readonly string[] = [],
    options: NumaForkOptions = {},
  ): ChildProcess {
    // `fork` itself would take options for arguments without a word, and with them the placement.
    if (!Array.isArray(args)) throw invalidType('args', 'an array of strings', args);
    const { target, rest } = this.#start(options);
    const create = (): ChildProcess => fork(modulePath, args, rest);
    return target === undefined ? create() : this.#state.pins.run(target, create);
  }

  /**
   * Evens out how busy the nodes are, by moving workers that {@link spawnWorker} of this thread put on a node: as few
   * as possible, and only where that takes a tenth off a node's load. Load is the time a worker's event loop was busy
   * since the last call, or its start. A worker that moves leaves its memory behind, so call it rarely. Others are in
   * the report and stay.
   */
  balance(workers: Iterable<Worker>): BalanceReport {
    return this.#state.workers.balance(this.topology, workers);
  }

  /** A tier's backends as seen from a node, by default this thread's, nearest first; `[]` for a tier not in use. */
  backendsByNearness(tier: Tier['name'], from?: number): readonly BackendPlace[] {
    const found = this.#tiers.find(({ name }) => name === tier);
    if (found === undefined) return [];
    const { topology, machine } = this.#state.source;
    return backendsByNearness(topology, machine, found, from ?? this.currentNode());
  }

  /** The nearest backend of each tier in use, for each socket. */
  get nearestBackends(): readonly SocketBackends[] {
    if (this.#native instanceof TierError) return [];
    const { topology, machine } = this.#state.source;
    return nearestBySocket(topology, machine, this.#tiers);
  }

  /**
   * What the kernel counted since this object was made: everybody's allocations by node, and its own balancing.
   *
   * @throws TierError `ERR_TIER_NATIVE` where the native part cannot be loaded
   */
  kernelCounters(): KernelCounters {
    if (this.#window === undefined) throw this.#native;
    return this.#window.read();
  }

  /**
   * This process's memory by node, from `numa_maps`, read on the thread pool. The kernel walks every page: about 5 ms
   * per GiB, during which mapping memory waits.
   *
   * @throws TierError `ERR_TIER_UNAVAILABLE` on a kernel without NUMA, `ERR_TIER_NATIVE`
   */
  async processMemory(): Promise<readonly NodeMemory[]> {
    return await this.#binding.processMemory('', 0);
  }

  #target(name: string, placement: unknown, options: PinOptions): ThreadTarget {
    const native = this.#binding; // Without it every node would be missing, which is not what is wrong.
    const { topology } = threadState(native).source;
    return resolveTarget(topology, name, placement, checkPreferMemory(options.preferMemory));
  }

  #start<T extends StartPlacement>(
    options: T,
  ): { readonly target: ThreadTarget | undefined; readonly rest: Omit<T, keyof StartPlacement> } {
    const { placement, preferMemory, rest } = splitPlacement(options);
    if (placement === undefined) return { target: this.#unpinned(), rest };
    const node = placement === 'balanced' ? this.#nextNode() : placement;
    const name = `options.${Array.isArray(node) ? 'cpus' : 'node'}`;
    return { target: this.#target(name, node, { preferMemory }), rest };
  }

  #nextNode(): number {
    const { workers } = this.#state;
    const node = workers.nextNode(this.topology);
    if (node !== undefined) return node;
    throw new TierError('ERR_TIER_UNAVAILABLE', 'There is no node to run on', {
      hint: 'Mount /sys in the container (read-only is enough), or give `cpus`.',
    });
  }

  /** What a thread starts with that is not to inherit this one's pin; undefined when there is none. */
  #unpinned(): ThreadTarget | undefined {
    if (this.#native instanceof TierError) return undefined;
    if (this.#state.pins.target === undefined && !this.here().pinned) return undefined;
    return { cpus: [], node: null, preferNode: undefined };
  }
}

const emptyTopology: NumaTopology = new NumaTopology();
