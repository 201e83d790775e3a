#!/usr/bin/env node
/**
 * Checks that native/sources.gypi and the disk agree, each source in exactly one list, and that no file has
 * grown beyond what one reads in a sitting.
 *
 * Usage: check-sources.js [root]. Prints one line for each finding; exits 1 unless all are warnings.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, report, rootArgument } from './source-tree.js';

const warnAboveLines = 400;
const failAboveLines = 600;
const measuredFolders = ['lib', 'native', 'test', 'bench', 'scripts'];
const measuredExtensions = ['.ts', '.js', '.h', '.cc'];

const sourceList = 'native/sources.gypi';
const compiledFolders = ['native', 'test/native'];

/** @param {string} root @param {string} folder @param {readonly string[]} extensions */
function pathsBelow(root, folder, extensions) {
  return listFiles(join(root, folder), extensions).map((file) => `${folder}/${file}`);
}

/** @param {string} root @returns {string[]} */
function checkSourceList(root) {
  /** @type {Record<string, string[]>} */
  let lists;
  try {
    lists = JSON.parse(readFileSync(join(root, sourceList), 'utf8')).variables;
  } catch (error) {
    // gyp would accept comments and single quotes, CMake would not.
    return [
      `${sourceList}: not readable as strict JSON: ${error instanceof Error ? error.message : error}`,
    ];
  }
  const violations = [];
  /** @type {Map<string, string>} */
  const listOf = new Map();
  for (const [list, sources] of Object.entries(lists)) {
    for (const source of sources) {
      const earlier = listOf.get(source);
      if (earlier !== undefined) {
        const where = earlier === list ? `twice in ${list}` : `in ${earlier} and in ${list}`;
        violations.push(`${sourceList}: ${source} is ${where}`);
      } else if (!existsSync(join(root, source))) {
        violations.push(`${sourceList}: ${source} is in ${list} and does not exist`);
      }
      listOf.set(source, list);
    }
  }
  for (const source of compiledFolders.flatMap((folder) => pathsBelow(root, folder, ['.cc']))) {
    if (!listOf.has(source))
      violations.push(`${source}: in no list of ${sourceList}, so it is never compiled`);
  }
  return violations;
}

/** @param {string} root @returns {{ violations: string[], warnings: string[] }} */
function checkLengths(root) {
  const violations = [];
  const warnings = [];
  for (const path of measuredFolders.flatMap((folder) =>
    pathsBelow(root, folder, measuredExtensions),
  )) {
    const lineCount = readFileSync(join(root, path), 'utf8').split('\n').length - 1;
    if (lineCount > failAboveLines) {
      violations.push(
        `${path}: ${lineCount} lines, more than ${failAboveLines}; split it by concept`,
      );
    } else if (lineCount > warnAboveLines) {
      warnings.push(`${path}: ${lineCount} lines, more than ${warnAboveLines}`);
    }
  }
  return { violations, warnings };
}

const root = rootArgument();
const lengths = checkLengths(root);
report([...checkSourceList(root), ...lengths.violations], lengths.warnings);
