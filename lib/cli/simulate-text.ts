/** What `simulate` prints for people: the tiers, and a column for each policy. */

import { formatBytes } from '../tiers/byte-size.ts';
import type { Paint } from './command-io.ts';
import { unitRecordLines } from './explain-text.ts';
import { formatCount, formatNs, formatShare, significant } from './format.ts';
import type { SimulatedPolicy, SimulateReport } from './simulate-report.ts';
import { type Alignment, table } from './table.ts';

/** A line of the table: what it is, and what it is for a policy. */
type Row = readonly [label: string, cell: (policy: SimulatedPolicy) => string];

function tierLines(report: SimulateReport, paint: Paint): string[] {
  const rows = report.tiers.map((tier, index) => [
    paint.hue(index, tier.name),
    tier.capacityBytes === null ? 'the rest' : formatBytes(tier.capacityBytes),
    formatNs(tier.readLatencyNs),
    formatNs(tier.writeLatencyNs),
    `${significant(tier.readBytesPerSecond / 1e9)} GB/s`,
    `${significant(tier.writeBytesPerSecond / 1e9)} GB/s`,
  ]);
  const heading = ['tier', 'budget', 'read', 'write', 'reading', 'writing'];
  return table(heading, rows, ['left', 'right', 'right', 'right', 'right', 'right']);
}

function convergenceRows({ policies }: SimulateReport): Row[] {
  return policies[0].convergence.map(({ shiftAt }, shift) => [
    `back to rest after the shift at ${formatCount(shiftAt)}`,
    ({ convergence }) => {
      const { accesses } = convergence[shift];
      if (accesses === undefined) return 'never';
      return accesses === 0 ? 'at once' : `${formatCount(accesses)} accesses`;
    },
  ]);
}

/** What drives were written. */
function enduranceRows({ policies }: SimulateReport): Row[] {
  return (policies[0].endurance ?? []).flatMap(({ tier }, index): Row[] => [
    [`written to ${tier} by moves`, (policy) => formatBytes(policy.endurance![index].movedBytes)],
    ['  by the program', (policy) => formatBytes(policy.endurance![index].writtenBytes)],
    [
      '  left to moves now',
      (policy) => formatBytes(Math.max(0, policy.endurance![index].leftBytes)),
    ],
  ]);
}

function settledRows({ policies }: SimulateReport): Row[] {
  const { settled } = policies[0];
  if (settled === null) return [];
  const after = `after a warm-up of ${formatCount(settled.warmUpAccesses)}`;
  return [
    [`total ${after}`, ({ settled: own }) => formatNs(own!.accessNs + own!.moveNs)],
    ['  its windows: median', ({ settled: own }) => formatNs(own!.p50Ns)],
    ['  its windows: p99', ({ settled: own }) => formatNs(own!.p99Ns)],
    ['  its windows: worst', ({ settled: own }) => formatNs(own!.worstNs)],
  ];
}

/** What kept units where they are, and what policies want to be seen. */
function reasonRows({ policies }: SimulateReport): Row[] {
  const names = (of: (policy: SimulatedPolicy) => object): Set<string> =>
    new Set(policies.flatMap((policy) => Object.keys(of(policy))));
  const kept = [...names(({ refused }) => refused)].sort();
  const notes = [...names(({ planNotes }) => planNotes)];
  return [
    ...kept.map(
      (why): Row => [
        `kept: ${why}`,
        ({ refused }) => (refused[why] === undefined ? '' : formatCount(refused[why])),
      ],
    ),
    ...notes.map(
      (name): Row => [
        name,
        ({ planNotes: own }) =>
          own[name] === undefined ? '' : own[name] === null ? 'infinite' : significant(own[name]),
      ],
    ),
  ];
}

function explainedLines({ policies, explainedKey }: SimulateReport): string[] {
  if (explainedKey === undefined) return [];
  return policies.flatMap(({ policy, explained }) => [
    '',
    ...unitRecordLines(`key ${explainedKey} under ${policy}`, explained!),
  ]);
}

function rowsOf(report: SimulateReport, paint: Paint): Row[] {
  const share = (value: number | undefined): string =>
    value === undefined ? '' : formatShare(value);
  const oracle: Row[] = [
    ['static optimum / total', (policy) => share(policy.shareOfStaticOracle)],
    ['lower bound / total', (policy) => share(policy.shareOfLowerBound)],
  ];
  return [
    ...report.tiers.map(
      ({ name }, index): Row => [
        `served by ${paint.hue(index, name)}`,
        (policy) => formatShare(policy.served[name]),
      ],
    ),
    ['access', (policy) => formatNs(policy.accessNs)],
    ['moves, an access', (policy) => formatNs(policy.moveNs)],
    [paint.bold('total'), (policy) => paint.bold(formatNs(policy.totalNs))],
    ['total, moves at a quarter', (policy) => formatNs(policy.backgroundTotalNs)],
    [`against all in ${report.tiers[0].name}`, (policy) => `${significant(policy.slowdown)}x`],
    ...(report.staticOracleNs === undefined ? [] : oracle),
    ['promotions', (policy) => formatCount(policy.promotions)],
    ['demotions', (policy) => formatCount(policy.demotions)],
    ['ping-pong', (policy) => formatShare(policy.pingPongShare)],
    ['moved', (policy) => formatBytes(policy.bytesMoved)],
    ['moved, an access', (policy) => `${significant(policy.bytesMovedPerAccess)} B`],
    ...enduranceRows(report),
    ...settledRows(report),
    ...convergenceRows(report),
    ['plans', (policy) => formatCount(policy.plans)],
    ...reasonRows(report),
  ];
}

/** How fast it went; in the text only, because two runs of a simulation print the same document. */
function paceLine({ policies }: SimulateReport, paces: readonly number[]): string {
  const each = policies.map(({ policy }, index) => {
    const digits = 10 ** Math.max(0, Math.floor(Math.log10(paces[index])) - 1);
    return `${formatCount(Math.round(paces[index] / digits) * digits)} under ${policy}`;
  });
  return `simulated requests a second of CPU time: ${each.join(', ')}`;
}

/**
 * The report as text.
 *
 * @param paces - requests simulated in a second of CPU time, reading them included; by policy
 */
export function simulateText(
  report: SimulateReport,
  paces: readonly number[],
  paint: Paint,
): string {
  const { policies } = report;
  const rows = rowsOf(report, paint).map(([label, cell]) => [label, ...policies.map(cell)]);
  const alignments: Alignment[] = ['left', ...policies.map((): Alignment => 'right')];
  const weight = report.weight === 1 ? '' : `, each for ${formatCount(report.weight)} accesses`;
  const levels = [
    `all in ${report.tiers[0].name} ${formatNs(report.allFastNs)}`,
    `all in ${report.tiers[report.tiers.length - 1].name} ${formatNs(report.allSlowNs)}`,
  ];
  if (report.staticOracleNs !== undefined) {
    levels.push(`best without moves ${formatNs(report.staticOracleNs)}`);
    levels.push(`no policy below ${formatNs(report.lowerBoundNs!)}`);
  }
  return [
    `${paint.bold(report.workload)}: ${formatCount(report.requests)} requests of ` +
      `${formatCount(report.units)} objects (${formatBytes(report.footprintBytes)})${weight}`,
    'MODELLED from the figures of the tiers: no memory was touched, no time measured.',
    '',
    ...tierLines(report, paint),
    '',
    ...table(['', ...policies.map(({ policy }) => policy)], rows, alignments),
    '',
    `an access: ${levels.join(', ')}`,
    paceLine(report, paces),
    ...explainedLines(report),
    ...report.notes.map((note) => `note: ${note}`),
    '',
  ].join('\n');
}
