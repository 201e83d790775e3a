/** What detection has to ask of the running system beyond the machine description. */

import { accessSync, constants } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { type DirectoryFacts, probeDirectory } from './directory-probe.ts';
import type { MachineDescription } from './machine-description.ts';

/** Replaced in tests; {@link systemProbe} asks the real system. */
export interface TierProbe {
  /** Throws a TierError when the directory cannot be used. */
  directory(path: string, machine: MachineDescription | null): DirectoryFacts;
  /** Whether a directory or device may be read and written. */
  writable(path: string): boolean;
  readonly temporaryDirectory: string;
  /** Variables that libraries look at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Memory of the machine or container, for when no description of it is to be had. */
  readonly memoryBytes: number;
}

/** The real system. */
export function systemProbe(): TierProbe {
  const limit = process.constrainedMemory();
  return {
    directory: probeDirectory,
    writable: (path) => {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    temporaryDirectory: tmpdir(),
    environment: process.env,
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
  };
}
