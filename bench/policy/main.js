/**
 * Policies on traces, as fractions of what any policy could reach, beside the rows of a reference table.
 *
 * Usage: npm run bench:policy -- --traces DIR [--set NAMES] [--policy NAMES] [--params JSON] [--trace NAMES]
 *   [--sample N] [--limit N] [--own-bounds] [--bounds FILE] [--json]
 *
 * --traces DIR    NAME.csv.gz files; reference-tiering.csv beside them is used when it is there, and bounds.json keeps
 *                 the bounds that it does not have. Without a directory only the synthetic streams (syn-*) are played.
 * --set           1:2, 1:8, 1:16 or nvme; default all. Synthetic streams have a reference for 1:8 only.
 * --policy        default balanced; --params are its parameters.
 * --sample N      the tracker sees one request in N; Infinity: none.
 * --limit N       only the first N requests; then nothing is comparable with the table, and bounds are computed.
 * --own-bounds    computes bounds also where the table has one: the table's ascent stopped earlier.
 * --json          a line of JSON a run instead of the table.
 *
 * Times are modelled nanoseconds an access; L(1) charges moves in full, L(.25) a quarter of them. Fractions: `of bound`
 * is the lower bound through our L(1), `of phase` the phase-static oracle through it, `static*` the best that never
 * moves (computed here); `touch`, `LRU`, `HeMem` and `ema` (decayed counts with a cost/benefit gate) are rows of the
 * table, `next` is its oracle that knows the coming window (with or without the gate), `learn` an exact counter that is
 * told how long the run lasts (synthetic streams), `best` is the table's best online rule on that trace, and `diff` is
 * ours minus that. `pp` is the share of moves that took back an earlier one.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPolicy } from '../../dist/policy/policies.js';
import { phaseStaticOracle } from '../../dist/simulation/oracle/phase-static-oracle.js';
import { staticOracle } from '../../dist/simulation/oracle/static-oracle.js';
import { simulate } from '../../dist/simulation/simulator.js';
import { fail, tracesAndLimit } from './arguments.js';
import { KeptBounds } from './bounds.js';
import { heading, rowLine } from './columns.js';
import { learnerNs } from './learner.js';
import { envelope, readReference, referenceCosts, tierSets } from './reference.js';
import { groups, runColumns, summaryColumns } from './report.js';
import { chosenSets, loadWorkload, logWorkload, workloadNames } from './workloads.js';

const { values: options } = parseArgs({
  options: {
    traces: { type: 'string' },
    set: { type: 'string' },
    policy: { type: 'string', default: 'balanced' },
    params: { type: 'string', default: '{}' },
    trace: { type: 'string' },
    sample: { type: 'string', default: '1' },
    limit: { type: 'string' },
    'own-bounds': { type: 'boolean' },
    bounds: { type: 'string' },
    json: { type: 'boolean' },
  },
});

const { directory, limit } = tracesAndLimit(options);
const sampleEvery = Number(options.sample);
if (!(sampleEvery === Infinity || (Number.isSafeInteger(sampleEvery) && sampleEvery > 0))) {
  fail(`--sample: a number of requests, not ${options.sample}`);
}
const policies = options.policy.split(',');
let sets = [];
let parameters = {};
try {
  sets = chosenSets(options.set);
  parameters = JSON.parse(options.params);
  for (const policy of policies) createPolicy(policy, parameters);
} catch (error) {
  fail(error.message);
}

const all = await workloadNames(directory);
const names = options.trace?.split(',') ?? all;
const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`--trace: ${unknown} is none of ${all.join(', ')}`);

const table = join(directory ?? '.', 'reference-tiering.csv');
const whole = directory !== undefined && limit === undefined && existsSync(table);
const reference = whole ? readReference(table) : {};
const beside = directory === undefined ? undefined : join(directory, 'bounds.json');
const bounds = new KeptBounds(options.bounds ?? beside);

/** The larger of two figures that the table may not have. */
const most = (a, b) => (a === undefined || b === undefined ? (a ?? b) : Math.max(a, b));

/** What every policy on a workload and tier set is compared with. */
async function yardstick(workload, { set, config, weight }, phases) {
  const log = { ...workload.log, weight };
  const tiers = tierSets[set](log.footprintBytes);
  const costs = referenceCosts(workload.accessBytes);
  const rows = reference[workload.name]?.[config];
  const listed = options['own-bounds'] ? undefined : rows?.['LOWER-BOUND']?.total_ns;
  const boundNs = listed ?? (await bounds.get({ ...workload, log }, config, tiers, costs));
  const phaseStaticNs =
    phases === undefined ? undefined : phaseStaticOracle(log, tiers, costs, phases).totalNs;
  const ofBound = (name) => {
    const total = rows?.[name]?.total_ns;
    return total === undefined ? undefined : boundNs / total;
  };
  const best = envelope(rows);
  return {
    log,
    tiers,
    costs,
    boundNs,
    phaseStaticNs,
    envelope: best === undefined ? undefined : boundNs / best.totalNs,
    envelopeRule: best?.name,
    reference: {
      static: boundNs / staticOracle(log, tiers, costs).accessNs,
      firstTouch: ofBound('first-touch'),
      lru: ofBound('lru-chain(1)'),
      hemem: ofBound('hemem-like'),
      emaGated: ofBound('ema-topk+cost/benefit'),
      learner:
        phases === undefined ? undefined : boundNs / learnerNs(log, tiers, costs, sampleEvery),
      nextWindow: most(ofBound('next-window-oracle'), ofBound('next-window-oracle+cost/benefit')),
    },
  };
}

async function run(policy, { log, tiers, costs, ...known }) {
  const start = performance.now();
  const result = await simulate(logWorkload(log, log.weight), {
    tiers,
    costs,
    policy: createPolicy(policy, parameters),
    sampleEvery,
  });
  const totalNs = result.accessNs + result.moveNs;
  const ofBound = known.boundNs / totalNs;
  return {
    policy,
    ...known,
    accessNs: result.accessNs,
    moveNs: result.moveNs,
    totalNs,
    ofBound,
    ofBoundQuarter: known.boundNs / (result.accessNs + result.moveNs / 4),
    ofPhaseStatic: known.phaseStaticNs === undefined ? undefined : known.phaseStaticNs / totalNs,
    toEnvelope: known.envelope === undefined ? undefined : ofBound - known.envelope,
    moves: result.moves,
    pingPong: result.engine.pingPongMoves / Math.max(1, result.moves),
    seconds: (performance.now() - start) / 1000,
  };
}

const rows = [];
if (!options.json) console.log(heading(runColumns));
for (const name of names) {
  const workload = await loadWorkload(name, { directory, limit });
  const variants = workload.variants(sets);
  const phases = variants.length === 0 ? undefined : await workload.phases();
  for (const variant of variants) {
    const known = await yardstick(workload, variant, phases);
    for (const policy of policies) {
      const row = { workload: name, config: variant.config, ...(await run(policy, known)) };
      rows.push(row);
      console.log(options.json ? JSON.stringify(row) : rowLine(runColumns, row));
    }
  }
}
if (!options.json && rows.length > 0) {
  console.log(`\n${heading(summaryColumns)}`);
  for (const group of groups(rows)) console.log(rowLine(summaryColumns, group));
}
