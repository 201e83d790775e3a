/** What `advise` prints: a table for whoever pays, or one JSON document. */

import { requestsOf } from '../advise/access-mass.ts';
import type { Advice } from '../advise/advise.ts';
import type { Candidate } from '../advise/candidates.ts';
import type { Demand } from '../advise/measure-demand.ts';
import type { Verification } from '../advise/verify.ts';
import type { CostModel } from '../policy/cost-model.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import { assumptions, chosenLines, measureLine, workloadLine } from './advise-notes.ts';
import { formatBill } from './bill.ts';
import { curveSizes, missRatio } from './charts/miss-chart.ts';
import type { Paint } from './command-io.ts';
import { formatNs, formatShare } from './format.ts';
import { type Alignment, table } from './table.ts';

/** Everything a report is made of. */
export interface AdviceFacts {
  readonly demand: Demand;
  readonly advice: Advice;
  readonly costs: CostModel;
  /** What prices are in. */
  readonly unit: string;
  /** Simulations of the chosen point; empty when it was not asked for. */
  readonly verifications: readonly Verification[];
}

/** A table of texts. */
export interface TextTable {
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly alignments: readonly Alignment[];
}

function servedText({ served, capacityBytes }: Candidate): string {
  const shares = served.filter((_, tier) => capacityBytes[tier] > 0);
  return `${shares.map((share) => (share * 100).toFixed(share > 0 && share < 0.001 ? 3 : 1)).join(' / ')} %`;
}

/** Named points of an advice: the chosen one, its alternatives, and everything in one tier. */
export function namedPoints(advice: Advice): (readonly [string, Candidate])[] {
  const { chosen, cheaper, faster, allIn, tiers } = advice;
  return [
    ['chosen', chosen],
    ...(cheaper === undefined ? [] : [['next cheaper', cheaper] as const]),
    ...(faster === undefined ? [] : [['next faster', faster] as const]),
    ...allIn.map((candidate, tier) => [`all in ${tiers[tier].name}`, candidate] as const),
  ];
}

/** The comparison; the saving is against everything in the fastest tier. */
export function adviceTable({ advice, unit }: AdviceFacts): TextTable {
  const { tiers, allIn, fastestTier, chosen, slowdownError } = advice;
  const most = allIn[fastestTier].bill;
  const rows = namedPoints(advice).map(([name, point]) => [
    name,
    ...point.capacityBytes.map((bytes) => (bytes > 0 ? formatBytes(bytes) : '-')),
    servedText(point),
    formatNs(point.ns),
    point === chosen && slowdownError > 0
      ? `${point.slowdown.toFixed(3)} ± ${slowdownError.toFixed(3)}`
      : point.slowdown.toFixed(3),
    formatBill(point.bill, ''),
    formatShare(1 - point.bill / most),
  ]);
  return {
    heading: [
      '',
      ...tiers.map(({ name }) => name),
      'served by each',
      'access',
      'slow-down',
      `a month, ${unit}`,
      'saving',
    ],
    rows,
    alignments: [
      'left',
      ...tiers.map(() => 'right' as const),
      'right',
      'right',
      'right',
      'right',
      'right',
    ],
  };
}

/** One line: what was asked for. */
export function targetLine({ advice, unit }: AdviceFacts): string {
  const { target, tiers, fastestTier } = advice;
  return 'slowdown' in target
    ? `cheapest sizes at most ${target.slowdown} times as slow as everything in ${tiers[fastestTier].name}`
    : `fastest sizes for at most ${formatBill(target.budget, unit)} a month`;
}

/** Simulated against modelled. */
export function verificationLines({ advice, verifications }: AdviceFacts): string[] {
  const { chosen, target } = advice;
  if (verifications.length === 0) return [];
  const lines = verifications.map(
    ({ policy, ns, slowdown }) =>
      `Simulated with policy ${policy}: ${formatNs(ns)} an access, ${slowdown.toFixed(3)} times the fastest ` +
      `(modelled ${chosen.slowdown.toFixed(3)}).`,
  );
  const best = Math.min(...verifications.map(({ slowdown }) => slowdown));
  if ('slowdown' in target && best > target.slowdown * 1.005) {
    lines.push(
      `No simulated policy meets the target of ${target.slowdown}: size for the next faster point, or ask for less.`,
    );
  }
  return lines;
}

/** The report as text. */
export function adviceText(facts: AdviceFacts, paint: Paint): string {
  const { demand, advice, costs, unit } = facts;
  const { heading, rows, alignments } = adviceTable(facts);
  const [head, rule, chosen, ...others] = table(heading, rows, alignments);
  return [
    `${paint.bold(demand.workload)}: ${workloadLine(demand)}`,
    `MODELLED: ${targetLine(facts)}`,
    '',
    head,
    rule,
    paint.bold(chosen),
    ...others,
    '',
    ...chosenLines(advice, unit),
    ...verificationLines(facts),
    measureLine(demand),
    ...assumptions(demand, advice, costs).map((line) => paint.dim(line)),
    '',
  ].join('\n');
}

function pointJson(advice: Advice, point: Candidate): unknown {
  const { bounds: _, capacityBytes, served, ...figures } = point;
  const byTier = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(values.map((value, tier) => [advice.tiers[tier].name, value]));
  return { ...figures, capacityBytes: byTier(capacityBytes), served: byTier(served) };
}

/** The report as one JSON document. All times in it are MODELLED; those of `simulated` come from the simulator. */
export function adviceJson({ demand, advice, costs, unit, verifications }: AdviceFacts): unknown {
  const point = (candidate: Candidate | undefined): unknown =>
    candidate === undefined ? null : pointJson(advice, candidate);
  const scale = advice.footprintBytes / demand.footprintBytes;
  return {
    workload: demand.workload,
    requests: demand.requests,
    weight: demand.weight,
    objects: Math.round(demand.objects),
    measuredFootprintBytes: Math.round(demand.footprintBytes),
    footprintBytes: Math.round(advice.footprintBytes),
    sampling: {
      rate: demand.rate,
      sampledKeys: demand.sampledKeys,
      meanAbsoluteError: demand.error,
    },
    modelled: true,
    priceUnit: unit,
    tiers: advice.tiers,
    costs,
    target: advice.target,
    fastestTier: advice.tiers[advice.fastestTier].name,
    fastestNs: advice.fastestNs,
    chosen: point(advice.chosen),
    slowdownError: advice.slowdownError,
    nsPrice: advice.nsPrice,
    cheaper: point(advice.cheaper),
    faster: point(advice.faster),
    allIn: Object.fromEntries(
      advice.allIn.map((candidate, tier) => [advice.tiers[tier].name, point(candidate)]),
    ),
    front: advice.front.map(point),
    candidates: advice.candidates,
    simulated: verifications,
    missCurve: curveSizes(demand, 65).map((room) => ({
      bytes: Math.round(room * scale),
      recency: missRatio(demand, demand.recency, room),
      frequency: missRatio(demand, demand.frequency, room),
    })),
    objectMissCurve: curveSizesOfObjects(demand).map((objects) => ({
      objects,
      recency: 1 - requestsOf(demand.recencyObjects.within(objects)) / demand.requests,
    })),
  };
}

/** Powers of two up to all objects. */
function curveSizesOfObjects({ objects }: Demand): number[] {
  const counts: number[] = [];
  for (let count = 1; count < objects; count *= 2) counts.push(count);
  return [...counts, Math.round(objects)];
}
