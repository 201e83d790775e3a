/** A throw-away tree of files to run a check script on. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const scripts = join(dirname(fileURLToPath(import.meta.url)), '../../../scripts');

/** What a check script said about a tree. */
export interface CheckResult {
  readonly status: number | null;
  /** Lines of standard output, without the last, empty one. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Writes the files into a new folder, runs the script on it and removes the folder again. */
export function checkTree(script: string, files: Readonly<Record<string, string>>): CheckResult {
  const root = mkdtempSync(join(tmpdir(), 'memory-tiers-check-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(scripts, script), root], {
      encoding: 'utf8',
    });
    return { status, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
  } finally {
    rmSync(root, { recursive: true });
  }
}
