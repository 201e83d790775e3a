// npm run test:vm: boots the machines that the tests in test/vm need, two at a time, and counts what they say.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { tapFailures } from '../failures/tap.js';
import { boot, endingSignals, quote, statusOfDeadMachine } from './boot.js';
import { boots } from './boots.js';
import { Peer } from './peer.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const compiled = join(root, 'build/vm');
/** What failed, for scripts/failures: each a title and lines about it. */
const failuresFile = join(root, 'build/test/vm.json');
/** Five times what the longest boot takes beside another one on two cores. */
const timeoutSeconds = 600;
/** One file that hangs is not to take the others of its boot with it. */
const fileTimeoutSeconds = 400;

/** A file of test/vm, or several that share a process. */
const processName = (tests) => [tests].flat().join('+');

/**
 * Runs the boots with these names, or all. The last line counts the tests; resolves to 0 only if every test of
 * every boot passed, and there were some.
 */
export async function runSuite(machine, names, say) {
  const unknown = names.filter((name) => !boots.some((entry) => entry.name === name));
  if (unknown.length > 0) {
    say(`no boot ${unknown.join(', ')}; there are ${boots.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  if (!existsSync(join(root, 'dist/index.js'))) {
    say('the package is not built; run ./scripts/setup first');
    return 1;
  }
  rmSync(compiled, { recursive: true, force: true });
  rmSync(failuresFile, { force: true });
  const tsc = join(root, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', join(root, 'test/vm')], { stdio: 'inherit' });
  for (const tests of boots.flatMap(({ steps }) => steps.flatMap((step) => step.tests ?? []))) {
    if (!Array.isArray(tests)) continue;
    const imports = tests.map((test) => `import './${test}.test.js';\n`);
    writeFileSync(join(compiled, `${processName(tests)}.test.js`), imports.join(''));
  }

  const wanted = boots.filter(({ name }) => names.length === 0 || names.includes(name));
  const queue = wanted.filter(({ shared }) => shared === undefined);
  const pairs = wanted.filter(({ shared }) => shared !== undefined);
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  // Each boot ends its machine on a signal; what has not begun is left.
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  for (const signal of endingSignals) process.on(signal, stop);
  const work = async (entries) => {
    while (!stopped && entries.length > 0) {
      const counts = await runBoot(machine, entries.shift(), () => stopped);
      for (const key of Object.keys(total)) total[key] += counts[key];
      failures.push(...counts.failures);
    }
  };
  const workers = Array.from({ length: Math.min(2, availableParallelism()) }, () => work(queue));
  // All of them, also when one fails: the other one's machine must not be left running.
  const ends = await Promise.allSettled(workers);
  const failure = ends.find(({ status }) => status === 'rejected');
  if (failure) throw failure.reason;
  // Two machines each.
  await work(pairs);
  mkdirSync(dirname(failuresFile), { recursive: true });
  writeFileSync(failuresFile, JSON.stringify(failures));
  process.stdout.write(
    `vm: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`,
  );
  return total.failed === 0 && total.passed > 0 && !stopped ? 0 : 1;
}

/** One entry of the table: its steps, one after the other, on the same disks. */
async function runBoot(machine, { name, steps, ...options }, isStopped) {
  const start = Date.now();
  const disks = mkdtempSync(join(tmpdir(), 'memory-tiers-vm-disks-'));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  let output = '';
  try {
    for (const step of steps) {
      if (isStopped()) break;
      const result = await runStep(machine, { ...options, ...step, disks });
      output += result.output;
      for (const key of Object.keys(counts)) counts[key] += result[key];
      failures.push(
        ...result.failures.map(({ title, lines }) => ({ title: `${name}: ${title}`, lines })),
      );
    }
  } finally {
    rmSync(disks, { recursive: true, force: true });
  }
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  process.stdout.write(
    `${output}vm: ${name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds} s\n`,
  );
  return { ...counts, failures };
}

/** One boot. A step that is to end by power cut counts as one test that it did; others count their tests. */
async function runStep(machine, { tests, program, shared, ...options }) {
  const share = mkdtempSync(join(tmpdir(), 'memory-tiers-vm-share-'));
  const text = [];
  const run = { timeoutSeconds, ...options, share, ...collecting(text) };
  const peerText = [];
  const peer =
    shared &&
    new Peer(machine, shared, {
      ...run,
      ...collecting(peerText),
      command: programCommand('peer'),
    });
  try {
    const { status, report } = await boot(machine, {
      ...run,
      peer,
      command: program ? programCommand(program) : testCommands(tests.map(processName)),
    });
    const counts = program
      ? { passed: Number(status === statusOfDeadMachine), failed: 0, skipped: 0 }
      : countsIn(share, tests.map(processName));
    const troubles = (await peer?.stop()) ?? [];
    const good = status === (program ? statusOfDeadMachine : 0) && troubles.length === 0;
    if (!good && counts.failed === 0) counts.failed = 1;
    if (report && !(good && program)) text.push(Buffer.from(`${report}\n`));
    if (peer)
      text.push(...['peer:', ...troubles].map((line) => Buffer.from(`${line}\n`)), ...peerText);
    const output = good ? '' : Buffer.concat(text).toString();
    const failures = program ? [] : failuresIn(share, tests.map(processName));
    if (!good && failures.length === 0) {
      const what = program
        ? `${program} ended with status ${status}`
        : `the boot, status ${status}`;
      failures.push({ title: what, lines: [] });
    }
    // Only the machine knows why it ended.
    if (!good) failures.push(...reasons(report, troubles));
    return { ...counts, failures, output };
  } finally {
    await peer?.stop();
    rmSync(share, { recursive: true, force: true });
  }
}

/** The options of a boot whose output is added to `text`. */
function collecting(text) {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text.push(chunk);
      done();
    },
  });
  return { out: sink, err: sink };
}

const goThere = `cd ${quote(root)} || exit 126`;

/** Runs a program of test/vm. */
function programCommand(name) {
  return `${goThere}\n${quote(process.execPath)} ${quote(join(compiled, `${name}.js`))}`;
}

/**
 * Runs the files in the order given, a process each: `node --test` would add one more to start, and seconds with it.
 * Ends with the number of files that failed.
 */
function testCommands(tests) {
  const lines = tests.map((test) => {
    const reports = [
      '--test-reporter=spec --test-reporter-destination=stdout',
      `--test-reporter=tap --test-reporter-destination=/run/machine/share/${test}.tap`,
    ];
    const file = quote(join(compiled, `${test}.test.js`));
    const command = `${quote(process.execPath)} --expose-gc ${reports.join(' ')} ${file}`;
    return `timeout -k 5 ${fileTimeoutSeconds} ${command} || { echo "${test}: exit $?"; failed=$((failed + 1)); }`;
  });
  return [goThere, 'failed=0', ...lines, 'exit $failed'].join('\n');
}

/** The failures in the same reports. Of a file that was cut short, what it began last. */
function failuresIn(share, tests) {
  return tests.flatMap((test) => {
    const tap = tapOf(share, test);
    const found = tapFailures(tap).map(({ title, lines }) => ({
      title: `${test}: ${title}`,
      lines,
    }));
    if (/^# fail \d+$/m.test(tap)) return found;
    const last = [...tap.matchAll(/^ *# Subtest: (.*)$/gm)].at(-1)?.[1];
    const lines = last === undefined ? [] : [`the last one that it began: ${last}`];
    return [...found, { title: `${test} did not end`, lines }];
  });
}

/** What is said of the machines, not of a test. */
function reasons(report, troubles) {
  const texts = [report, ...troubles].filter(Boolean);
  return texts.map((text) => {
    const [title, ...lines] = text.split('\n');
    return { title, lines: lines.slice(-8) };
  });
}

function tapOf(share, test) {
  const file = join(share, `${test}.tap`);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The sums of the summaries that end the TAP reports of node:test; a file without one has failed. */
function countsIn(share, tests) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const test of tests) {
    const tap = tapOf(share, test);
    const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
    const passed = count('pass');
    const skipped = count('skipped') + count('todo');
    const failed = count('fail') + count('cancelled');
    total.passed += passed;
    total.skipped += skipped;
    // One that tested nothing has failed, too.
    total.failed += passed + failed + skipped === 0 ? 1 : failed;
  }
  return total;
}
