/** Options of a pool, and the check that they make sense before anything is done with them. */

import { invalidType, invalidValue } from '../errors.ts';
import { parseByteSize } from '../tiers/byte-size.ts';
import { checkKeys, checkObject, checkOneOf, checkPath } from '../tiers/option-checks.ts';
import type { PoolCoherence, PoolConfig, PoolDeviceConfig } from './pool-binding.ts';

/** A device or file of a pool. */
export interface PoolDeviceOptions {
  /** A devdax device, or a file: on fsdax, hugetlbfs, tmpfs (`/dev/shm`) or any file system that maps files. */
  readonly path: string;
  /**
   * Devices with the same one fail together: copies of a value never share it. Up to 63 bytes.
   *
   * @default each device for itself
   */
  readonly failureDomain?: string;
  /**
   * The file whose locks prove which members are alive. All members of a host must name the same one. Needed where a
   * device is seen by several device nodes (containers), because these do not exclude each other.
   *
   * @default the device itself
   */
  readonly lockPath?: string;
  /** Bytes the pool takes of it when it is made. @default the pool's `capacityBytes` */
  readonly capacityBytes?: number | string;
}

/** Options of `CxlMemoryPool.open`. */
export interface PoolOpenOptions {
  /** The devices, up to 15. Those of a pool that are not named are looked for where they were added. */
  readonly devices: readonly (string | PoolDeviceOptions)[];
  /** For people, up to 63 bytes. A pool that is there must have it. @default '' for a new one, any for one that is there */
  readonly name?: string;
  /**
   * Bytes of each device for a new pool, its metadata included: numbers, or texts such as `'1GiB'`. A file grows to that
   * size at once, so that no later write can fail for want of room.
   *
   * @default all of a device; needed for a new file
   */
  readonly capacityBytes?: number | string;
  /**
   * Devices that each value is on: 2 keeps it when one is lost. Regions and counters are on one. Of a pool that is
   * there, what it must have.
   *
   * @default 1
   */
  readonly replicas?: 1 | 2;
  /** How members see each other's stores, see {@link PoolCoherence}. Of a pool that is there, what it must be. @default 'hardware' */
  readonly coherence?: PoolCoherence;
  /** `'if-missing'`: open, or make it where nothing is. `true`: only make it. `false`: only open. @default 'if-missing' */
  readonly create?: boolean | 'if-missing';
  /** With `create: true`: over whatever is there, unless that is a pool with members. @default false */
  readonly overwrite?: boolean;
  /** Only read: takes no place among the members, and stores nothing on the devices, not even a hold. @default false */
  readonly readOnly?: boolean;
  /** Most bytes of each device that this member may own. @default no limit */
  readonly quotaBytes?: number | string;
  /** Of a new pool: members at a time, up to 250. @default 64 */
  readonly maxMembers?: number;
  /** Of a new pool: keys, about. Each takes 11 to 22 bytes of the devices from the start. @default 48,000 */
  readonly maxObjects?: number;
  /** Of a new pool: objects that a member can have leased at a time, up to 2^20. @default 1024 */
  readonly maxHeld?: number;
  /**
   * When a value's checksum is compared with its bytes: whenever it is read, when this member meets it first, or never.
   *
   * @default 'first'; always 'always' with software coherence
   */
  readonly verify?: 'always' | 'first' | 'never';
  /** How long a change waits for a member that is alive and stopped in the middle of one, in milliseconds. @default 5000 */
  readonly patienceMs?: number;
  /**
   * How long a member of another host may be silent before it counts as gone, in milliseconds; each counts up in the
   * device meanwhile. Members of this host are known by the kernel's locks, and need none.
   *
   * @default 10000
   */
  readonly leaseMs?: number;
  /**
   * What becomes of a member of another host that is silent over its lease. `'manual'`: nothing, before somebody who
   * knows that its host is off calls `reclaim`. `'lease'`: it is recovered, if it promised the same, which is to change
   * nothing any more when it could not renew its lease (`ERR_TIER_CLOSED`; open anew). A host that is stopped as a whole
   * in the middle of a change, and goes on later, breaks the promise: only where such hosts are cut off from the device.
   *
   * @default 'manual'
   */
  readonly takeover?: 'manual' | 'lease';
  /**
   * What to do when a device of the pool is not there: refuse, go on without it where values have a copy elsewhere, or
   * go on whatever is lost with it. A device that the pool went on without is not used again.
   *
   * @default 'declare-lost-if-replicated'
   */
  readonly missingDevices?: 'refuse' | 'declare-lost-if-replicated' | 'declare-lost';
  /**
   * With software coherence: this host writes from now on. Only if the one that did is off, or cut off from the devices
   * for good; else both write, and values are lost.
   *
   * @default false
   */
  readonly claimWriter?: boolean;
  /** How often this member looks for dead ones and deleted values, in milliseconds; 0: never. @default 1000 */
  readonly maintainMs?: number;
}

const openKeys = [
  'devices',
  'name',
  'capacityBytes',
  'replicas',
  'coherence',
  'create',
  'overwrite',
  'readOnly',
  'quotaBytes',
  'maxMembers',
  'maxObjects',
  'maxHeld',
  'verify',
  'patienceMs',
  'leaseMs',
  'takeover',
  'missingDevices',
  'claimWriter',
  'maintainMs',
] as const satisfies readonly (keyof PoolOpenOptions)[];
const deviceKeys = ['path', 'failureDomain', 'lockPath', 'capacityBytes'] as const;

const maxDevices = 15;
const maxLabelBytes = 63;
const minShards = 64;
const minShardSlots = 1024;
const maxShardSlots = 65536;
const maxObjectsAtMost = 2 ** 30;

function checkLabel(name: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw invalidType(name, 'a string', value);
  if (Buffer.byteLength(value) > maxLabelBytes || value.includes('\0') || !value.isWellFormed()) {
    throw invalidValue(name, `up to ${maxLabelBytes} bytes of UTF-8 without NUL`, value);
  }
  return value;
}

function checkBoolean(name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
  return value;
}

function checkWhole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw invalidValue(name, `a whole number from ${least} to ${most}`, value);
  }
  return value;
}

function checkOneOfOr<T extends string>(
  name: string,
  value: unknown,
  words: readonly T[],
  or: T,
): T {
  return value === undefined ? or : checkOneOf(name, value, words);
}

/** A device with all its fields. Throws `ERR_INVALID_ARG_*` for what is none. */
export function checkPoolDevice(name: string, device: unknown): PoolDeviceConfig {
  if (typeof device === 'string') return checkPoolDevice(name, { path: device });
  const options = checkObject(name, device);
  checkKeys(name, options, deviceKeys);
  const { capacityBytes, lockPath } = options;
  return {
    path: checkPath(`${name}.path`, options.path),
    lockPath: lockPath === undefined ? '' : checkPath(`${name}.lockPath`, lockPath),
    failureDomain: checkLabel(`${name}.failureDomain`, options.failureDomain),
    capacityBytes:
      capacityBytes === undefined ? 0 : parseByteSize(`${name}.capacityBytes`, capacityBytes),
  };
}

/** Devices with all their fields. Throws `ERR_INVALID_ARG_*` for what are none. */
export function checkPoolDevices(devices: unknown): PoolDeviceConfig[] {
  if (!Array.isArray(devices))
    throw invalidType('devices', 'an array of paths or devices', devices);
  if (devices.length === 0 || devices.length > maxDevices) {
    throw invalidValue('devices', `from 1 to ${maxDevices} devices`, devices.length);
  }
  const checked = Array.from(devices, (device, i) => checkPoolDevice(`devices[${i}]`, device));
  const again = checked.find(({ path }, i) => checked.findIndex((d) => d.path === path) < i);
  if (again !== undefined) throw invalidValue('devices', 'each named once', again.path);
  return checked;
}

/** Shards and slots for so many objects: a quarter stays free, so that probing is short and chance evens out. */
function directory(maxObjects: number): { readonly shards: number; readonly shardSlots: number } {
  const slots = 2 ** Math.ceil(Math.log2((maxObjects * 4) / 3));
  const shards = Math.max(minShards, slots / maxShardSlots);
  return { shards, shardSlots: Math.max(minShardSlots, slots / shards) };
}

/** What `open` was asked for, with all its fields. Throws `ERR_INVALID_ARG_*` for options that make no sense. */
export function checkPoolOpen(value: PoolOpenOptions): PoolConfig {
  const options = checkObject('options', value) as unknown as PoolOpenOptions;
  checkKeys('options', options as unknown as Record<string, unknown>, openKeys);
  const { create = 'if-missing', capacityBytes, quotaBytes } = options;
  if (typeof create !== 'boolean' && create !== 'if-missing') {
    throw invalidType('create', "a boolean or 'if-missing'", create);
  }
  const overwrite = checkBoolean('overwrite', options.overwrite);
  const readOnly = checkBoolean('readOnly', options.readOnly);
  if (overwrite && create !== true)
    throw invalidValue('overwrite', 'used with `create: true`', overwrite);
  if (readOnly && create === true)
    throw invalidValue('readOnly', 'absent with `create: true`', readOnly);
  if (options.maintainMs !== undefined)
    checkWhole('maintainMs', options.maintainMs, 0, 2 ** 31 - 1);
  const holds = checkWhole('maxHeld', options.maxHeld ?? 1024, 1, 2 ** 20);
  return {
    opening: create === true ? 'create' : create && !readOnly ? 'open-or-create' : 'open',
    devices: checkPoolDevices(options.devices),
    name: checkLabel('name', options.name),
    capacityBytes: capacityBytes === undefined ? 0 : parseByteSize('capacityBytes', capacityBytes),
    members: checkWhole('maxMembers', options.maxMembers ?? 64, 1, 250),
    holds: Math.ceil(holds / 8) * 8,
    ...directory(checkWhole('maxObjects', options.maxObjects ?? 48_000, 1, maxObjectsAtMost)),
    replicas: checkWhole('replicas', options.replicas ?? 1, 1, 2),
    coherence: checkOneOfOr('coherence', options.coherence, ['hardware', 'software'], 'hardware'),
    overwrite,
    verify: checkOneOfOr('verify', options.verify, ['always', 'first', 'never'], 'first'),
    quotaBytes: quotaBytes === undefined ? undefined : parseByteSize('quotaBytes', quotaBytes),
    patienceMs: checkWhole('patienceMs', options.patienceMs ?? 5000, 0, 24 * 3600 * 1000),
    leaseMs: checkWhole('leaseMs', options.leaseMs ?? 10_000, 100, 24 * 3600 * 1000),
    takeover: checkOneOfOr('takeover', options.takeover, ['manual', 'lease'], 'manual'),
    readOnly,
    missingDevices: checkOneOfOr(
      'missingDevices',
      options.missingDevices,
      ['refuse', 'declare-lost-if-replicated', 'declare-lost'],
      'declare-lost-if-replicated',
    ),
    claimWriter: checkBoolean('claimWriter', options.claimWriter),
  };
}
