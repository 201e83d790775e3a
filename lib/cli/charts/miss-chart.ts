/** How many requests are not served by the fastest memory, by how much of it there is. */

import { requestsOf } from '../../advise/access-mass.ts';
import type { Advice } from '../../advise/advise.ts';
import { curveSize, type DemandCurve } from '../../advise/demand-curve.ts';
import type { Demand } from '../../advise/measure-demand.ts';
import { formatBytes } from '../../tiers/byte-size.ts';
import type { Label } from './label-placer.ts';
import { type DrawnPlot, drawPlot, type PlotLine, plotArea } from './plot.ts';
import { linearScale, logScale } from './scale.ts';

/** Share of all requests that `room` bytes, of the workload as measured, are not enough for. */
export function missRatio(demand: Demand, curve: DemandCurve, room: number): number {
  return 1 - requestsOf(curve.within(room)) / demand.requests;
}

/** Sizes in equal ratios from a 16,384th of the footprint to all of it; curves are exact at each. */
export function curveSizes(demand: Demand, count: number): number[] {
  const smallest = Math.max(1, demand.footprintBytes / 2 ** 14);
  return Array.from({ length: count }, (_, i) =>
    i === count - 1
      ? demand.footprintBytes
      : curveSize(smallest * (demand.footprintBytes / smallest) ** (i / (count - 1))),
  );
}

/** The chart. */
export function missChart(demand: Demand, advice: Advice): DrawnPlot {
  const { left, top, right, bottom } = plotArea;
  const scale = advice.footprintBytes / demand.footprintBytes;
  const sizes = curveSizes(demand, 160);
  // Tiny workloads have a range of sizes too.
  const least = Math.min(sizes[0], demand.footprintBytes / 2);
  const x = logScale(least * scale, advice.footprintBytes, 2, left, right, 8);
  const y = linearScale(1, bottom, top);
  const line = (curve: DemandCurve, className: string): PlotLine => ({
    className,
    points: sizes.map(
      (room) => [x.at(room * scale), y.at(missRatio(demand, curve, room))] as const,
    ),
  });
  const recency = line(demand.recency, 'series-a');
  const frequency = line(demand.frequency, 'series-b');
  const { bounds } = advice.chosen;
  const inner = bounds
    .map((bound, tier) => ({ bound, tier }))
    .filter(
      ({ bound, tier }) => bound < Number.POSITIVE_INFINITY && bound > (bounds[tier - 1] ?? 0),
    );
  const bars = inner.map(({ bound, tier }, order) => ({
    at: x.at(bound * scale),
    label: {
      text: `chosen: ${formatBytes(bound * scale)} ${tierSpan(advice, tier)}`,
      points: [0, 60, 120, 180].map((down) => [x.at(bound * scale), top + 16 + order * 20 + down]),
      className: 'chosen',
    } satisfies Label,
  }));
  return drawPlot({
    title: 'What more fast memory brings',
    x: { scale: x, title: 'fast memory (log scale)', format: formatBytes },
    y: {
      scale: y,
      title: 'requests not served, first uses too',
      format: (share) => `${Math.round(share * 100)} %`,
    },
    lines: [
      recency,
      frequency,
      ...bars.map(({ at }) => ({
        className: 'chosen thin',
        points: [
          [at, top],
          [at, bottom],
        ] as const,
      })),
    ],
    dots: [],
    labels: [
      ...bars.map(({ label }) => label),
      named('by recency (LRU)', recency, 'series-a'),
      named('by frequency, known beforehand', frequency, 'series-b'),
    ],
  });
}

/** A label somewhere on a line. */
function named(text: string, { points }: PlotLine, className: string): Label {
  const inner = points.filter((_, i) => i > points.length * 0.15 && i % 10 === 0);
  return { text, points: inner, className };
}

/** The tiers that a bound is the end of. */
function tierSpan({ tiers, chosen }: Advice, last: number): string {
  const first = chosen.capacityBytes.findIndex((bytes) => bytes > 0);
  return first === last
    ? `in ${tiers[last].name}`
    : `in ${tiers[first].name} to ${tiers[last].name}`;
}
