/** The file behind a file backend has no name, but its descriptor is one of this process's. */

import { readdirSync, readlinkSync, truncateSync } from 'node:fs';
import { expect } from 'vitest';

/** The target of a descriptor, '' when it is gone. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** Paths by which this process's backing files in a directory can be opened. */
export function backingFiles(directory: string): string[] {
  return readdirSync('/proc/self/fd')
    .filter((fd) => targetOf(fd).startsWith(`${directory}/`))
    .map((fd) => `/proc/self/fd/${fd}`);
}

/** What an administrator or a failing drive can do to the one backing file in a directory. */
export function cutBackingFile(directory: string, bytes: number): void {
  const files = backingFiles(directory);
  expect(files).toHaveLength(1);
  truncateSync(files[0], bytes);
}
