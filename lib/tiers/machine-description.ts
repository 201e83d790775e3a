/** The machine as the native core describes it: what of it there is, and what this process may do with it. */

/** A NUMA node as the kernel describes it. Absent figures are `null`, never invented. */
export interface NodeDescription {
  readonly id: number;
  readonly cpus: readonly number[];
  readonly memoryBytes: number;
  readonly freeBytes: number;
  /** SLIT row: distance to node i at index i of the online nodes, in their order. */
  readonly distances: readonly number[];
  /** HMAT figures by access class (0 = best initiator, 1 = best CPU). */
  readonly attributes: readonly {
    readonly accessClass: 0 | 1;
    readonly initiators: readonly number[];
    readonly readLatencyNs: number | null;
    readonly writeLatencyNs: number | null;
    readonly readBytesPerSecond: number | null;
    readonly writeBytesPerSecond: number | null;
  }[];
}

/** A device of the dax bus. */
export interface DaxDescription {
  /** E.g. `dax0.0`. */
  readonly name: string;
  /** Device file, only in `devdax` mode. */
  readonly path: string | null;
  readonly sizeBytes: number;
  readonly alignBytes: number;
  /** Node the memory is, or would be, online as; -1 unknown. */
  readonly targetNode: number;
  readonly mode: 'devdax' | 'system-ram' | 'unbound';
  /** What the region behind the device is. */
  readonly origin: 'pmem' | 'cxl' | 'hmem' | 'unknown';
}

/** A mounted file system on a block device. */
export interface MountDescription {
  readonly path: string;
  readonly device: string;
  readonly fsType: string;
  readonly options: string;
  readonly readOnly: boolean;
  /** Mounted with DAX. */
  readonly dax: boolean;
  readonly freeBytes: number;
}

/** A block device (not its partitions; their mounts are listed under it). */
export interface BlockDescription {
  /** E.g. `nvme0n1`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly rotational: boolean;
  readonly origin: 'nvme' | 'pmem' | 'virtio' | 'scsi' | 'loop' | 'other';
  readonly node: number;
  readonly mounts: readonly MountDescription[];
}

/** errno of a probe call; 0 means permitted. */
export interface PermissionDescription {
  readonly mbind: number;
  readonly movePages: number;
  readonly setMempolicy: number;
  readonly getMempolicy: number;
}

/**
 * Whether this process gets a full userfaultfd, which can hold back accesses of every thread and of the kernel
 * itself while a chunk changes its backing.
 */
export interface UserfaultfdDescription {
  /** `syscall`: userfaultfd(2); `device`: `/dev/userfaultfd`; `null`: refused. */
  readonly via: 'syscall' | 'device' | null;
  /** Why it was refused; 0 when it was not. */
  readonly errno: number;
  /** Writes can be recorded without holding anything back (Linux 6.7). */
  readonly recordsWrites: boolean;
}

/** One plain description of the machine as this process sees it. */
export interface MachineDescription {
  readonly nodes: readonly NodeDescription[];
  readonly dax: readonly DaxDescription[];
  readonly blocks: readonly BlockDescription[];
  /** Nodes this process may allocate on (cpuset and mempolicy). */
  readonly allowedNodes: readonly number[];
  readonly allowedCpus: readonly number[];
  /** Tightest memory limit of the cgroup path; `null` without one. */
  readonly memoryLimitBytes: number | null;
  /** Bytes the cgroup uses now; `null` without a limit. */
  readonly memoryUsedBytes: number | null;
  readonly permissions: PermissionDescription;
  readonly userfaultfd: UserfaultfdDescription;
  readonly kernel: {
    readonly release: string;
    /** Contents of `kernel.numa_balancing`; `null` when not built in. */
    readonly numaBalancing: number | null;
    readonly transparentHugePages: string | null;
    readonly pageBytes: number;
  };
  /** Size of the largest CPU cache; `null` when the kernel does not say. */
  readonly lastLevelCacheBytes?: number | null;
  /** Files that should be readable but were not, e.g. with `/sys` not mounted. */
  readonly unreadable: readonly string[];
}
