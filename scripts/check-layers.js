#!/usr/bin/env node
/**
 * Checks that includes and imports only point down the layers, that system-call headers stay in the folders
 * made for them, and that only one file touches the addon. The tables below are the rule; ARCHITECTURE.md
 * tells why.
 *
 * Usage: check-layers.js [root]. Prints file:line for each violation; exits 1 if there is any.
 */

import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { isFile, listFiles, report, rootArgument } from './source-tree.js';

/**
 * Files and folders, lowest first. A file may use its own row and the rows before it. The longest match
 * decides where a file belongs: an interface that a lower layer needs has a row of its own, below the folder
 * it is kept in. Folders in one row are kept apart from each other.
 */
const nativeLayers = [
  ['base/'],
  ['plugins/memkind/abi.h'],
  ['sys/'],
  ['topology/'],
  ['memory/'],
  ['track/'],
  ['migrate/'],
  ['measure/'],
  ['pool/'],
  ['bind/', 'plugins/'],
];
const libLayers = [
  ['errors.ts', 'slices.ts', 'figures.ts'],
  ['main-thread.ts', 'system-error.ts'],
  ['tiers/tier.ts'],
  ['policy/use-class.ts', 'policy/cost-model.ts'],
  ['policy/reuse.ts'],
  ['policy/policy.ts'],
  ['numa/numa-binding.ts', 'pool/pool-binding.ts'],
  ['tiers/machine-description.ts', 'memory/hotness-binding.ts'],
  ['memory/heap-binding.ts'],
  ['native.ts'],
  ['tiers/'],
  ['numa/'],
  ['tracking/heat.ts'],
  ['cost/'],
  ['policy/'],
  ['tracking/'],
  ['explain/'],
  ['migration/migration-target.ts'],
  ['memory/'],
  ['pool/'],
  ['checkpoint/'],
  ['migration/'],
  ['decisions/'],
  ['memory-stats.ts', 'memory-options.ts', 'memory-reports.ts'],
  ['memory-parts.ts'],
  ['tiered-memory.ts'],
  ['simulation/'],
  ['advise/'],
  ['index.ts'],
  ['cli/'],
];

/** Headers of system calls, and the layers that may include them. */
const systemCallHeaders =
  /^(sys\/.*|linux\/.*|asm\/.*|unistd|fcntl|sched|poll|dirent|mntent|syscall|numa.*)\.h$/;
const systemCallLayers = ['sys/', 'plugins/'];

/** What loading a native addon looks like, and the one file of lib/ that may do it. */
const addonLoad = /node-gyp-build|process\.dlopen|['"][^'"]*\.node['"]/;
const addonFile = 'native.ts';

const include = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
const relativeImport =
  /(?:\bfrom|\bimport|\bimport\(|\brequire\(|\bnew URL\()\s*(['"])(\.{1,2}\/[^'"]+)\1/g;

/**
 * @typedef {{ rank: number, name: string }} Layer
 *
 * @param {readonly (readonly string[])[]} layers
 * @param {string} file Path from the folder the table is about.
 * @returns {Layer | undefined}
 */
function layerOf(layers, file) {
  return layers
    .flatMap((row, rank) => row.map((name) => ({ rank, name })))
    .filter(({ name }) => (name.endsWith('/') ? file.startsWith(name) : file === name))
    .sort((a, b) => b.name.length - a.name.length)[0];
}

/** @param {Layer} user @param {Layer} used */
function mayUse(user, used) {
  return used.rank < user.rank || used.name === user.name;
}

/** @param {string} path */
function lines(path) {
  return readFileSync(path, 'utf8').split('\n');
}

/** @param {string} root @returns {string[]} */
function checkNative(root) {
  const violations = [];
  for (const file of listFiles(join(root, 'native'), ['.h', '.cc'])) {
    const layer = layerOf(nativeLayers, file);
    if (layer === undefined) {
      violations.push(`native/${file}:1: in no layer; give its folder a row in check-layers.js`);
      continue;
    }
    for (const [index, line] of lines(join(root, 'native', file)).entries()) {
      const [, bracket, header] = include.exec(line) ?? [];
      if (header === undefined) continue;
      const at = `native/${file}:${index + 1}`;
      if (bracket === '<' && !isFile(join(root, 'native', header))) {
        if (systemCallHeaders.test(header) && !systemCallLayers.includes(layer.name)) {
          violations.push(
            `${at}: <${header}> belongs to ${systemCallLayers.join(' and ')}, not to ${layer.name}`,
          );
        }
        continue;
      }
      const used = layerOf(nativeLayers, header);
      if (used === undefined) {
        violations.push(`${at}: "${header}" does not start with a folder of native/`);
      } else if (!mayUse(layer, used)) {
        violations.push(`${at}: ${layer.name} may not include ${used.name} ("${header}")`);
      }
    }
  }
  return violations;
}

/** @param {string} root @returns {string[]} */
function checkLib(root) {
  const violations = [];
  for (const file of listFiles(join(root, 'lib'), ['.ts'])) {
    const layer = layerOf(libLayers, file);
    if (layer === undefined) {
      violations.push(`lib/${file}:1: in no layer; give it a row in check-layers.js`);
      continue;
    }
    for (const [index, line] of lines(join(root, 'lib', file)).entries()) {
      if (/^\s*(\/\/|\/\*|\*)/.test(line)) continue;
      const at = `lib/${file}:${index + 1}`;
      if (file !== addonFile && addonLoad.test(line)) {
        violations.push(`${at}: only lib/${addonFile} may load the addon`);
      }
      for (const [, , specifier] of line.matchAll(relativeImport)) {
        const target = normalize(join(dirname(file), specifier));
        if (target.startsWith('..')) {
          if (target !== '../package.json') violations.push(`${at}: ${specifier} is outside lib`);
          continue;
        }
        const used = layerOf(libLayers, target);
        if (used !== undefined && !mayUse(layer, used)) {
          violations.push(`${at}: ${layer.name} may not import ${used.name} (${specifier})`);
        }
      }
    }
  }
  return violations;
}

const root = rootArgument();
report([...checkNative(root), ...checkLib(root)]);
