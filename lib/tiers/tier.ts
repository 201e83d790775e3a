/** The five tiers, fastest first, and what is known about each. */

/** Names of the tiers, fastest first. The order is the order of preference. */
export const tierNames = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'] as const;

/** One of the five tiers. */
export type TierName = (typeof tierNames)[number];

/** Where a figure comes from. `measured` beats `firmware` beats `default`; `user` beats all. */
export type FigureSource = 'measured' | 'firmware' | 'default' | 'user';

/** A figure that says where it comes from. */
export interface Figure {
  readonly value: number;
  readonly source: FigureSource;
}

/** What a tier can do, and how long it lasts. Rates are bytes per second, cost is relative to DDR (= 1) per GiB-month. */
export interface TierSpec {
  readonly readLatencyNs: Figure;
  readonly writeLatencyNs: Figure;
  readonly readBytesPerSecond: Figure;
  readonly writeBytesPerSecond: Figure;
  readonly costPerGiBMonth: Figure;
  /**
   * Bytes a day its drives are rated to be written over their life, all writers together: their size times DWPD (drive
   * writes per day), or TBW over the days of the warranty. Absent where nothing wears out, or nothing is known of what
   * does. Migration keeps within what the program's own writes leave of it.
   */
  readonly writeBytesPerDay?: Figure | undefined;
}

/**
 * Budgets are counted in steps of this many bytes. Memory itself comes in chunks of 2 MiB, so that a tier
 * can have up to one chunk less one step mapped beyond its budget.
 */
export const budgetStepBytes: number = 64 * 1024;

/** How a tier's bytes are obtained. One tier can have several backends, e.g. one per socket. */
export type BackendConfig =
  | { readonly kind: 'numa'; readonly node: number; readonly capacityBytes: number }
  | {
      readonly kind: 'file';
      readonly directory: string;
      readonly capacityBytes: number;
      /** The file system maps persistent memory directly (fsdax). */
      readonly dax?: boolean;
    }
  | { readonly kind: 'dax'; readonly path: string; readonly capacityBytes: number }
  | {
      /** A part of a shared pool's device that is this process' own while it lives; the pool must be there. */
      readonly kind: 'pool';
      /** The pool's device or file. */
      readonly path: string;
      /** The file that the pool's members lock instead of the device, if they do. */
      readonly lockPath?: string;
      readonly capacityBytes: number;
    }
  | {
      readonly kind: 'memkind';
      readonly memkind: 'HBW' | 'DAX_KMEM' | 'HIGHEST_CAPACITY' | 'PMEM';
      /** Only for `PMEM`: the directory memkind keeps its file in. */
      readonly directory?: string;
      readonly capacityBytes: number;
    }
  | {
      readonly kind: 'simulated';
      /** Bind to this node; otherwise memory comes from wherever the process may allocate. */
      readonly node?: number;
      readonly capacityBytes: number;
    };

/** The kind of a {@link BackendConfig}. */
export type BackendKind = BackendConfig['kind'];

/** A tier as this process uses it: its budget, its figures, its backends, and why it is what it is. */
export interface Tier {
  readonly name: TierName;
  /** `simulated` when ordinary memory stands in for hardware that is not there. */
  readonly kind: 'real' | 'simulated';
  /** The most this process will put here. Never more than node, device, cgroup or disk has. */
  readonly capacityBytes: number;
  readonly spec: TierSpec;
  readonly backends: readonly BackendConfig[];
  /** Why these bytes are this tier, one sentence a fact. */
  readonly evidence: readonly string[];
}

/** Something this machine or container cannot do, why, and what to do about it. */
export interface Limit {
  readonly what: string;
  readonly reason: string;
  readonly hint: string;
}
