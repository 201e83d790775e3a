/**
 * How often the detectors of access patterns are right, on streams whose patterns are known: `node
 * bench/policy/patterns.js`. With MEMTIERS_TRACES, a directory of traces, also what becomes of the units that arrive
 * in scans there.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { labelledStream } from '../../dist/simulation/labelled-streams.js';
import {
  labelledPatterns,
  labelledPhases,
  labelledRegions,
} from '../../dist/simulation/labelled-usage.js';
import { openTrace } from '../../dist/simulation/trace-source.js';
import { traceWorkload } from '../../dist/simulation/workload.js';
import { ArrivalPatterns } from '../../dist/tracking/arrival-patterns.js';
import { PhaseDetector } from '../../dist/tracking/phase-detector.js';
import { accessClasses, StreamClassifier } from '../../dist/tracking/stream-classifier.js';
import { UsagePatterns } from '../../dist/tracking/usage-patterns.js';

const seeds = [1, 2, 3, 4, 5];
const percent = (share) => (Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)} %`);

function row(cells, width = 13) {
  console.log(cells.map((c, i) => (i === 0 ? c.padEnd(38) : String(c).padStart(width))).join(''));
}

/** Prints a matrix `counts[truth][said]` with the recall of each row and the precision of each column. */
function confusion(title, names, said, counts) {
  row([title, ...said, 'recall']);
  names.forEach((name, i) => {
    const sum = counts[i].reduce((a, b) => a + b, 0);
    row([`  ${name}`, ...counts[i], percent(counts[i][said.indexOf(name)] / sum)]);
  });
  const precision = said.map((name, column) => {
    const sum = counts.reduce((all, line) => all + line[column], 0);
    return names.includes(name) ? percent(counts[names.indexOf(name)][column] / sum) : '';
  });
  row(['  precision', ...precision]);
}

const noisy = { noise: 0.1, reorder: 4 };
const streams = {
  'one scan': { scans: 1 },
  '4 scans, 10 % random': { scans: 4, noise: 0.1 },
  '4 scans, 10 % random, out of order': { scans: 4, ...noisy },
  '16 scans, 10 % random, out of order': { scans: 16, ...noisy },
  'scans of 100, 10 % random': { scans: 4, scanLength: 100, noise: 0.1 },
  'batches of 16, 10 % random': { scans: 1, scanLength: 16, noise: 0.1 },
  '8 strides, 10 % random': { strides: 8, noise: 0.1 },
  '8 strides, 10 % random, out of order': { strides: 8, ...noisy },
  '4 scans, 4 strides, 50 % random': { scans: 4, strides: 4, noise: 0.5 },
  '2 scans, 50 % in 1000 hot positions': { scans: 2, noise: 0.5, hotPositions: 1000 },
  'random over 16 M': { noise: 1 },
  'random over 4096': { noise: 1, hotPositions: 4096 },
  'random over 100': { noise: 1, hotPositions: 100 },
};

const total = accessClasses.map(() => accessClasses.map(() => 0));
let accesses = 0;
let ms = 0;
row(['access by access: recall', ...accessClasses]);
for (const [name, settings] of Object.entries(streams)) {
  const counts = accessClasses.map(() => accessClasses.map(() => 0));
  for (const seed of seeds) {
    const { position, label } = labelledStream({ seed, length: 100_000, ...settings });
    const classifier = new StreamClassifier();
    const said = new Uint8Array(position.length);
    const before = process.cpuUsage().user;
    for (let i = 0; i < position.length; i++) said[i] = classifier.access(position[i]);
    ms += (process.cpuUsage().user - before) / 1000;
    accesses += position.length;
    for (let i = 0; i < position.length; i++) counts[label[i]][said[i]]++;
  }
  row([
    `  ${name}`,
    ...counts.map((line, i) => percent(line[i] / line.reduce((a, b) => a + b, 0))),
  ]);
  counts.forEach((line, i) => {
    line.forEach((count, j) => {
      total[i][j] += count;
    });
  });
}
confusion('all of these', accessClasses, accessClasses, total);
console.log(`  ${((ms * 1e6) / accesses).toFixed(0)} ns of CPU time an access\n`);

const verdicts = [...labelledPatterns, 'unknown'];
for (const noise of [0, 0.1, 0.3]) {
  const counts = labelledPatterns.map(() => verdicts.map(() => 0));
  for (const seed of seeds) {
    const classifier = new StreamClassifier();
    const usage = new UsagePatterns();
    for (const access of labelledRegions(seed, 20, 20_000, noise)) {
      const { region, page, isWrite, isFirst } = access;
      usage.add(region, classifier.access(page), isWrite, isFirst);
    }
    for (let region = 0; region < 20; region++) {
      counts[region % labelledPatterns.length][verdicts.indexOf(usage.patternOf(region))]++;
    }
  }
  confusion(`20 regions at once, ${100 * noise} % random`, labelledPatterns, verdicts, counts);
}

console.log('\nphase changes, noticed within two windows of 4096 accesses');
row(['of the hot set replaced', 'changes', 'noticed', 'alarms', 'recall', 'precision']);
for (const shares of [[1], [0.5], [0.25], [0.1], [1, 0.25, 0.5], []]) {
  let [changes, noticed, alarms] = [0, 0, 0];
  for (const seed of seeds) {
    const detector = new PhaseDetector();
    const phases = labelledPhases(seed, 1_000_000, shares);
    const open = new Set(phases.changes);
    changes += open.size;
    phases.position.forEach((position, at) => {
      if (!detector.access(position)) return;
      alarms++;
      const cause = [...open].find((change) => change <= at && at < change + 2 * 4096);
      if (cause !== undefined && open.delete(cause)) noticed++;
    });
  }
  const name = shares.length === 0 ? '  none' : `  ${shares.map((s) => percent(s)).join(', ')}`;
  row([name, changes, noticed, alarms, percent(noticed / changes), percent(noticed / alarms)]);
}

/** What became of the units of a trace that arrived as part of a scan that was called passing, and of the others. */
async function arrivals(file) {
  const classifier = new StreamClassifier();
  const patterns = new ArrivalPatterns();
  const units = new Map();
  const verdict = [];
  const arrivedAt = [];
  const reused = [];
  let clock = 0;
  const horizon = () => Math.max(4096, units.size);
  const source = await openTrace(file);
  for await (const { key, length } of traceWorkload(source).batches()) {
    for (let i = 0; i < length; i++) {
      clock++;
      const accessClass = classifier.access(key[i]);
      const unit = units.get(key[i]);
      if (unit !== undefined) {
        patterns.accessed(unit);
        const age = clock - arrivedAt[unit];
        if (age > 64 && age <= horizon()) reused[unit] = 1;
        continue;
      }
      const born = units.size;
      units.set(key[i], born);
      verdict.push(patterns.patternOf(accessClass));
      patterns.arrived(born, accessClass, horizon());
      arrivedAt.push(clock);
      reused.push(0);
    }
  }
  await source.close();
  const counts = {};
  verdict.forEach((name, unit) => {
    counts[name] ??= [0, 0];
    counts[name][0]++;
    counts[name][1] += reused[unit];
  });
  return counts;
}

const directory = process.env.MEMTIERS_TRACES;
if (directory !== undefined && existsSync(directory)) {
  console.log('\narrivals of new units in traces: how many, and the share that was used again');
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.csv.gz'))) {
    const counts = await arrivals(join(directory, name));
    const said = Object.entries(counts).map(
      ([k, [n, again]]) => `${k} ${n}: ${percent(again / n)}`,
    );
    console.log(`  ${name.padEnd(36)}${said.join('; ')}`);
  }
}
