/** Requests and replies as JSON files in a folder that both sides see; both appear whole, by renaming. */

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const everyMs = 20;
let next = 0;

function put(path: string, message: object): void {
  writeFileSync(`${path}.part`, JSON.stringify(message));
  renameSync(`${path}.part`, path);
}

/** Leaves a request, at once, and returns its path without an ending. */
export function send(folder: string, request: object): string {
  const name = `${folder}/${process.pid}-${next++}`;
  put(`${name}.request`, request);
  return name;
}

/**
 * Resolves to the result in the reply to a request. Rejects with the error in it, after `seconds` without one, and
 * as soon as the file `ended` says that nobody is left to reply.
 */
export async function reply(name: string, seconds: number, ended?: string): Promise<unknown> {
  const lastMs = Date.now() + seconds * 1000;
  while (Date.now() < lastMs) {
    await sleep(everyMs);
    // Before the reply is looked for: one that came in time is still found.
    const isOver = ended !== undefined && existsSync(ended);
    if (existsSync(`${name}.reply`)) {
      const { result, error } = JSON.parse(readFileSync(`${name}.reply`, 'utf8'));
      if (error !== undefined) throw new Error(error);
      return result;
    }
    if (isOver) throw new Error(`there will be no reply: ${readFileSync(ended, 'utf8')}`);
  }
  throw new Error(`no reply in ${seconds} s`);
}

/** Answers the requests in a folder as they come, one beside the other, for ever. */
export async function serve(
  folder: string,
  answer: (request: Record<string, unknown>) => Promise<unknown>,
): Promise<never> {
  const seen = new Set<string>();
  for (;;) {
    for (const file of readdirSync(folder)) {
      if (!file.endsWith('.request') || seen.has(file)) continue;
      seen.add(file);
      const path = `${folder}/${file}`;
      answer(JSON.parse(readFileSync(path, 'utf8'))).then(
        (result) => put(path.replace(/request$/, 'reply'), { result }),
        (error: Error) => put(path.replace(/request$/, 'reply'), { error: error.stack }),
      );
    }
    await sleep(everyMs);
  }
}
