/**
 * What the shared pool costs, beside what a program would use instead: its core, gets and puts against a private
 * memory, LMDB and Redis on loopback, and what the death of a member takes the others.
 *
 * Usage: npm run bench:pool [-- --quick] [-- --json]. Needs `npm run build`; builds the core's part with CMake. Ratios
 * are what to compare: absolute times belong to the machine and the moment. Redis is the system's, or Debian's package,
 * unpacked once below the user's cache folder.
 */

import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { benchGet, benchPut, benchRedis, openStores } from './access.js';
import { benchNative } from './native.js';
import { benchRecovery } from './recovery.js';
import { startRedis } from './redis.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' } },
});
const rounds = values.quick ? 3 : 9;
const load = loadavg()[0];
const machine = {
  cpu: cpus()[0].model,
  cores: availableParallelism(),
  kernel: release(),
  node: process.version,
  load: load.toFixed(2),
};
const busy = load > 0.3;
const report = { machine, busy, native: benchNative(), tables: [], missing: [] };

const stores = await openStores();
report.tables.push(
  await benchGet(stores, { operations: values.quick ? 100_000 : 300_000, rounds }),
  await benchPut(stores, { operations: values.quick ? 50_000 : 100_000, rounds }),
);
try {
  const redis = await startRedis();
  report.tables.push(
    await benchRedis(stores, redis, { operations: values.quick ? 2000 : 5000, rounds }),
  );
  await redis.close();
} catch (error) {
  report.missing.push(`Redis cannot be had: ${error.message}`);
}
await stores.close();
report.recovery = await benchRecovery({ rounds: values.quick ? 3 : 7 });
if (values.json) console.log(JSON.stringify(report, null, 2));
else print(report);

function print({ native, tables, missing, recovery }) {
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  console.log(facts.join('  '));
  if (busy)
    console.log(
      'The machine is not quiet: others run on it, and rates of two members tell little.',
    );
  console.log('\nthe core, without JavaScript');
  for (const line of native) console.log(`  ${line}`);
  for (const { title, baseline, rows } of tables) {
    console.log(`\n${title}  (time as a multiple of ${baseline}'s)`);
    for (const { name, nsPerOperation, ratio, ratioIqr } of rows) {
      const time = `${nsPerOperation.toFixed(0)} ns`.padStart(10);
      console.log(`  ${name.padEnd(36)} ${time} ${ratio.toFixed(2)}x +- ${ratioIqr.toFixed(2)}`);
    }
  }
  for (const line of missing) console.log(`\n${line}`);
  console.log(`\n${recovery.title}`);
  console.log(
    `  the others recover it in ${recovery.ms.toFixed(2)} ms, of ${recovery.rounds} deaths at the most ${recovery.worstMs.toFixed(2)} ms`,
  );
}
