/** What the benchmarks of this folder have in common on their command lines. */

import { existsSync } from 'node:fs';

/** Ends the process: the command line is wrong. */
export function fail(message) {
  console.error(message);
  process.exit(2);
}

/** The directory of `--traces`, checked, and the number of `--limit`; undefined where they are not given. */
export function tracesAndLimit(options) {
  const directory = options.traces;
  if (directory !== undefined && !existsSync(directory))
    fail(`--traces: ${directory} does not exist`);
  const limit = options.limit === undefined ? undefined : Number(options.limit);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    fail(`--limit: a number of requests, not ${options.limit}`);
  return { directory, limit };
}
