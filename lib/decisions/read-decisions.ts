/** Reads a log of decisions, one after the other. */

import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { TierError } from '../errors.ts';
import type { Decision } from '../migration/decision.ts';
import { fileError } from '../system-error.ts';
import { type PolicyParameters, parseDecision, parseHeader } from './decision-format.ts';

const newline = 10;

/** A decision of a log. */
export interface LoggedDecision {
  /** From 1. */
  readonly number: number;
  readonly decision: Decision;
  /** How the log says the policies were made. */
  readonly policies: PolicyParameters;
}

/**
 * The decisions of a file; one whose name ends in `.gz` is unpacked. Holds one at a time in memory.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` or `ERR_TIER_NO_PERMISSION` when it cannot be opened, `ERR_TIER_CONFIG` for
 *   a file of another kind or version, `ERR_TIER_CORRUPT` at the first line that is damaged
 */
export async function* readDecisions(path: string): AsyncGenerator<LoggedDecision> {
  let failure: unknown;
  const raw = createReadStream(path);
  // What failed first is the reason; a pipeline tears down the rest with errors of its own.
  const failed = (error: unknown): void => {
    failure ??= error ?? undefined;
  };
  const source: Readable = path.endsWith('.gz') ? pipeline(raw, createGunzip(), failed) : raw;
  source.on('error', failed);
  let policies: PolicyParameters | undefined;
  let number = 0;
  try {
    for await (const line of linesOf(source)) {
      if (policies === undefined) policies = parseHeader(line, path);
      else if (line !== '') yield { number, decision: parseDecision(line, path, number), policies };
      number++;
    }
  } catch (error) {
    failure ??= error;
  } finally {
    raw.destroy();
  }
  if (failure !== undefined) throw readError(failure, path);
  if (policies === undefined) parseHeader('', path);
}

/** The lines without their ends. They can be megabytes: each byte is looked at once, which readline does not do. */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  for await (const piece of source) {
    let start = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, start)) {
      pieces.push(piece.subarray(start, end));
      yield textOf(pieces);
      pieces = [];
      start = end + 1;
    }
    if (start < piece.length) pieces.push(piece.subarray(start));
  }
  if (pieces.length > 0) yield textOf(pieces);
}

function textOf(pieces: readonly Buffer[]): string {
  return Buffer.concat(pieces).toString('utf8').replace(/\r$/, '');
}

function readError(error: unknown, path: string): unknown {
  if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') === true) {
    return new TierError('ERR_TIER_CORRUPT', `${path} is damaged or cut off.`, { cause: error });
  }
  return fileError(error, `The log of decisions ${path} cannot be read`);
}
