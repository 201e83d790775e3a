/**
 * Loads the native addon. The only file that does: everything native is reached through {@link NativeBinding}, whose
 * parts are in the `*-binding.ts` of their folders, and every error the addon throws is turned into a {@link TierError}
 * here.
 */

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TierError, type TierErrorCode } from './errors.ts';
import type { AttachedRun, NativeHeap } from './memory/heap-binding.ts';
import type { HotnessProbe } from './memory/hotness-binding.ts';
import type { NumaBinding } from './numa/numa-binding.ts';
import type { PoolBinding } from './pool/pool-binding.ts';
import type { MachineDescription } from './tiers/machine-description.ts';

/** Bytes of a chunk: the unit of backing and of stable-address moves. */
export const chunkBytes: number = 2 * 1024 * 1024;

/** The addon. */
export interface NativeBinding extends NumaBinding, PoolBinding {
  /**
   * Describes the machine. `root` is prefixed to every path that is read ('' for the real system); with a
   * root, nothing is asked of the running kernel and permissions are reported as 0.
   */
  describeMachine(root: string): MachineDescription;
  /** Reserves an address window. */
  openHeap(options: { readonly reserveBytes: number }): NativeHeap;
  /** Which hotness sources work here, best first. Opens and closes what they need. */
  probeHotnessSources(): readonly HotnessProbe[];
  /** The bytes of a run shared with `shareRun`. Throws `ERR_TIER_CLOSED` when the token is of a run that is gone. */
  attachRun(token: string): AttachedRun;
  /** Tells V8 about memory that hangs on JavaScript objects; returns the new total. */
  adjustExternalMemory(changeInBytes: number): number;
  /**
   * Sets how this environment's errors are made. Called once by {@link nativeBinding}; every failure of the
   * core arrives here with its public code, and what is returned is thrown.
   */
  setErrorFactory(make: NativeErrorFactory): void;
  /** Version of the memkind library, or why the plugin cannot be used. */
  memkindStatus(): { readonly available: boolean; readonly detail: string };
}

/** Makes the error for a failed native call. `syscall` is '' and `errno` 0 when no system call was behind it. */
export type NativeErrorFactory = (
  code: TierErrorCode,
  message: string,
  syscall: string,
  errno: number,
) => Error;

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');

let loaded: NativeBinding | TierError | undefined;

function load(): NativeBinding | TierError {
  try {
    const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as (
      dir: string,
    ) => unknown;
    const binding = nodeGypBuild(packageRoot) as NativeBinding;
    binding.setErrorFactory(
      (code, message, syscall, errno) =>
        new TierError(code, message, { syscall: syscall || undefined, errno: errno || undefined }),
    );
    return binding;
  } catch (cause) {
    return new TierError(
      'ERR_TIER_NATIVE',
      `The native part of memory-tiers could not be loaded on ${process.platform}-${process.arch}: ` +
        `${(cause as Error).message}`,
      {
        hint: 'Real tiers need Linux on x64 or arm64 with glibc 2.34 or later. Simulated tiers work without it.',
        cause,
      },
    );
  }
}

/** The addon, loaded on first use, or the error that explains its absence. */
export function nativeBinding(): NativeBinding | TierError {
  loaded ??= load();
  return loaded;
}

/** The addon. Throws `ERR_TIER_NATIVE` when this platform has none. */
export function requireNative(): NativeBinding {
  const binding = nativeBinding();
  if (binding instanceof TierError) throw binding;
  return binding;
}
