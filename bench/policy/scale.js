/**
 * What a plan takes from the main thread when there are ten million small objects.
 *
 * Usage: npm run bench:scale [-- options]. Needs `npm run build`, and 120 bytes of memory an object.
 *
 * --objects N   objects to hold (default 10,000,000), in two simulated tiers, a tenth of them in the fastest.
 * --policy P    default balanced.
 * --plans N     plans a row is the median of (default 15).
 * --json        one document instead of the table.
 *
 * A row is a plan of the engine after so many Zipf accesses: folding them, the snapshot, learning, the policy, but not
 * the moves that follow; then a plan over all objects (a dry run of optimizePlacement). `heap` and `buffers` are what it allocates, on the JavaScript heap and as columns beside it; `gc` is
 * how often the collector ran meanwhile and how long it took. `of sort` is its time over that of the quickest way to
 * rank everything in JavaScript: a Float32Array of every object's heat, sorted. Times are this machine's; the ratio is
 * what to compare.
 */

import { constants, PerformanceObserver, performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { TieredMemory } from '../../dist/index.js';
import { createPolicy } from '../../dist/policy/policies.js';
import { SplitMix64 } from '../../dist/simulation/workloads/split-mix.js';
import { Scramble, ZipfRanks } from '../../dist/simulation/workloads/zipf.js';
import { median } from '../micro/harness.js';

const { values: options } = parseArgs({
  options: {
    objects: { type: 'string', default: '10000000' },
    policy: { type: 'string', default: 'balanced' },
    plans: { type: 'string', default: '15' },
    json: { type: 'boolean' },
  },
});
const objects = count('objects', options.objects);
const plans = count('plans', options.plans);

function count(name, text) {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name}: a number above 0, not ${text}`);
  process.exit(2);
}

const valueBytes = 32;
const accessesBetween = [1000, 30_000, 1_000_000];
const warmUpPlans = 40;

const collections = [];
new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({
  entryTypes: ['gc'],
});
const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 0));

const policy = createPolicy(options.policy);
/** The clock and the heap when the policy last answered. */
let planned;
const watched = {
  ...policy,
  plan: (snapshot, budget) => {
    const plan = policy.plan(snapshot, budget);
    planned = { at: performance.now(), heap: getHeapStatistics() };
    return plan;
  },
};

/** Time, allocation and collections of one piece of work; what follows the plan is left out of a `step`. */
async function measured(work, { step = false } = {}) {
  globalThis.gc?.();
  await nextTurn();
  collections.length = 0;
  const before = getHeapStatistics();
  const start = performance.now();
  await work();
  const { at, heap } = step ? planned : { at: performance.now(), heap: getHeapStatistics() };
  await nextTurn();
  const own = collections.filter(({ startTime }) => startTime >= start && startTime < at);
  return {
    ms: at - start,
    // What a collection freed meanwhile is missing: then it is a lower bound.
    heapBytes: heap.used_heap_size - before.used_heap_size,
    bufferBytes: heap.external_memory - before.external_memory,
    collections: own.length,
    majorCollections: own.filter(
      ({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR,
    ).length,
    collectionMs: own.reduce((sum, { duration }) => sum + duration, 0),
  };
}

/** Medians of the times and bytes, sums of the collections. */
function summed(name, runs) {
  const of = (pick) => runs.map(pick);
  const sum = (pick) => of(pick).reduce((total, value) => total + value, 0);
  return {
    name,
    ms: median(of((run) => run.ms)),
    maxMs: Math.max(...of((run) => run.ms)),
    heapBytes: median(of((run) => run.heapBytes)),
    bufferBytes: median(of((run) => run.bufferBytes)),
    collections: sum((run) => run.collections),
    majorCollections: sum((run) => run.majorCollections),
    collectionMs: sum((run) => run.collectionMs),
    runs: runs.length,
  };
}

const slotBytes = valueBytes * objects;
const memory = await TieredMemory.open({
  tiers: [
    { name: 'L1_DDR', capacityBytes: Math.ceil(slotBytes / 10), kind: 'simulated' },
    { name: 'L2_CXL', capacityBytes: Math.ceil(slotBytes * 1.1) + 2 ** 26, kind: 'simulated' },
  ],
  policy: watched,
  background: false,
  tracking: false,
});
const rssBefore = process.memoryUsage().rss;
const value = new Uint8Array(valueBytes);
const start = performance.now();
for (let key = 0; key < objects; key++) {
  memory.storeSync(value, { key });
  // Accesses that nobody plans for pile up; a program of this size has the timer.
  if (key % 1_000_000 === 999_999) await memory.engine.step();
}
const storeNs = ((performance.now() - start) / objects) * 1e6;
globalThis.gc?.();
const { rss, heapUsed } = process.memoryUsage();

const random = new SplitMix64(1);
const ranks = new ZipfRanks(objects, 0.99);
const scramble = new Scramble(objects);
function access(times) {
  let sum = 0;
  for (let i = 0; i < times; i++) {
    const key = scramble.key(ranks.rank(random.next().unit()));
    sum += memory.get(key).borrow()[0];
  }
  return sum;
}

for (let i = 0; i < warmUpPlans; i++) {
  access(30_000);
  await memory.engine.step();
}

const rows = [];
for (const accesses of accessesBetween) {
  const runs = [];
  for (let i = 0; i < plans; i++) {
    access(accesses);
    runs.push(await measured(() => memory.engine.step(), { step: true }));
  }
  rows.push(summed(`plan after ${accesses.toLocaleString('en')} accesses`, runs));
}
const { slices } = memory.engine.stats();
let report;
const dryRun = async () => {
  report = await memory.optimizePlacement({ dryRun: true });
};
await measured(dryRun);
const dryRuns = [];
for (let i = 0; i < 3; i++) dryRuns.push(await measured(dryRun));
rows.push(summed('plan over all (dry run)', dryRuns));

const heat = new Float32Array(objects);
const sorts = [];
for (let i = 0; i < 3; i++) {
  for (let rank = 0; rank < objects; rank++)
    heat[(rank * 7_368_787) % objects] = -Math.log2(rank + 1);
  sorts.push(await measured(() => heat.sort()));
}
const sort = summed('peer: sort all heats (Float32Array)', sorts);
for (const row of [...rows, sort]) row.ofSort = row.ms / sort.ms;

const stats = memory.stats();
const document = {
  objects,
  valueBytes,
  policy: options.policy,
  storeNs,
  metadataBytesPerObject: stats.metadataBytes / objects,
  residentBytesPerObject: (rss - rssBefore) / objects,
  heapBytesPerObject: heapUsed / objects,
  considered: report.unitsConsidered,
  plannedByDryRun: report.planned,
  rows: [...rows, sort],
  slices,
};
await memory.close();
if (options.json) console.log(JSON.stringify(document, null, 2));
else print(document);

function print({ rows: lines, slices: times, ...facts }) {
  const bytes = (n) =>
    n >= 2 ** 20 ? `${(n / 2 ** 20).toFixed(1)} MiB` : `${(n / 1024).toFixed(1)} KiB`;
  console.log(
    `${facts.objects.toLocaleString('en')} objects of ${valueBytes} B under ${facts.policy}: ` +
      `${facts.metadataBytesPerObject.toFixed(1)} B of metadata each, ` +
      `${facts.residentBytesPerObject.toFixed(1)} B resident each with data, ` +
      `${facts.heapBytesPerObject.toFixed(2)} B on the JavaScript heap; stored in ${facts.storeNs.toFixed(0)} ns each`,
  );
  console.log(
    `the dry run considered ${facts.considered.toLocaleString('en')} and would move ${facts.plannedByDryRun.toLocaleString('en')}\n`,
  );
  const heading = ['', 'median', 'worst', 'heap', 'buffers', 'gc', 'major', 'gc time', 'of sort'];
  const table = lines.map((row) => [
    row.name,
    `${row.ms.toFixed(2)} ms`,
    `${row.maxMs.toFixed(2)} ms`,
    bytes(row.heapBytes),
    bytes(row.bufferBytes),
    `${row.collections} in ${row.runs}`,
    String(row.majorCollections),
    `${row.collectionMs.toFixed(1)} ms`,
    `${row.ofSort.toFixed(4)}x`,
  ]);
  for (const cells of [heading, ...table]) {
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(36) : cell.padStart(11))).join(' '));
  }
  const us = (ns) => `${(ns / 1000).toFixed(0)} us`;
  console.log(
    `\nslices of the main thread, warm-up and loading included: p50 ${us(times.p50Ns)}, ` +
      `p99 ${us(times.p99Ns)}, max ${us(times.maxNs)}; ${times.overBudget} of ${times.count} over ${us(times.budgetNs)}`,
  );
}
