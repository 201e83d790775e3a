/**
 * Threads of several sockets on modelled memory: what it is worth that data follows its users.
 *
 * Usage: npm run bench:sockets [-- options]. Needs `npm run build:ts`. Simulated: latencies are those of the table's
 * head, another socket's memory is 2.1 times as far (SLIT 21), bandwidth is not contended.
 *
 * --sockets N    default 2.
 * --accesses N   default 1,000,000.
 * --json         one document instead of the table.
 *
 * `first-touch` and `interleave` leave data where it was put; `balanced` is the default policy, on data put as by
 * first-touch. Time is per access, moves in the foreground; `remote` is the share of accesses to another socket, over
 * the run and in its last tenth.
 */

import { parseArgs } from 'node:util';
import { createPolicy } from '../../dist/policy/policies.js';
import { simulateSockets } from '../../dist/simulation/sockets/simulate-sockets.js';
import { socketPatterns } from '../../dist/simulation/sockets/socket-workload.js';

const { values: options } = parseArgs({
  options: {
    sockets: { type: 'string', default: '2' },
    accesses: { type: 'string', default: '1000000' },
    json: { type: 'boolean' },
  },
});
const sockets = count('sockets', 2, 16);
const accesses = count('accesses', 1000, 1e9);
const units = 2048 * sockets;
const unitBytes = 4096;

function count(name, min, max) {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  console.error(`--${name}: a number from ${min} to ${max}, not ${options[name]}`);
  process.exit(2);
}

const ddr = (capacityBytes) => ({
  name: 'L1_DDR',
  capacityBytes,
  readLatencyNs: 90,
  writeLatencyNs: 90,
  readBytesPerSecond: 100e9,
  writeBytesPerSecond: 100e9,
  costPerGiBMonth: 3,
});
const cxl = {
  ...ddr(8 * units * unitBytes),
  name: 'L2_CXL',
  readLatencyNs: 250,
  writeLatencyNs: 250,
  readBytesPerSecond: 30e9,
  writeBytesPerSecond: 30e9,
  costPerGiBMonth: 1,
};
const machines = {
  'DDR for all': { tiers: [ddr(3 * units * unitBytes)], still: 'static' },
  'DDR for a quarter, CXL': { tiers: [ddr((units * unitBytes) / 4), cxl], still: 'first-touch' },
};

const rows = [];
for (const [machine, { tiers, still }] of Object.entries(machines)) {
  for (const pattern of socketPatterns) {
    const workload = { pattern, sockets, units, accesses };
    const play = (policy, creation) =>
      simulateSockets(workload, { tiers, policy: createPolicy(policy), creation });
    rows.push({
      machine,
      pattern,
      firstTouch: await play(still, 'first-touch'),
      interleave: await play(still, 'interleave'),
      balanced: await play('balanced', 'first-touch'),
    });
  }
}

const all = ({ accessNs, moveNs }) => accessNs + moveNs;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

if (options.json) {
  console.log(
    JSON.stringify({ kind: 'simulated', sockets, units, unitBytes, accesses, rows }, null, 2),
  );
} else {
  console.log(
    `simulated: ${sockets} sockets, ${units} units of ${unitBytes} B, ${accesses} accesses; DDR 90 ns, CXL 250 ns, other socket x 2.1\n`,
  );
  const head = [
    'memory',
    'data',
    'first-touch',
    'interleave',
    'balanced',
    'of best',
    'remote',
    'at end',
    'moves',
  ];
  const lines = rows.map(({ machine, pattern, firstTouch, interleave, balanced }) => [
    machine,
    pattern,
    `${all(firstTouch).toFixed(1)} ns`,
    `${all(interleave).toFixed(1)} ns`,
    `${all(balanced).toFixed(1)} ns`,
    (all(balanced) / Math.min(all(firstTouch), all(interleave))).toFixed(2),
    percent(balanced.remoteShare),
    percent(balanced.remoteShareAtEnd),
    `${balanced.engine.nodeMoves} + ${balanced.engine.promotions}`,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i].length)));
  for (const line of [head, ...lines]) {
    console.log(
      line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    );
  }
  console.log('\nmoves: between sockets + promotions');
}
