#!/usr/bin/env node
/**
 * Runs clang-tidy over the core, several files at a time. A file that passed is not looked at again until it,
 * a project header it reaches, the rules, the compile command or clang-tidy itself change.
 *
 * Usage: check-tidy.js CLANG_TIDY BUILD_FOLDER, where BUILD_FOLDER has a compile_commands.json.
 */

import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFile } from './source-tree.js';

const [clangTidy, buildFolder] = process.argv.slice(2);
if (clangTidy === undefined || buildFolder === undefined) {
  console.error('usage: check-tidy.js CLANG_TIDY BUILD_FOLDER');
  process.exit(2);
}
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cacheFile = join(root, '.cache/clang-tidy.json');

/** Project headers a file reaches, itself included. Comments are not skipped: too much is harmless. */
function reach(/** @type {string} */ file, /** @type {Set<string>} */ seen = new Set()) {
  if (seen.has(file) || !isFile(file)) return seen;
  seen.add(file);
  for (const [, header] of readFileSync(file, 'utf8').matchAll(
    /^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm,
  )) {
    reach(join(root, 'native', header), seen);
  }
  return seen;
}

const version = execFileSync(clangTidy, ['--version'], { encoding: 'utf8' });
const rules = readFileSync(join(root, '.clang-tidy'), 'utf8');

/** Digest of everything the verdict on a file depends on, system headers apart. */
function digest(/** @type {{ file: string, command: string }} */ entry) {
  const hash = createHash('sha256').update(version).update(rules).update(entry.command);
  for (const file of [...reach(entry.file)].sort()) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

/** @returns {Record<string, string>} Digest at which each file last passed. */
function readCache() {
  try {
    return JSON.parse(readFileSync(cacheFile, 'utf8'));
  } catch {
    return {}; // absent or torn: everything is looked at again
  }
}

/** @returns {Promise<string | null>} What clang-tidy said when it did not pass. */
function tidy(/** @type {string} */ file) {
  return new Promise((resolve) => {
    execFile(
      clangTidy,
      ['-p', buildFolder, '--quiet', file],
      { cwd: root, maxBuffer: 1 << 26 },
      (error, stdout, stderr) =>
        resolve(error === null ? null : stdout.trim() || stderr.trim() || error.message),
    );
  });
}

const core = new Set(
  JSON.parse(readFileSync(join(root, 'native/sources.gypi'), 'utf8')).variables.core_sources,
);
/** @type {{ file: string, command: string }[]} */
const commands = JSON.parse(readFileSync(join(buildFolder, 'compile_commands.json'), 'utf8'));
const entries = commands
  .filter((entry) => core.has(relative(root, entry.file)))
  .map((entry) => ({ file: entry.file, name: relative(root, entry.file), digest: digest(entry) }));

const cache = readCache();
const queue = entries.filter((entry) => cache[entry.name] !== entry.digest);
const checked = queue.length;
let failures = 0;

async function work() {
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
    const complaint = await tidy(entry.file);
    if (complaint === null) {
      cache[entry.name] = entry.digest;
    } else {
      failures++;
      console.log(complaint);
    }
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work));

const names = new Set(entries.map((entry) => entry.name));
mkdirSync(dirname(cacheFile), { recursive: true });
const kept = Object.fromEntries(Object.entries(cache).filter(([name]) => names.has(name)));
writeFileSync(`${cacheFile}.${process.pid}`, JSON.stringify(kept, null, 1));
renameSync(`${cacheFile}.${process.pid}`, cacheFile);

console.log(`${entries.length} files, ${checked} looked at, ${failures} with findings`);
if (failures > 0) process.exitCode = 1;
