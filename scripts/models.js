// The command line of scripts/check-models.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CannotSetUp } from './machine/cannot-set-up.js';
import { DebianPackages } from './machine/debian-packages.js';
import { cacheFolder } from './machine/setup.js';

const help = `Usage: scripts/check-models [MODEL...]

Checks the models in test/models (all, or those named) with spin, which comes from this system or, unpacked into the
cache folder, from Debian 12 or 13. Every model must hold in all its states, and fail with any of its steps left out.

Exit status: 0 all is so, 1 it is not, 77 spin cannot be had on this host.
`;

/** By convention of test harnesses: skipped, not failed. */
const statusOfUnavailable = 77;
const modelsFolder = join(dirname(fileURLToPath(import.meta.url)), '../test/models');

/** What is proved, and what each model can do without: a macro that it looks at. */
const models = {
  holds: {
    proves: 'nothing held or named is reused, nothing is left over, nobody waits for the dead',
    omissions: [
      'NO_FENCE_AFTER_HOLD',
      'NO_LOOK_AFTER_HOLD',
      'UNLINK_BEFORE_CLEAR',
      'FREE_WITHOUT_LOOK',
      'FREE_DESPITE_HOLDS',
      'RECOVERY_KEEPS_LOCKS',
      'RECOVERY_KEEPS_HOLDS',
      'RECOVERS_THE_LIVING',
    ],
  },
  foreign: {
    proves: 'a host that only reads gets whole values, none older than acknowledged, and gets them',
    omissions: [
      'PAYLOAD_NOT_WRITTEN_BACK',
      'WORD_NOT_WRITTEN_BACK',
      'WORD_NOT_DROPPED',
      'PAYLOAD_NOT_DROPPED',
      'VERSION_NOT_COMPARED',
      'SUM_NOT_COMPARED',
    ],
  },
  bell: {
    proves: 'no watcher sleeps beside a change',
    omissions: [
      'NO_FENCE_BEFORE_LOOKING_WHO_WATCHES',
      'NO_FENCE_AFTER_ASKING',
      'LOOK_BEFORE_ASKING',
      'BELL_READ_AFTER_LOOKING',
      'RING_BEFORE_COMMIT',
    ],
  },
  runs: {
    proves: 'a run changes hands as a whole',
    omissions: ['ORPHAN_FROM_THE_HEAD', 'ADOPT_FROM_THE_MIDDLE'],
  },
};

/** @returns {string} The command: the system's, or one unpacked into the cache. */
function findSpin() {
  try {
    execFileSync('spin', ['-V'], { stdio: 'ignore' });
    return 'spin';
  } catch {
    // not installed
  }
  const folder = join(cacheFolder(), '../spin');
  const command = join(folder, 'usr/bin/spin');
  if (existsSync(command)) return command;
  mkdirSync(dirname(folder), { recursive: true });
  const making = mkdtempSync(join(dirname(folder), 'making-'));
  try {
    const debian = new DebianPackages(join(making, 'apt'));
    debian.update();
    debian.unpack(debian.missing(['spin']), join(making, 'root'));
    renameSync(join(making, 'root'), folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return command;
}

/**
 * @param {string} spin @param {string} model @param {string | undefined} omission
 * @returns {{ errors: number, states: number, complaint: string }}
 */
function check(spin, model, omission) {
  const folder = mkdtempSync(join(tmpdir(), 'memory-tiers-model-'));
  const run = (/** @type {string} */ command, /** @type {string[]} */ args) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26 });
  try {
    const defined = omission === undefined ? [] : [`-D${omission}`];
    run(spin, [...defined, '-a', join(modelsFolder, `${model}.pml`)]);
    run('cc', ['-O2', '-w', '-DSAFETY', '-DVECTORSZ=4096', '-DCOLLAPSE', '-o', 'pan', 'pan.c']);
    const text = run('./pan', ['-m1000000', '-w24']);
    const states = Number(/^\s*(\S+) states, stored/m.exec(text)?.[1] ?? 0);
    const errors = Number(/errors: (\d+)/.exec(text)?.[1] ?? Number.NaN);
    const complaint = /pan:\d+: (.*?) \(at depth/.exec(text)?.[1] ?? '';
    // A search that was cut off has shown nothing.
    const cut = /max search depth too small|out of memory/.exec(text)?.[0];
    return { errors: cut === undefined ? errors : Number.NaN, states, complaint: cut ?? complaint };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main(/** @type {string[]} */ names) {
  const spin = findSpin();
  let wrong = 0;
  let omitted = 0;
  let noticed = 0;
  for (const [name, { proves, omissions }] of Object.entries(models)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const source = readFileSync(join(modelsFolder, `${name}.pml`), 'utf8');
    const whole = check(spin, name, undefined);
    const good = whole.errors === 0 && whole.states > 0;
    if (!good) wrong++;
    console.log(`${name}: ${proves}`);
    console.log(`  ${good ? 'holds' : `FAILS: ${whole.complaint}`} in ${whole.states} states`);
    for (const omission of omissions) {
      omitted++;
      const part = source.includes(omission) ? check(spin, name, omission) : undefined;
      if (part !== undefined && part.errors > 0) noticed++;
      else wrong++;
      const how = part === undefined ? 'is not in the model' : part.complaint;
      console.log(`  ${omission}: ${part?.errors ? `fails: ${how}` : `NOT NOTICED ${how}`}`);
    }
  }
  console.log(`${noticed} of ${omitted} omissions noticed`);
  return wrong === 0 && omitted > 0 ? 0 : 1;
}

const names = process.argv.slice(2);
if (names.includes('--help')) {
  console.log(help);
} else if (names.some((name) => !(name in models))) {
  console.error(`models: ${Object.keys(models).join(', ')}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = main(names);
  } catch (error) {
    if (!(error instanceof CannotSetUp)) throw error;
    console.error(`check-models: ${error.message}`);
    process.exitCode = statusOfUnavailable;
  }
}
