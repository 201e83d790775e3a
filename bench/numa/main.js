/**
 * What NUMA costs: the choice of nodes on a machine with one node, where it has nothing to do, and with two; and what
 * the questions about nodes take.
 *
 * Usage: npm run bench:numa [-- --quick] [-- --json] [-- --rounds N]. Needs `npm run build`. Overheads are medians of
 * rounds of off, on, on, off, with the 95 % interval; the target on one node is 0.5 % at most. Times belong to the
 * machine and the moment.
 */

import { availableParallelism, release } from 'node:os';
import { parseArgs } from 'node:util';
import { NumaOptimizer } from '../../dist/index.js';
import { benchCalls } from './calls.js';
import { benchOneNode } from './one-node.js';
import { benchTwoNodes } from './two-nodes.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    rounds: { type: 'string' },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 100 : 1000));
const items = 20_000;
const operations = 10_000;

const machine = {
  cores: availableParallelism(),
  nodes: new NumaOptimizer().topology.nodes.length,
  kernel: release(),
  node: process.version,
  rounds,
};
const overheads = [
  await benchOneNode({ items, operations, rounds }),
  await benchTwoNodes({ items, operations, rounds }),
];
const calls = await benchCalls({ operations, rounds: values.quick ? 5 : 15 });
if (values.json) console.log(JSON.stringify({ machine, overheads, calls }, null, 2));
else print();

function print() {
  const facts = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  console.log(facts.join('  '));
  const percent = (share) => `${(share * 100).toFixed(2)} %`;
  const time = (ns) => (ns >= 10_000 ? `${(ns / 1000).toFixed(1)} us` : `${ns.toFixed(1)} ns`);
  for (const { title, rows, notes = [] } of overheads) {
    console.log(`\n${title}  (CPU time without, and what it takes more)`);
    for (const { name, nsPerRun, overhead, from, to } of rows) {
      const interval = `(${percent(from)} to ${percent(to)})`;
      console.log(
        `  ${name.padEnd(40)} ${time(nsPerRun).padStart(12)} ${percent(overhead).padStart(9)}  ${interval}`,
      );
    }
    for (const note of notes) console.log(`  ${note}`);
  }
  console.log(`\n${calls.title}`);
  for (const { name, nsPerOperation } of calls.rows) {
    console.log(`  ${name.padEnd(40)} ${time(nsPerOperation).padStart(12)}`);
  }
}
