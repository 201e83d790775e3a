#!/usr/bin/env node
/**
 * Runs clang-tidy over the core. A file that passed is not looked at again until it, a project header it reaches, the
 * rules, the compile command or clang-tidy itself change.
 *
 * Nearly all of its time goes to the standard library's headers, once for each file it is given. So it is given many
 * sources as one (tidy-groups.js), and single ones only to confirm what it finds: a group that passes is a group of
 * sources that pass, and what it says of a source that is not alone may be a matter of what stands before it.
 *
 * Usage: check-tidy.js CLANG_TIDY BUILD_FOLDER, where BUILD_FOLDER has a compile_commands.json.
 */

import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFile } from './source-tree.js';
import { groupsOf, joined, namedIn } from './tidy-groups.js';

const [clangTidy, buildFolder] = process.argv.slice(2);
if (clangTidy === undefined || buildFolder === undefined) {
  console.error('usage: check-tidy.js CLANG_TIDY BUILD_FOLDER');
  process.exit(2);
}
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cacheFile = join(root, '.cache/clang-tidy.json');
/** Below the root: clang-tidy looks for the rules in the folders above a file. */
const groupFolder = join(root, 'build/tidy');

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
function tidy(/** @type {string} */ folder, /** @type {string} */ file) {
  return new Promise((resolve) => {
    execFile(
      clangTidy,
      ['-p', folder, '--quiet', file],
      { cwd: root, maxBuffer: 1 << 28 },
      (error, stdout, stderr) =>
        resolve(error === null ? null : stdout.trim() || stderr.trim() || error.message),
    );
  });
}

let groupsMade = 0;

/** What clang-tidy says of the sources as one, and where in it each of them is. */
async function tidyAsOne(/** @type {Entry[]} */ group) {
  const folder = join(groupFolder, String(groupsMade++));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'sources.cc');
  const { text, lines } = joined(group);
  const [{ directory, command, file: first }] = group;
  writeFileSync(file, text);
  writeFileSync(
    join(folder, 'compile_commands.json'),
    JSON.stringify([{ directory, file, command: command.replaceAll(first, file) }]),
  );
  const complaint = await tidy(folder, file);
  return { complaint, named: complaint === null ? [] : namedIn(complaint, file, group, lines) };
}

/** @typedef {{ file: string, name: string, directory: string, command: string, text: string, digest: string }} Entry */

const core = new Set(
  JSON.parse(readFileSync(join(root, 'native/sources.gypi'), 'utf8')).variables.core_sources,
);
/** @type {{ file: string, directory: string, command: string }[]} */
const commands = JSON.parse(readFileSync(join(buildFolder, 'compile_commands.json'), 'utf8'));
/** @type {Entry[]} */
const entries = commands
  .filter((entry) => core.has(relative(root, entry.file)))
  .map((entry) => ({
    ...entry,
    name: relative(root, entry.file),
    text: readFileSync(entry.file, 'utf8'),
    digest: digest(entry),
  }));

const cache = readCache();
const wanted = entries.filter((entry) => cache[entry.name] !== entry.digest);
const workers = availableParallelism();
const queue = groupsOf(wanted, Math.ceil(wanted.length / workers));
let alone = 0;
let failures = 0;

const pass = (/** @type {Entry} */ entry) => {
  cache[entry.name] = entry.digest;
};

async function work() {
  for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
    if (group.length === 1) {
      alone++;
      const complaint = await tidy(buildFolder, group[0].file);
      if (complaint === null) {
        pass(group[0]);
      } else {
        failures++;
        console.log(complaint);
      }
      continue;
    }
    const { complaint, named } = await tidyAsOne(group);
    const others = group.filter((entry) => !named.includes(entry));
    // Those that it says nothing of have passed, unless it did not understand the whole.
    if (others.length > 0 && complaint?.includes('[clang-diagnostic-error')) queue.push(others);
    else for (const entry of others) pass(entry);
    queue.push(...named.map((entry) => [entry]));
  }
}
rmSync(groupFolder, { recursive: true, force: true });
await Promise.all(Array.from({ length: workers }, work));

const names = new Set(entries.map((entry) => entry.name));
mkdirSync(dirname(cacheFile), { recursive: true });
const kept = Object.fromEntries(Object.entries(cache).filter(([name]) => names.has(name)));
writeFileSync(`${cacheFile}.${process.pid}`, JSON.stringify(kept, null, 1));
renameSync(`${cacheFile}.${process.pid}`, cacheFile);

console.log(
  `${entries.length} files, ${wanted.length} looked at, ${alone} of them alone, ${failures} with findings`,
);
if (failures > 0) process.exitCode = 1;
