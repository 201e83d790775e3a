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

/** What an administrator or a failing drive can do to the one backing file in a directory. */
export function cutBackingFile(directory: string, bytes: number): void {
  const fds = readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).startsWith(`${directory}/`));
  expect(fds).toHaveLength(1);
  truncateSync(`/proc/self/fd/${fds[0]}`, bytes);
}
