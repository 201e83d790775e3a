/** What bench:policy prints. Fractions are of the lower bound; names are those of the reference table. */

import { difference, ns, share } from './columns.js';

/** Columns of one run beside its reference. */
export const runColumns = [
  ['workload', -22, (row) => row.workload],
  ['tiers', -18, (row) => row.config],
  ['policy', -14, (row) => row.policy],
  ['access', 9, (row) => ns(row.accessNs)],
  ['move', 9, (row) => ns(row.moveNs)],
  ['L(1)', 9, (row) => ns(row.totalNs)],
  ['L(.25)', 9, (row) => ns(row.accessNs + row.moveNs / 4)],
  ['of bound', 8, (row) => share(row.ofBound)],
  ['of phase', 8, (row) => share(row.ofPhaseStatic)],
  ['static*', 7, (row) => share(row.reference.static)],
  ['touch', 5, (row) => share(row.reference.firstTouch)],
  ['LRU', 5, (row) => share(row.reference.lru)],
  ['HeMem', 5, (row) => share(row.reference.hemem)],
  ['ema', 5, (row) => share(row.reference.emaGated)],
  ['next', 5, (row) => share(row.reference.nextWindow)],
  ['learn', 5, (row) => share(row.reference.learner)],
  ['best', 5, (row) => share(row.envelope)],
  ['diff', 6, (row) => difference(row.toEnvelope)],
  ['pp', 5, (row) => share(row.pingPong)],
  ['sec', 6, (row) => row.seconds.toFixed(1)],
];

/** Columns of a summary: means, then the worst and where it is. */
export const summaryColumns = [
  ['policy', -14, (group) => group.policy],
  ['tiers', -22, (group) => group.config],
  ['runs', 4, (group) => String(group.rows.length)],
  ...figure('of bound', (row) => row.ofBound, share),
  ...figure('L(.25)', (row) => row.ofBoundQuarter, share),
  ...figure('of phase', (row) => row.ofPhaseStatic, share),
  ...figure('static*', (row) => row.reference.static, share),
  ...figure('learn', (row) => row.reference.learner, share),
  ...figure('best', (row) => row.envelope, share),
  ...figure('diff', (row) => row.toEnvelope, difference),
  ['', -34, (group) => worstNames(group.rows)],
];

/** Runs by policy and tier set; traces and synthetic streams apart. */
export function groups(rows) {
  const found = new Map();
  for (const row of rows) {
    const config = row.workload.startsWith('syn-') ? `${row.config} syn` : row.config;
    const key = `${row.policy} ${config}`;
    if (!found.has(key)) found.set(key, { policy: row.policy, config, rows: [] });
    found.get(key).rows.push(row);
  }
  return [...found.values()];
}

const known = (rows, value) => rows.map(value).filter((each) => each !== undefined);

function figure(title, value, text) {
  return [
    [
      title,
      8,
      ({ rows }) => {
        const values = known(rows, value);
        if (values.length === 0) return '-';
        return text(values.reduce((sum, each) => sum + each, 0) / values.length);
      },
    ],
    [
      '/worst',
      6,
      ({ rows }) => {
        const values = known(rows, value);
        return values.length === 0 ? '-' : text(Math.min(...values));
      },
    ],
  ];
}

function worstNames(rows) {
  const [bound] = [...rows].sort((a, b) => a.ofBound - b.ofBound);
  const compared = rows.filter(({ toEnvelope }) => toEnvelope !== undefined);
  const [behind] = compared.sort((a, b) => a.toEnvelope - b.toEnvelope);
  const names = [`bound: ${bound.workload}`];
  if (behind !== undefined) names.push(`diff: ${behind.workload}`);
  return ` ${names.join(', ')}`;
}
