/** Which tiers share a file's drive, as far as file systems tell. */

import { statSync } from 'node:fs';
import type { BackendSet } from './backend-set.ts';

/** Tiers with files on the file system that holds `path`; none when that cannot be told. */
export function tiersBeside(set: BackendSet, path: string): number[] {
  const device = deviceOf(path);
  if (device === undefined) return [];
  const tiers = new Set<number>();
  for (const { tier, config } of set.all) {
    if (config.kind === 'file' && deviceOf(config.directory) === device) tiers.add(tier);
  }
  return [...tiers];
}

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch {
    return undefined;
  }
}
