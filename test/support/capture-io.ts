/** A command's outside world for tests: remembers what was written. */

import { Readable } from 'node:stream';
import type { CommandIo } from '../../lib/cli/command-io.ts';

export interface CapturedIo extends CommandIo {
  readonly out: () => string;
  readonly err: () => string;
}

export function captureIo(input: string | Uint8Array = '', env: CommandIo['env'] = {}): CapturedIo {
  const out: string[] = [];
  const err: string[] = [];
  return {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env,
    out: () => out.join(''),
    err: () => err.join(''),
  };
}
