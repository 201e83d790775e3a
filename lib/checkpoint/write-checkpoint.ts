/** Writes a checkpoint: whole or not at all, whatever happens on the way. */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { fileError } from './file-error.ts';
import { encodeHead, encodeRecord, encodeTail, type ObjectHead, tailBytes } from './format.ts';

/** An object as it goes into a checkpoint. */
export interface CheckpointObject extends Omit<ObjectHead, 'byteLength'> {
  /**
   * Up to {@link copiedBytes} are copied before anything else can run; more must stay as they are until the next
   * object is asked for.
   */
  readonly bytes: Uint8Array;
}

/** How much a checkpoint holds. */
export interface CheckpointSize {
  readonly objects: number;
  /** Bytes of the file. */
  readonly bytes: number;
}

/** Objects of at most so many bytes are copied on the main thread; larger ones are written from where they are. */
export const copiedBytes: number = 128 * 1024;
/** What is copied between two writes: a fraction of a millisecond. Twice that holds the last object, too. */
const batchBytes = 256 * 1024;

let serial = 0;

/**
 * Writes the objects to a file beside `path`, makes it durable, and gives it the name: a reader, and a machine that
 * loses power, finds the old checkpoint or the new one.
 */
export async function writeCheckpoint(
  path: string,
  objects: Iterable<CheckpointObject>,
  signal?: AbortSignal,
): Promise<CheckpointSize> {
  const partial = `${path}.${process.pid}-${serial++}.partial`;
  let file: FileHandle | undefined;
  try {
    file = await open(partial, 'wx', 0o600);
    const report = await writeObjects(file, objects, signal);
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
  objects: Iterable<CheckpointObject>,
  signal: AbortSignal | undefined,
): Promise<CheckpointSize> {
  const batch = Buffer.allocUnsafe(2 * batchBytes);
  let used = 0;
  let written = 0;
  let count = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
    }
    written += bytes.length;
  };
  const flush = async (): Promise<void> => {
    await write(batch.subarray(0, used));
    used = 0;
    signal?.throwIfAborted();
  };
  // There is always room for it: the batch is written when it is half full.
  const add = (bytes: Uint8Array): void => {
    batch.set(bytes, used);
    used += bytes.length;
  };

  signal?.throwIfAborted();
  add(encodeHead());
  for (const { bytes, ...head } of objects) {
    // No await from here until a small object is copied: it may change and move at any turn of the event loop.
    add(encodeRecord({ ...head, byteLength: bytes.length }, crc32(bytes)));
    if (bytes.length <= copiedBytes) add(bytes);
    if (used >= batchBytes || bytes.length > copiedBytes) await flush();
    if (bytes.length > copiedBytes) await write(bytes);
    count++;
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
