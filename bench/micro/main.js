/**
 * Micro-costs of memory-tiers next to what a program would use instead, in one run.
 *
 * Usage: npm run bench:micro [-- --quick] [-- --json]. Ratios are what to compare: absolute times belong to the
 * machine and the moment.
 */

import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchChurn } from './churn.js';
import { benchGet } from './get.js';
import { benchMove } from './move.js';
import { benchPrefetch } from './prefetch.js';
import { benchPut } from './put.js';
import { benchRegion } from './region.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
});
const rounds = values.quick ? 3 : 7;
const operations = values.quick ? 200_000 : 1_000_000;

const suites = {
  get: async function* () {
    for (const items of values.quick ? [100_000] : [100_000, 1_000_000]) {
      // 1 M values of 4 KiB exist four times over here: more memory than most machines have to spare.
      const sizes = items === 100_000 ? [100, 1024, 4096] : [100, 1024];
      // A million values take long to build and to collect; their times vary less.
      const own = items === 100_000 ? rounds : 3;
      for (const bytes of sizes) yield await benchGet({ items, bytes, operations, rounds: own });
    }
  },
  put: async function* () {
    for (const bytes of [1024, 4096]) {
      yield await benchPut({ items: 100_000, bytes, operations: operations / 4, rounds });
    }
  },
  region: async function* () {
    yield await benchRegion({ elements: 2 ** 20, rounds });
  },
  churn: async function* () {
    const items = values.quick ? 50_000 : 200_000;
    yield await benchChurn({ items, operations: items, rounds: Math.min(rounds, 3) });
  },
  move: async function* () {
    yield await benchMove({ chunks: 8, rounds: rounds * 3 });
  },
  prefetch: async function* () {
    const KiB = 1024;
    const bytes = (values.quick ? 64 : 256) * 2 ** 20;
    for (const [title, length, stride] of [
      ['64 KiB in order', 64 * KiB, 64 * KiB],
      ['64 KiB backwards', 64 * KiB, -64 * KiB],
      ['4 KiB of each 256 KiB', 4 * KiB, 256 * KiB],
      ['16 KiB of each MiB', 16 * KiB, 1024 * KiB],
    ]) {
      yield await benchPrefetch({ title, bytes, length, stride, rounds });
    }
  },
};

const machine = {
  cpu: cpus()[0].model,
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  rounds,
};
const tables = [];
if (!values.json)
  console.log(
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join('  '),
  );
for (const [name, suite] of Object.entries(suites)) {
  if (values.only !== undefined && values.only !== name) continue;
  for await (const table of suite()) {
    tables.push(table);
    if (!values.json) print(table);
  }
}
if (values.json) console.log(JSON.stringify({ machine, tables }, null, 2));

function print({ title, baseline, rows, notes = [] }) {
  console.log(
    `\n${title}  (ratio to ${baseline}; median of ${rounds} rounds, +- interquartile range)`,
  );
  for (const { name, nsPerOperation, ratio, ratioIqr } of rows) {
    const time =
      nsPerOperation >= 10_000
        ? `${(nsPerOperation / 1000).toFixed(0)} us`
        : `${nsPerOperation.toFixed(1)} ns`;
    console.log(
      `  ${name.padEnd(40)} ${time.padStart(12)} ${ratio.toFixed(2).padStart(8)}x +- ${ratioIqr.toFixed(2)}`,
    );
  }
  for (const line of notes) console.log(`  ${line}`);
}
