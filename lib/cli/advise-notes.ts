/** What stands under every result of `advise`: how it was measured and what was assumed. */

import type { Advice } from '../advise/advise.ts';
import type { Demand } from '../advise/measure-demand.ts';
import type { CostModel } from '../policy/cost-model.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import { formatBill } from './bill.ts';
import { formatCount, formatNs, formatShare, significant } from './format.ts';

/** One line: the workload. */
export function workloadLine(demand: Demand): string {
  return (
    `${formatCount(demand.requests)} requests of ${formatCount(demand.objects)} objects ` +
    `(${formatBytes(demand.footprintBytes)})`
  );
}

/** How the workload was measured, with the error. */
export function measureLine({ rate, sampledKeys, error }: Demand): string {
  if (rate === 1) return 'Measured exactly: every object was followed.';
  return (
    `Sampled: ${formatCount(sampledKeys)} objects (${significant(rate * 100)} %) stand for all; mean absolute ` +
    `error of the miss curve ${formatShare(error.recency)} of the requests by recency, ` +
    `${formatShare(error.frequency)} by frequency, estimated from eight parts of the sample.`
  );
}

/** What the chosen point goes by, and what a nanosecond costs there. */
export function chosenLines({ chosen, nsPrice }: Advice, unit: string): string[] {
  const basis =
    chosen.basis === 'recency'
      ? `Placed by recency, because that serves the second half better than what the first half taught: each access ` +
        `to a slower tier brings its object up, which costs ${formatNs(chosen.moveNs)} an access and is charged.`
      : 'Placed by frequency: what the first half of the requests taught serves the second half better than recency.';
  return [
    basis,
    `A nanosecond off the average access costs ${formatBill(nsPrice, unit)} a month there.`,
  ];
}

/** What the figures rest on, a sentence each. */
export function assumptions(demand: Demand, advice: Advice, costs: CostModel): string[] {
  const figures = advice.tiers.map(
    ({ name, readLatencyNs, writeLatencyNs, readBytesPerSecond, costPerGiBMonth }) =>
      `${name} ${formatNs(readLatencyNs)}` +
      `${writeLatencyNs === readLatencyNs ? '' : ` (writes ${formatNs(writeLatencyNs)})`}, ` +
      `${significant(readBytesPerSecond / 1e9)} GB/s, ${significant(costPerGiBMonth)} a GiB-month`,
  );
  const scaled =
    Math.abs(advice.footprintBytes / demand.footprintBytes - 1) > 1e-9
      ? [
          `The workload stands for ${formatBytes(advice.footprintBytes)}: as many more objects, used alike.`,
        ]
      : [];
  return [
    `MODELLED, not measured, from each tier's figures: ${figures.join('; ')}.`,
    `An access waits for latency and bytes / bandwidth, of at most ${formatBytes(costs.accessBytes)}; moves are ` +
      'charged in full. Slow-down is of these accesses, not of the whole program.',
    'Times are of the second half of the requests; the placement knows only the first half.',
    'Sizes hold the data and the head-room that policies keep free, and are the whole of each tier.',
    ...scaled,
  ];
}
