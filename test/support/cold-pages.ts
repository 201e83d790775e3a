/** Pages of a file tier that are on the drive only, as they are once the kernel needed their memory for others. */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { chunkBytes, requireNative } from '../../lib/native.ts';
import { backingFiles } from './backing-file.ts';

/** TMPFS_MAGIC of statfs(2). */
const tmpfsMagic = 0x01021994;

/**
 * Takes the backing files in a directory out of memory, also where they are mapped: a direct write does, here of what
 * is there already. `false` where that changes nothing: on a file system in memory.
 */
export function makeCold(directory: string): boolean {
  if (statfsSync(directory).type === tmpfsMagic) return false;
  const heap = requireNative().openHeap({ reserveBytes: chunkBytes });
  try {
    // Direct reads and writes need aligned memory.
    const backend = heap.addBackend({ kind: 'simulated', capacityBytes: chunkBytes });
    const block = new Uint8Array(heap.buffer(heap.allocate(backend, 1), chunkBytes));
    for (const path of backingFiles(directory)) {
      const fd = openSync(path, constants.O_RDWR | constants.O_DIRECT);
      try {
        for (let at = 0; at < fstatSync(fd).size; at += chunkBytes) {
          writeSync(fd, block, 0, readSync(fd, block, 0, chunkBytes, at), at);
        }
      } finally {
        closeSync(fd);
      }
    }
    return true;
  } finally {
    heap.close();
  }
}
