/** Reads a checkpoint object by object, each checked before it is handed out. */

import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { TierError } from '../errors.ts';
import type { Slices } from '../slices.ts';
import { fileError } from '../system-error.ts';
import {
  checkHead,
  decodeRecord,
  decodeTail,
  headBytes,
  keyBytesOf,
  type ObjectHead,
  recordHeadBytes,
  sumBytes,
  tailBytes,
} from './format.ts';

/** An object as it comes out of a checkpoint. */
export interface RestoredObject extends ObjectHead {
  /** Its own; nobody else uses them. */
  readonly bytes: Buffer<ArrayBuffer>;
}

const bufferBytes = 1024 * 1024;
/** The most one call may read: lengths are 32-bit integers in libuv. */
const maxReadBytes = 2 ** 30;
/** No key is longer in UTF-8; a longer one is a broken length. */
const maxKeyBytes = 4 * 4096;

/**
 * The objects of a checkpoint. Runs within the slice that has begun, but for the time it waits for the file. Objects
 * that came with one read follow each other without a turn of the event loop: that is for the caller to see to.
 *
 * @throws TierError `ERR_TIER_CONFIG` for a file of another kind or version, `ERR_TIER_CORRUPT` for one that is cut
 *   off (before the first object) or damaged (at the object concerned)
 */
export async function* readCheckpoint(
  path: string,
  slices: Slices,
): AsyncGenerator<RestoredObject, void> {
  const what = `The checkpoint ${path} could not be read`;
  let file: FileHandle | undefined;
  try {
    file = await slices.outside(open(path, 'r'));
    const { size } = await slices.outside(file.stat());
    const source = new Source(file, slices);
    checkHead(await source.take(Math.min(headBytes, size)), path);
    const tail = Buffer.alloc(tailBytes);
    await slices.outside(file.read(tail, 0, tailBytes, Math.max(0, size - tailBytes)));
    const objects = decodeTail(tail, size);
    if (objects === undefined) throw corrupt(path, 'its end is missing: it was cut off');
    for (let i = 0; i < objects; i++) yield await readObject(source, path, i, size);
  } catch (error) {
    throw fileError(error, what);
  } finally {
    if (file !== undefined) await slices.outside(file.close());
  }
}

async function readObject(
  source: Source,
  path: string,
  index: number,
  fileBytes: number,
): Promise<RestoredObject> {
  const broken = (): TierError => corrupt(path, `object ${index} of it is damaged`);
  const fixed = await source.take(recordHeadBytes);
  const keyBytes = fixed.length === recordHeadBytes ? keyBytesOf(fixed) : maxKeyBytes + 1;
  if (keyBytes > maxKeyBytes) throw broken();
  const head = decodeRecord(Buffer.concat([fixed, await source.take(keyBytes)]));
  // The sum vouches for the length, so that no garbage asks for terabytes; the file bounds it all the same.
  if (head === undefined || head.byteLength > fileBytes) throw broken();
  const bytes = await source.take(head.byteLength);
  const sum = await source.take(sumBytes);
  if (sum.length < sumBytes || crc32(bytes) !== sum.readUInt32LE(0)) throw broken();
  return { ...head, bytes };
}

function corrupt(path: string, why: string): TierError {
  return new TierError('ERR_TIER_CORRUPT', `The checkpoint ${path} cannot be used: ${why}.`, {
    hint: 'Use an earlier checkpoint.',
  });
}

/** A file read in order through one buffer. */
class Source {
  readonly #file: FileHandle;
  readonly #slices: Slices;
  readonly #buffer: Buffer = Buffer.allocUnsafe(bufferBytes);
  #start = 0;
  #end = 0;
  #position = 0;

  constructor(file: FileHandle, slices: Slices) {
    this.#file = file;
    this.#slices = slices;
  }

  /** The next bytes in an array of their own, shorter at the end of the file. */
  async take(byteLength: number): Promise<Buffer<ArrayBuffer>> {
    const bytes = Buffer.from(new ArrayBuffer(byteLength));
    let done = 0;
    while (done < byteLength) {
      if (this.#start < this.#end) {
        const part = this.#buffer.subarray(
          this.#start,
          Math.min(this.#end, this.#start + byteLength - done),
        );
        bytes.set(part, done);
        this.#start += part.length;
        done += part.length;
      } else if (byteLength - done >= bufferBytes) {
        const read = await this.#read(bytes, done, byteLength - done);
        if (read === 0) break;
        done += read;
      } else {
        this.#start = 0;
        this.#end = await this.#read(this.#buffer, 0, bufferBytes);
        if (this.#end === 0) break;
      }
    }
    return bytes.subarray(0, done);
  }

  async #read(into: Uint8Array, offset: number, byteLength: number): Promise<number> {
    const length = Math.min(byteLength, maxReadBytes);
    const read = this.#file.read(into, offset, length, this.#position);
    const { bytesRead } = await this.#slices.outside(read);
    this.#position += bytesRead;
    return bytesRead;
  }
}
