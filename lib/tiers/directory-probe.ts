/** Finds out what lies below a directory: memory, a drive, a network, or something a container hides. */

import { accessSync, constants, readFileSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { TierError } from '../errors.ts';
import { systemErrorCode, systemErrorDetails } from '../system-error.ts';
import type {
  BlockDescription,
  MachineDescription,
  MountDescription,
} from './machine-description.ts';

/** What the bytes of a directory are kept on. */
export type DirectoryMedium = 'drive' | 'memory' | 'network' | 'overlay' | 'unknown';

/** A directory that exists and can be written to. */
export interface DirectoryFacts {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly medium: DirectoryMedium;
  /** E.g. `tmpfs`, `ext4`. */
  readonly fsType: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly block: BlockDescription | null;
  readonly mount: MountDescription | null;
  /** What the drive calls itself, e.g. `Samsung SSD 990 PRO 1TB`; absent where it does not say. */
  readonly model?: string | undefined;
}

/** statfs(2) magic numbers of file systems that are not a local drive. */
const magics: ReadonlyMap<number, readonly [string, DirectoryMedium]> = new Map([
  [0x01021994, ['tmpfs', 'memory']],
  [0x858458f6, ['ramfs', 'memory']],
  [0x958458f6, ['hugetlbfs', 'memory']],
  [0x794c7630, ['overlay', 'overlay']],
  [0x6969, ['nfs', 'network']],
  [0xff534d42, ['cifs', 'network']],
  [0xfe534d42, ['smb2', 'network']],
  [0x01021997, ['9p', 'network']],
  [0x00c36400, ['ceph', 'network']],
  [0x65735546, ['fuse', 'unknown']],
]);

function isBelow(path: string, mountPath: string): boolean {
  return mountPath === '/' || path === mountPath || path.startsWith(`${mountPath}/`);
}

/**
 * The mount that holds `path`: the deepest one above it on the same device. Without the device, a tmpfs on
 * /tmp would be taken for the drive that holds `/`.
 */
export function findMount(
  machine: MachineDescription | null,
  path: string,
): { block: BlockDescription; mount: MountDescription } | null {
  const device = statSync(path).dev;
  let best: { block: BlockDescription; mount: MountDescription } | null = null;
  for (const block of machine?.blocks ?? []) {
    for (const mount of block.mounts) {
      if (!isBelow(path, mount.path)) continue;
      if (best !== null && best.mount.path.length > mount.path.length) continue;
      // A btrfs subvolume has a device number of its own, so there the file system's name decides.
      const same = mount.fsType === 'btrfs' || deviceOf(mount.path) === device;
      if (same) best = { block, mount };
    }
  }
  return best;
}

function deviceOf(path: string): number | null {
  try {
    return statSync(path).dev;
  } catch {
    return null;
  }
}

function failure(path: string, cause: unknown): TierError {
  const refused = systemErrorCode(cause) === 'ERR_TIER_NO_PERMISSION';
  return new TierError(
    refused ? 'ERR_TIER_NO_PERMISSION' : 'ERR_TIER_UNAVAILABLE',
    `The tier directory "${path}" cannot be used: ${(cause as Error).message}`,
    {
      hint: refused
        ? 'Choose a directory this process may write to.'
        : 'Create the directory first, or choose one that exists.',
      ...systemErrorDetails(cause),
    },
  );
}

/**
 * What lies below `path`.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` when it is no directory, `ERR_TIER_NO_PERMISSION` when this
 * process may not write to it
 */
export function probeDirectory(path: string, machine: MachineDescription | null): DirectoryFacts {
  let real: string;
  let found: ReturnType<typeof findMount>;
  let system: ReturnType<typeof statfsSync>;
  try {
    real = realpathSync(path);
    if (!statSync(real).isDirectory()) {
      throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR', errno: 20 });
    }
    accessSync(real, constants.W_OK | constants.X_OK);
    found = findMount(machine, real);
    system = statfsSync(real);
  } catch (cause) {
    throw failure(path, cause);
  }
  const [fsType, medium] = magics.get(system.type) ?? [
    found?.mount.fsType ?? `0x${system.type.toString(16)}`,
    found === null ? 'unknown' : 'drive',
  ];
  return {
    path: real,
    medium,
    fsType,
    freeBytes: system.bavail * system.bsize,
    totalBytes: system.blocks * system.bsize,
    block: medium === 'drive' ? (found?.block ?? null) : null,
    mount: medium === 'drive' ? (found?.mount ?? null) : null,
    model: medium === 'drive' && found !== null ? driveModel(found.block) : undefined,
  };
}

function driveModel({ name }: BlockDescription): string | undefined {
  try {
    return readFileSync(`/sys/class/block/${name}/device/model`, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
