/** Reads an access trace, gzip or plain, as batches of columns in constant memory. */

import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TierError } from '../errors.ts';
import { type TraceBatch, TraceParser } from './trace-parser.ts';
import type { TraceSource } from './trace-source.ts';

/** Options of {@link readTrace}. */
export interface ReadTraceOptions {
  /** Stop after this many requests. Default: all. */
  readonly limit?: number | undefined;
}

const inflatedBytes = 256 * 1024;

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

function gzipError(name: string, cause: NodeJS.ErrnoException, requests: number): TierError {
  const truncated = cause.code === 'Z_BUF_ERROR';
  const what = truncated
    ? 'is truncated: its gzip stream ends early'
    : `is not intact: ${cause.message}`;
  return new TierError('ERR_TIER_TRACE', `${name} ${what} (after ${requests} requests).`, {
    hint: 'Fetch the file again; "gzip -t FILE" tests it.',
    cause,
  });
}

/**
 * Yields the requests of a trace in order. A batch is valid until the next one is asked for. Compression is
 * told by content, not by name. Throws `ERR_TIER_TRACE` with the line number for malformed text, for a
 * truncated or damaged gzip stream, and for a trace without a request.
 */
export async function* readTrace(
  source: TraceSource,
  options: ReadTraceOptions = {},
): AsyncGenerator<TraceBatch, void, void> {
  const compressed = isGzip(await source.peek(2));
  const raw = source.open();
  const gunzip = compressed ? createGunzip({ chunkSize: inflatedBytes }) : undefined;
  if (gunzip !== undefined) raw.on('error', (error) => gunzip.destroy(error));
  const text: Readable = gunzip === undefined ? raw : raw.pipe(gunzip);
  const parser = new TraceParser(source.name);
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  try {
    for await (const piece of text as AsyncIterable<Uint8Array>) {
      parser.feed(piece);
      for (let batch = parser.next(); batch !== undefined; batch = parser.next()) {
        batch.length = Math.min(batch.length, left);
        left -= batch.length;
        yield batch;
        if (left <= 0) return;
      }
    }
    const last = parser.finish();
    if (last !== undefined) yield last;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_'))
      throw gzipError(source.name, error as NodeJS.ErrnoException, parser.requests);
    if (code?.startsWith('E') && !(error instanceof TierError)) {
      throw new TierError(
        'ERR_TIER_IO',
        `${source.name} could not be read: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
    throw error;
  } finally {
    raw.destroy();
    gunzip?.destroy();
  }
  if (parser.requests === 0) {
    throw new TierError('ERR_TIER_TRACE', `${source.name} has a header but no request.`, {
      hint: 'Each request is a line such as "42,4096,r".',
    });
  }
}
