/**
 * Where a trace comes from. A source can be opened several times, because a replay first looks at the whole
 * trace and then plays it; standard input and pipes are therefore spooled to an unlinked temporary file,
 * which disappears with the process, however it ends.
 */

import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { TierError } from '../errors.ts';
import { systemErrorDetails } from '../system-error.ts';

const readBytes = 256 * 1024;

/** An input that can be read from its start any number of times. */
export interface TraceSource {
  /** What messages call it. */
  readonly name: string;
  /** The first bytes, fewer when the input is shorter. */
  peek(bytes: number): Promise<Uint8Array>;
  /** A new stream over all bytes. One at a time. */
  open(): Readable;
  close(): Promise<void>;
}

class FileSource implements TraceSource {
  readonly name: string;
  readonly #file: FileHandle;

  constructor(name: string, file: FileHandle) {
    this.name = name;
    this.#file = file;
  }

  async peek(bytes: number): Promise<Uint8Array> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  }

  open(): Readable {
    return Readable.from(this.#pieces(), { objectMode: false });
  }

  // A file handle's own streams close the handle when they are destroyed, autoClose or not.
  async *#pieces(): AsyncGenerator<Uint8Array> {
    for (let position = 0; ; ) {
      const { buffer, bytesRead } = await this.#file.read(
        Buffer.allocUnsafe(readBytes),
        0,
        readBytes,
        position,
      );
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function spool(name: string, input: Readable): Promise<FileSource> {
  let directory: string | undefined;
  let file: FileHandle | undefined;
  try {
    directory = await mkdtemp(join(tmpdir(), 'memory-tiers-trace-'));
    file = await open(join(directory, 'spool'), 'wx+', 0o600);
    await rm(directory, { recursive: true });
    await writeFile(file, input);
    return new FileSource(name, file);
  } catch (cause) {
    await file?.close();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    const { message } = cause as Error;
    throw new TierError('ERR_TIER_IO', `${name} could not be spooled: ${message}`, {
      hint: `It is kept in ${tmpdir()} while it is read; TMPDIR names another place.`,
      cause,
    });
  }
}

/**
 * Opens a trace: a path, or `-` for `stdin`. Throws `ERR_TIER_TRACE` when it cannot be opened and
 * `ERR_TIER_IO` when standard input cannot be spooled.
 */
export async function openTrace(
  path: string,
  stdin: Readable = process.stdin,
): Promise<TraceSource> {
  if (path === '-') return await spool('standard input', stdin);
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const hint =
      code === 'ENOENT'
        ? 'Check the path; "-" reads from standard input.'
        : 'Check the permissions of the file.';
    throw new TierError('ERR_TIER_TRACE', `The trace cannot be opened: ${message}`, {
      hint,
      ...systemErrorDetails(cause),
    });
  }
  const stats = await file.stat();
  if (stats.isFile()) return new FileSource(path, file);
  if (stats.isDirectory()) {
    await file.close();
    throw new TierError('ERR_TIER_TRACE', `${path} is a directory, not a trace.`, {
      hint: 'Name a .csv or .csv.gz file in it.',
    });
  }
  return await spool(path, file.createReadStream());
}
