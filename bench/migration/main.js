/**
 * What moving costs, and being watched, in one run: native moves against memcpy, pauses, the stall of a JavaScript
 * thread beside a mover, tracking against none.
 *
 * Usage: npm run bench:migration [-- --quick] [-- --directory DIR]. Builds its native part with CMake. Ratios are what
 * to compare: absolute times belong to the machine and the moment.
 *
 * Moves from node to node need two nodes; the emulated machine has them:
 * ./scripts/vm run -- build/bench/migration_bench /tmp 7 nodes
 */

import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchStall } from './stall.js';
import { benchLooks, benchTracking } from './tracking.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, directory: { type: 'string', default: '/var/tmp' } },
});
const rounds = values.quick ? 5 : 25;
const root = fileURLToPath(new URL('../../', import.meta.url));
const build = `${root}build/bench`;
const quiet = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };

execFileSync(
  'cmake',
  ['-S', '.', '-B', build, '-DMEMTIERS_ADDON=OFF', '-DMEMTIERS_BENCH=ON'],
  quiet,
);
execFileSync('cmake', ['--build', build, '--target', 'migration_bench', '-j', '2'], quiet);
console.log(
  `cpu: ${cpus()[0].model}  cores: ${cpus().length}  kernel: ${release()}  node: ${process.version}  files: ${values.directory}`,
);

const text = execFileSync(`${build}/migration_bench`, [values.directory, String(rounds)], {
  encoding: 'utf8',
});
let table;
for (const line of text.trim().split('\n')) {
  const row = JSON.parse(line);
  if (row.table !== table) console.log(`\n${row.table}`);
  table = row.table;
  console.log(`  ${describe(row)}`);
}
print(await benchStall({ rounds: values.quick ? 3 : 9 }));
const bytes = values.quick ? 2 ** 28 : 2 ** 30;
print(await benchLooks({ bytes, rounds: values.quick ? 3 : 7 }));
print(await benchTracking({ bytes, rounds: values.quick ? 3 : 7, seconds: values.quick ? 1 : 2 }));

function us(ns) {
  return `${(ns / 1000).toFixed(1)} us`;
}

function describe({ name, ns, speed, iqr, p50Ns, p99Ns, count, skipped }) {
  if (skipped !== undefined) return `skipped: ${skipped}`;
  const label = name.padEnd(48);
  if (p50Ns !== undefined) return `${label} p50 ${us(p50Ns)}  p99 ${us(p99Ns)}  of ${count}`;
  return `${label} ${us(ns).padStart(11)}  ${speed.toFixed(2)} of the first's speed +- ${iqr.toFixed(2)}`;
}

function print({ title, baseline, rows, notes = [] }) {
  console.log(`\n${title}  (ratio to ${baseline})`);
  for (const { name, nsPerOperation, ratio, ratioIqr } of rows) {
    const time = us(nsPerOperation).padStart(13);
    console.log(`  ${name.padEnd(40)} ${time} ${ratio.toFixed(2)}x +- ${ratioIqr.toFixed(2)}`);
  }
  for (const note of notes) console.log(`  ${note}`);
}
