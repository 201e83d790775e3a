/** What the addon offers about shared pools: a part of the NativeBinding. Types only. */

/** A device or file of a pool, every field filled in. */
export interface PoolDeviceConfig {
  readonly path: string;
  /** The file whose locks prove who is alive; empty: the device itself. */
  readonly lockPath: string;
  /** Devices with the same one fail together; empty: each for itself. */
  readonly failureDomain: string;
  /** 0: the pool's. */
  readonly capacityBytes: number;
}

/** How a pool is opened or created, every field filled in. */
export interface PoolConfig {
  readonly opening: 'open' | 'create' | 'open-or-create';
  readonly devices: readonly PoolDeviceConfig[];
  readonly name: string;
  /** Of each device; 0: all there is of it. */
  readonly capacityBytes: number;
  readonly members: number;
  readonly holds: number;
  readonly shards: number;
  readonly shardSlots: number;
  readonly replicas: number;
  readonly coherence: PoolCoherence;
  readonly overwrite: boolean;
  readonly verify: 'always' | 'first' | 'never';
  readonly quotaBytes: number | undefined;
  readonly patienceMs: number;
  readonly leaseMs: number;
  readonly takeover: 'manual' | 'lease';
  readonly readOnly: boolean;
  readonly missingDevices: 'refuse' | 'declare-lost-if-replicated' | 'declare-lost';
  readonly claimWriter: boolean;
}

/**
 * How members see each other's stores. `hardware`: their caches agree (one host, or CXL 3.0); nothing is written back for
 * others, so where several hosts write, one that loses its power takes the changes in its caches with it, acknowledged
 * ones too: `check` and `repair` then. The death of a process loses nothing. `software`: stores are written back, and
 * what is read is dropped from the caches first (CXL 2.0); one host writes, and what it acknowledged outlives it.
 */
export type PoolCoherence = 'hardware' | 'software';

/** What a key can have. */
export type PoolObjectKind = 'value' | 'region' | 'counter';

/** What {@link NativePool.read} says. The scratch buffer then begins with `[version, bytes, type, kind]` as doubles. */
export const poolRead: { readonly nothing: 0; readonly done: 1; readonly tooLarge: 2 } = {
  nothing: 0,
  done: 1,
  tooLarge: 2,
};

/** Where in the scratch buffer the bytes of a value are. */
export const poolScratchHeadBytes: number = 64;

/** What the type of an object is that was not written by `put`. */
export const noPoolType: number = 255;

/** An object in place. */
export interface NativePoolLease {
  /** External; detached when the lease is released. */
  readonly buffer: ArrayBuffer;
  /** 0 when there is nothing to release. */
  readonly id: number;
  readonly version: number;
  readonly kind: PoolObjectKind;
  readonly type: number;
}

/** A copy of an object. */
export interface NativePoolCopy {
  readonly buffer: ArrayBuffer;
  readonly version: number;
  readonly kind: PoolObjectKind;
  readonly type: number;
}

/** An object as iteration meets it. */
export interface PoolListing {
  readonly key: string;
  readonly byteLength: number;
  readonly version: number;
  readonly kind: PoolObjectKind;
}

/** What is unchangeable about a pool. */
export interface PoolDescription {
  readonly name: string;
  readonly replicas: number;
  readonly coherence: PoolCoherence;
  readonly readOnly: boolean;
  readonly maxMembers: number;
  /** Objects that a member can hold at a time. */
  readonly maxHeld: number;
  /** Keys the directory has room for; it gets slow when four fifths are taken, and some key may find it full then. */
  readonly directorySlots: number;
  /** Members own whole extents of so many bytes. */
  readonly extentBytes: number;
  /** Bytes of the largest value. */
  readonly maxValueBytes: number;
}

/** A device of a pool, as this member sees it. */
export interface PoolDeviceReport {
  readonly ordinal: number;
  /** 32 hexadecimal digits. */
  readonly uuid: string;
  /** As opened here; where it was added, if it is not open. */
  readonly path: string;
  readonly failureDomain: string;
  /** `suspect`: something on it was damaged, as this member has seen. `lost`: the pool goes on without it. */
  readonly state: 'good' | 'suspect' | 'lost';
  readonly capacityBytes: number;
  /** Of the capacity: what no member owns. */
  readonly freeBytes: number;
  /** Copies of values that this member passed over. */
  readonly damagedReads: number;
  /** Why it is not good; else empty. */
  readonly why: string;
}

/** A member of a pool. */
export interface PoolMemberReport {
  /** The same on all devices: 16 hexadecimal digits. */
  readonly id: string;
  /** The boot of a host that it runs in, as `reclaim` takes it: 16 hexadecimal digits. */
  readonly boot: string;
  /** Its process' number on its host. */
  readonly process: number;
  /** Its place in the first device's table. */
  readonly index: number;
  /** One more each time the place is taken. */
  readonly generation: number;
  /** Whether it is this one. */
  readonly self: boolean;
  readonly sameHost: boolean;
  /** Or may be, for all that can be told from here. */
  readonly alive: boolean;
  /** Of another host, and silent for longer than its lease. */
  readonly suspect: boolean;
  /** Objects that it keeps from being reused. */
  readonly held: number;
  /** Of the devices, in whole extents. */
  readonly ownedBytes: number;
}

/** What this member did and has. */
export interface PoolFigures {
  /** Of the devices, in whole extents. */
  readonly ownedBytes: number;
  /** Objects that are deleted and still held by somebody, or not looked at yet. */
  readonly waiting: number;
  readonly sweeps: number;
  /** Extents taken over from members that died. */
  readonly adoptedExtents: number;
  /** Objects that somebody who died had begun to delete, and which are still there. */
  readonly restored: number;
  /** Objects this member keeps from being reused. */
  readonly held: number;
  /** Reads that were served from another copy, because the first one was damaged. */
  readonly failedOver: number;
  /** Copies made anew on reading. */
  readonly healed: number;
  /** Changes that found fewer devices than replicas. */
  readonly underReplicated: number;
  /** Changes of the pool's devices so far. */
  readonly epoch: number;
  /** Leases open in this process. */
  readonly leases: number;
}

/** What a full walk over a pool found. */
export interface PoolCheck {
  /** Nothing is damaged. */
  readonly clean: boolean;
  /** Each once, however many copies it has. */
  readonly objects: number;
  /** Objects with fewer copies than they could have: the next scrub makes them. */
  readonly missingCopies: number;
  /** Objects whose copies are of different versions: the next scrub makes them equal. */
  readonly unequalCopies: number;
  /** What should not be, on all devices. */
  readonly damages: number;
  /** The first of it, in words. */
  readonly findings: readonly string[];
  readonly devices: readonly {
    readonly ordinal: number;
    readonly objects: number;
    readonly bytes: number;
    readonly members: number;
    readonly held: number;
    readonly freeExtents: number;
    readonly ownedExtents: number;
    readonly orphanExtents: number;
    /** Deletions begun, and objects written and not yet published: no damage. */
    readonly unlinking: number;
    readonly unpublished: number;
    readonly damages: number;
  }[];
}

/** What a scrub did. */
export interface PoolScrub {
  readonly objects: number;
  readonly bytes: number;
  /** Copies that were. */
  readonly damaged: number;
  /** Copies made anew: of what was damaged, missing, unequal or misplaced. */
  readonly copied: number;
  readonly copiedBytes: number;
  /** Copies that should not have been. */
  readonly removed: number;
  /** Values without any sound copy. */
  readonly lost: number;
  /** Copies that could not be made: no room, or no device. */
  readonly missingCopies: number;
  /** Keys of the lost values, up to 1000. */
  readonly lostKeys: readonly string[];
}

/** What a repair did. */
export interface PoolRepair {
  /** Words of the metadata that were rubbish. */
  readonly mended: number;
  /** Copies that could not be saved. */
  readonly lost: number;
  /** Their keys, up to 1000; the scrub has made them again from other copies where it could. */
  readonly keys: readonly string[];
  readonly scrub: PoolScrub;
  /** Of the pool as it is now. */
  readonly check: PoolCheck;
}

/**
 * A member of a pool. Every call is made on the thread that opened it. Methods that return promises work on the thread
 * pool; each other method waits while one of them uses the member, for one operation at most. All throw
 * `ERR_TIER_CLOSED` after {@link NativePool.close}.
 */
export interface NativePool {
  /** Gives a key a value; its version, or 0 when the key's version is not `expected` (0: it has none). */
  put(key: string, bytes: Uint8Array, type: number, expected: number | undefined): number;
  /** The same off the main thread. The bytes must not change meanwhile. */
  putLarge(
    key: string,
    bytes: Uint8Array,
    type: number,
    expected: number | undefined,
  ): Promise<number>;
  /** Copies an object to the scratch buffer; one of {@link poolRead}. */
  read(key: string): number;
  /** A copy made off the main thread; `null`: there is none. */
  fetch(key: string): Promise<NativePoolCopy | null>;
  borrow(key: string): NativePoolLease | null;
  /** Detaches a lease's buffer and ends it. One that has ended is no error. */
  release(id: number): void;
  /** Sees to it that the key has a region of so many bytes, zeroes where it is new; whether it is. */
  makeRegion(key: string, byteLength: number): Promise<boolean>;
  delete(key: string, expected: number | undefined): boolean;
  add(key: string, amount: bigint): bigint;
  /** 0: the key has nothing. */
  versionOf(key: string): number;
  /** Up to `most` objects from a position on, which begins with 0; `next` is `null` behind the last one. */
  list(
    position: number,
    most: number,
  ): { readonly entries: readonly PoolListing[]; readonly next: number | null };
  /**
   * Calls `changed` with the number returned whenever the key may have changed. One function for all watches of a pool:
   * the first one's. Keeps the event loop alive until {@link NativePool.unwatch}.
   */
  watch(key: string, changed: (watch: number) => void): number;
  unwatch(watch: number): void;
  /** Watches go on over the devices as they are now. */
  followDevices(): void;
  describe(): PoolDescription;
  devices(): readonly PoolDeviceReport[];
  members(): readonly PoolMemberReport[];
  figures(): PoolFigures;
  /** Recovers dead members and frees what was deleted; how many were dead. */
  maintain(): Promise<number>;
  check(): Promise<PoolCheck>;
  scrub(): Promise<PoolScrub>;
  /** Everything else throws `ERR_TIER_BUSY` meanwhile. */
  repair(): Promise<PoolRepair>;
  /** Recovers the members of a boot that is over; how many. */
  reclaim(boot: string): Promise<number>;
  addDevice(device: PoolDeviceConfig, overwrite: boolean): Promise<void>;
  declareLost(ordinal: number): Promise<void>;
  /** Detaches all leases and leaves once what is under way has ended. Idempotent. */
  close(): void;
}

/** What the addon offers about pools. */
export interface PoolBinding {
  /** Opens a pool off the main thread. `scratch`: at least 4096 bytes that nobody else uses or detaches. */
  openPool(config: PoolConfig, scratch: ArrayBuffer): Promise<NativePool>;
  /** Takes a pool away; `ERR_TIER_BUSY` while it has members. */
  destroyPool(devices: readonly PoolDeviceConfig[]): Promise<void>;
}
