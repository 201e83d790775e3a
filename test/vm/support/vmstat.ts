/** Counters of the kernel's memory management. */

import { readFileSync } from 'node:fs';

/** A counter of /proc/vmstat. */
export function vmstat(name: string): number {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
  if (value === undefined) throw new Error(`/proc/vmstat has no ${name}`);
  return Number(value);
}
