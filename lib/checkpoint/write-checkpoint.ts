/** Writes a checkpoint: whole or not at all, whatever happens on the way. */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Slices } from '../slices.ts';
import { fileError } from '../system-error.ts';
import {
  encodeHead,
  encodeRecord,
  encodeTail,
  type ObjectHead,
  sumBytes,
  tailBytes,
} from './format.ts';

/** An object as it goes into a checkpoint. */
export interface CheckpointObject extends ObjectHead {
  /**
   * Its data, in order. The first block is taken, and copied, before anything else can run; at most
   * {@link blockBytes} but for the first. Between blocks the event loop may turn.
   */
  readonly blocks: Iterable<Uint8Array>;
}

/** How much a checkpoint holds. */
export interface CheckpointSize {
  /** Values written; one that was replaced meanwhile can count twice. */
  readonly objects: number;
  /** Bytes of the file. */
  readonly bytes: number;
}

/** What is summed and copied in one go, a fraction of a millisecond. */
export const blockBytes: number = 256 * 1024;
/** Beside a batch that is almost full, room for a first block of a megabyte, its record and its sum. */
const batchBytes = blockBytes + 2 ** 20 + 2 ** 15;
/** The most one call may write: lengths are 32-bit integers in libuv. */
const maxWriteBytes = 2 ** 30;

let serial = 0;

/**
 * Writes the objects to a file beside `path`, makes it durable, and gives it the name: a reader, and a machine that
 * loses power, finds the old checkpoint or the new one.
 */
export async function writeCheckpoint(
  path: string,
  objects: Iterable<CheckpointObject | undefined>,
  slices: Slices,
  signal?: AbortSignal,
): Promise<CheckpointSize> {
  const partial = `${path}.${process.pid}-${serial++}.partial`;
  let file: FileHandle | undefined;
  try {
    file = await open(partial, 'wx', 0o600);
    const opened = file;
    const report = await slices.during(() => writeObjects(opened, objects, slices, signal));
    await file.sync();
    await file.close();
    file = undefined;
    await rename(partial, path);
    await syncFolder(dirname(path));
    return report;
  } catch (error) {
    await file?.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw fileError(
      error,
      `The checkpoint ${path} could not be written`,
      'An earlier checkpoint of that name is untouched.',
    );
  }
}

async function writeObjects(
  file: FileHandle,
  objects: Iterable<CheckpointObject | undefined>,
  slices: Slices,
  signal: AbortSignal | undefined,
): Promise<CheckpointSize> {
  const batch = Buffer.allocUnsafe(batchBytes);
  const sum = Buffer.alloc(sumBytes);
  let used = 0;
  let written = 0;
  let count = 0;
  const flush = async (): Promise<void> => {
    for (let done = 0; done < used; ) {
      const write = file.write(batch, done, Math.min(used - done, maxWriteBytes));
      done += (await slices.outside(write)).bytesWritten;
    }
    written += used;
    used = 0;
    signal?.throwIfAborted();
  };
  // There is always room for it: the batch is written when it holds a block.
  const add = (bytes: Uint8Array): void => {
    batch.set(bytes, used);
    used += bytes.length;
  };

  signal?.throwIfAborted();
  add(encodeHead());
  for (const object of objects) {
    if (object !== undefined) {
      add(encodeRecord(object));
      let crc = 0;
      for (const block of object.blocks) {
        crc = crc32(block, crc);
        add(block);
        if (used >= blockBytes) await flush();
      }
      sum.writeUInt32LE(crc);
      add(sum);
      count++;
    }
    if (!slices.spent) continue;
    await slices.yield();
    signal?.throwIfAborted();
  }
  const fileBytes = written + used + tailBytes;
  add(encodeTail(count, fileBytes));
  await flush();
  return { objects: count, bytes: fileBytes };
}

/** The new name survives a power cut only once the folder is written too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
