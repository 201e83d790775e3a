/**
 * Our cache beside the policies of the literature: one tier, eviction, misses.
 *
 * Usage: npm run bench:cache -- --traces DIR [--trace NAMES] [--size PERCENTS] [--limit N] [--json]
 *
 * --traces DIR   NAME.csv.gz files; reference-hit-ratios.csv beside them is used when it is there. Without a directory
 *                only the synthetic streams (syn-*) are played.
 * --size         the cache, in percent of the footprint; default 1,5,10,20.
 * --limit N      only the first N requests; then nothing is comparable with the table.
 * --json         a line of JSON a run instead of the table.
 *
 * Figures are miss ratios over the whole trace, from an empty cache on. `best` is the lowest of the five policies, and
 * `diff` ours minus that, in points of a hundred: below zero ours misses less. Of the table's rows for policies that
 * have no freedom (Belady, LRU, S3-FIFO, 2Q, ARC, LIRS), `equal` says how many we meet to the last digit; its W-TinyLFU
 * has a sketch with other collisions than ours, which has none. Units that differ in size are cached by bytes; then
 * Belady and LRU, which are for units, are left out.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  byteCacheMisses,
  cacheMisses,
  cachePolicies,
} from '../../dist/simulation/cache/cache-misses.js';
import { fail, tracesAndLimit } from './arguments.js';
import { heading, rowLine } from './columns.js';
import { loadWorkload, workloadNames } from './workloads.js';

const { values: options } = parseArgs({
  options: {
    traces: { type: 'string' },
    trace: { type: 'string' },
    size: { type: 'string', default: '1,5,10,20' },
    limit: { type: 'string' },
    json: { type: 'boolean' },
  },
});

const { directory, limit } = tracesAndLimit(options);
const percents = options.size.split(',').map(Number);
if (!percents.every((percent) => percent > 0 && percent <= 100))
  fail(`--size: percents of the footprint, not ${options.size}`);
const all = await workloadNames(directory);
const names = options.trace?.split(',') ?? all;
const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`--trace: ${unknown} is none of ${all.join(', ')}`);

const ours = 'value';
const bounds = ['belady', 'lru'];
const peers = cachePolicies.filter((policy) => policy !== ours && !bounds.includes(policy));
/** Names of the policies without freedom in the table. */
const listedNames = {
  belady: 'Belady',
  lru: 'LRU',
  's3-fifo': 'S3-FIFO',
  '2q': '2Q',
  arc: 'ARC',
  lirs: 'LIRS',
};

const table = join(directory ?? '.', 'reference-hit-ratios.csv');
const listed = new Map();
if (directory !== undefined && limit === undefined && existsSync(table)) {
  for (const line of readFileSync(table, 'utf8').trim().split('\n')) {
    const [trace, policy, , capacity, , , missRatio] = line.split(',');
    listed.set(`${trace} ${policy} ${capacity}`, missRatio);
  }
}

/** How many of the ratios are in the table, and how many of those are the same there. */
function compare(name, capacity, ratios) {
  let known = 0;
  let equal = 0;
  for (const [policy, ratio] of Object.entries(ratios)) {
    const there = listed.get(`${name} ${listedNames[policy]} ${capacity}`);
    if (there === undefined) continue;
    known++;
    if (ratio.toFixed(6) === there) equal++;
  }
  return known === 0 ? undefined : { known, equal };
}

function run(name, log, percent) {
  const start = performance.now();
  const inBytes = log.sizeBytes.some((size) => size !== log.sizeBytes[0]);
  const footprint = inBytes ? log.footprintBytes : log.unitCount;
  const capacity = Math.max(1, Math.round((footprint * percent) / 100));
  const ratios = {};
  for (const policy of cachePolicies) {
    if (inBytes && bounds.includes(policy)) continue;
    const misses = inBytes
      ? byteCacheMisses(log, policy, capacity)
      : cacheMisses(log, policy, capacity);
    ratios[policy] = misses / log.length;
  }
  const bestPeer = peers.reduce((best, peer) => (ratios[peer] < ratios[best] ? peer : best));
  return {
    workload: name,
    percent,
    capacity,
    ratios,
    best: ratios[bestPeer],
    bestPeer,
    diff: 100 * (ratios[ours] - ratios[bestPeer]),
    table: compare(name, capacity, ratios),
    seconds: (performance.now() - start) / 1000,
  };
}

const ratio = (value) => (value === undefined ? '-' : value.toFixed(4).replace(/^0/, ''));
const points = (value) => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}`;
const columns = [
  ['workload', -22, (row) => row.workload],
  ['%', 3, (row) => String(row.percent)],
  ['capacity', 10, (row) => String(row.capacity)],
  ...cachePolicies.map((policy) => [
    policy,
    Math.max(6, policy.length),
    (row) => ratio(row.ratios[policy]),
  ]),
  ['best', 6, (row) => ratio(row.best)],
  ['of', -12, (row) => row.bestPeer],
  ['diff', 6, (row) => points(row.diff)],
  ['equal', 5, ({ table }) => (table === undefined ? '-' : `${table.equal}/${table.known}`)],
  ['sec', 5, (row) => row.seconds.toFixed(1)],
];

const rows = [];
if (!options.json) console.log(heading(columns));
for (const name of names) {
  const { log } = await loadWorkload(name, { directory, limit });
  for (const percent of percents) {
    const row = run(name, log, percent);
    rows.push(row);
    console.log(options.json ? JSON.stringify(row) : rowLine(columns, row));
  }
}
if (!options.json && rows.length > 0) {
  const mean = rows.reduce((sum, { diff }) => sum + diff, 0) / rows.length;
  const worst = rows.reduce((most, row) => (row.diff > most.diff ? row : most));
  const within = rows.filter(({ diff }) => diff <= 1).length;
  console.log(
    `\ndiff: mean ${points(mean)}, worst ${points(worst.diff)} (${worst.workload}, ${worst.percent} %); ` +
      `within a point of the best or better: ${within} of ${rows.length}`,
  );
}
