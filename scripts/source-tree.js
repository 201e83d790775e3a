/** What the check scripts share: finding files, taking a root from the command line, reporting. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root named on the command line, else the repository this script is in. */
export function rootArgument() {
  return resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
}

/** Whether there is a file: `<memory>` is a standard header, though native/memory is a folder. @param {string} path */
export function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * Files below a folder that end in one of the extensions, as sorted paths from that folder with forward
 * slashes. A folder that does not exist has no files.
 *
 * @param {string} folder
 * @param {readonly string[]} extensions
 * @returns {string[]}
 */
export function listFiles(folder, extensions) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && extensions.some((extension) => entry.name.endsWith(extension)),
    )
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/**
 * Prints warnings and violations, one a line, and makes the process exit 1 if there is a violation.
 *
 * @param {readonly string[]} violations
 * @param {readonly string[]} [warnings]
 */
export function report(violations, warnings = []) {
  for (const warning of warnings) console.log(`warning: ${warning}`);
  for (const violation of violations) console.log(violation);
  if (violations.length > 0) process.exitCode = 1;
}
