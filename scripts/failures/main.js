#!/usr/bin/env node
/**
 * Says which tests failed and why, in few lines: the end of a log of many thousand.
 *
 * Usage: failures/main.js FOLDER PART..., where FOLDER has what scripts/test kept of its parts.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeFailures } from './native.js';
import { report } from './report.js';
import { vitestFailures } from './vitest.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [folder, ...parts] = process.argv.slice(2);
if (folder === undefined || parts.length === 0) {
  console.error('usage: failures/main.js FOLDER PART...');
  process.exit(2);
}

const read = (/** @type {string} */ name) => {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** What each part kept, and how its failures are found in it. */
const sources = {
  checks: { log: 'checks.log', failures: () => [] },
  'native tests': { log: 'native.log', failures: nativeFailures },
  tests: {
    log: 'vitest.log',
    failures: (/** @type {string} */ log) => vitestFailures(read('vitest.json'), log),
  },
  'tests in the emulated machine': {
    log: 'vm.log',
    failures: () => JSON.parse(read('vm.json') || '[]'),
  },
};

const found = parts
  .filter((part) => part in sources)
  .map((part) => {
    const { log, failures } = sources[part];
    const text = read(log);
    return { part, failures: failures(text), log: text };
  });
for (const line of report(found, root)) console.log(line);
