/** A folder of files in memory for pools, emptied after each test, and pools that are closed with it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { CxlMemoryPool } from '../../lib/pool/cxl-memory-pool.ts';
import type { PoolOpenOptions } from '../../lib/pool/pool-options.ts';

export interface PoolDirectory {
  /** A path in the folder. */
  path(name?: string): string;
  /** Opens a pool of 16 MiB with no timer, unless options say otherwise. */
  open(options?: Partial<PoolOpenOptions>): Promise<CxlMemoryPool>;
}

/** Tests of one file have one each. */
export function poolDirectory(): PoolDirectory {
  let directory = '';
  let opened: CxlMemoryPool[] = [];
  beforeEach(() => {
    directory = mkdtempSync('/dev/shm/memory-tiers-pool-');
  });
  afterEach(async () => {
    await Promise.all(opened.map((pool) => pool.close()));
    opened = [];
    rmSync(directory, { recursive: true, force: true });
  });
  const path = (name = 'pool'): string => join(directory, name);
  return {
    path,
    open: async (options = {}) => {
      const pool = await CxlMemoryPool.open({
        devices: [path()],
        capacityBytes: '16MiB',
        maintainMs: 0,
        ...options,
      });
      opened = [...opened.filter((one) => !one.closed), pool];
      return pool;
    },
  };
}
