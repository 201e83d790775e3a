/** What the addon offers about CPUs, threads and nodes: a part of the NativeBinding. Types only. */

/** CPUs, cores and caches as the kernel describes them. */
export interface CpuDescription {
  /** Online CPUs by number. `package`: the socket, -1 unknown. `core`: the lowest CPU of the core. */
  readonly cpus: readonly {
    readonly id: number;
    readonly package: number;
    readonly core: number;
  }[];
  readonly caches: readonly CpuCache[];
  /** CPUs this process may use: its cpuset, less what it was started without. Bound threads do not change it. */
  readonly allowedCpus: readonly number[];
  /** Files that should be readable but were not. */
  readonly unreadable: readonly string[];
}

/** A CPU cache and who shares it. */
export interface CpuCache {
  readonly level: number;
  readonly type: 'data' | 'instruction' | 'unified';
  readonly sizeBytes: number;
  /** CPUs that share it, ascending. */
  readonly cpus: readonly number[];
}

/** Pages allocated on a node since boot, by everybody. */
export interface NodeAllocations {
  readonly node: number;
  /** As intended. */
  readonly hitPages: number;
  /** Here although another node was wanted. */
  readonly missPages: number;
  /** Elsewhere although this node was wanted. */
  readonly foreignPages: number;
  /** By an interleaving policy, as intended. */
  readonly interleavedPages: number;
  /** By CPUs of this node. */
  readonly localPages: number;
  /** By CPUs of other nodes. */
  readonly otherPages: number;
}

/** The kernel's NUMA balancing since boot, for everybody. */
export interface BalancingCounters {
  /** Pages whose mapping was taken away to see who uses them. */
  readonly unmappedPages: number;
  /** Uses seen that way. */
  readonly hintFaults: number;
  readonly localHintFaults: number;
  readonly migratedPages: number;
}

/** What the kernel counts. */
export interface RawKernelCounters {
  readonly nodes: readonly NodeAllocations[];
  /** Contents of `kernel.numa_balancing`; `null` when not built in. */
  readonly balancingMode: number | null;
  readonly balancing: BalancingCounters | null;
}

/** Memory of a process on one node. */
export interface NodeMemory {
  readonly node: number;
  /** Mapped and present, files included. */
  readonly bytes: number;
  /** The part in mappings with a policy that names nodes, as the memory of tiers has. */
  readonly placedBytes: number;
}

/** A thread of a process at one moment. */
export interface ProcessThread {
  readonly threadId: number;
  /** As the kernel has it: at most 15 bytes. */
  readonly name: string;
  /** The CPU it runs on, or ran on last. */
  readonly cpu: number;
  /** CPUs it may run on, ascending. */
  readonly cpus: readonly number[];
  /** CPU time it took so far, in ticks of 10 ms. */
  readonly cpuTicks: number;
}

/** A memory policy as the kernel has it: mode with its flags, and nodes. */
export interface ThreadPolicy {
  readonly mode: number;
  readonly nodes: readonly number[];
}

/**
 * Threads and nodes. A `threadId` is the kernel's (gettid), 0 the calling thread. Functions that take a `root`
 * read below it; '' is the running system.
 */
export interface NumaBinding {
  describeCpus(root: string): CpuDescription;
  /** A text that changes with CPUs, nodes, memory and the cpuset. About 100 µs. */
  topologyStamp(root: string): string;
  /** Node of the CPU the calling thread is on at this moment. */
  currentNode(): number;
  currentThread(): { readonly cpu: number; readonly node: number; readonly threadId: number };
  /** CPUs a thread may run on. */
  threadCpus(threadId: number): readonly number[];
  /** Binds a thread; no CPUs: to every one the cpuset has, now and later. Throws what the kernel answers. */
  setThreadCpus(threadId: number, cpus: readonly number[]): void;
  /** Where the calling thread's new memory comes from. */
  threadPolicy(): ThreadPolicy;
  setThreadPolicy(policy: ThreadPolicy): void;
  /** Prefers a node for memory that the calling thread touches first. */
  preferThreadMemory(node: number): void;
  /** The threads of this process. */
  threads(): readonly number[];
  /** When a thread was started, in clock ticks since boot. Throws `ERR_TIER_UNAVAILABLE` when it is gone. */
  threadStart(threadId: number): number;
  /** When it returns, every thread of libuv's pool is there, and has the CPUs the caller has now. */
  startThreadPool(): Promise<void>;
  kernelCounters(root: string): RawKernelCounters;
  /**
   * Reads `numa_maps` on the thread pool; `pid` 0 is this process. Rejects with `ERR_TIER_UNAVAILABLE` on a kernel
   * without NUMA and when there is no such process, with `ERR_TIER_NO_PERMISSION` for somebody else's.
   */
  processMemory(root: string, pid: number): Promise<readonly NodeMemory[]>;
  /** Those of a process, by number. Throws `ERR_TIER_UNAVAILABLE` when there is no such process. */
  processThreads(root: string, pid: number): readonly ProcessThread[];
}
