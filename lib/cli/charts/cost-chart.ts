/** What speed costs: the Pareto front of monthly bill and slow-down, with the chosen point. */

import type { Advice } from '../../advise/advise.ts';
import type { Candidate } from '../../advise/candidates.ts';
import { formatBill } from '../bill.ts';
import type { Label } from './label-placer.ts';
import { type DrawnPlot, drawPlot, type PlotLine, plotArea } from './plot.ts';
import { linearScale, logScale } from './scale.ts';

/** Nearer to the fastest than this is drawn as the fastest. */
const leastExcess = 1e-3;

function percent(excess: number): string {
  return `+${(excess * 100).toLocaleString('en-US', { maximumFractionDigits: 1 })} %`;
}

/** The chart. `unit` is what prices are in. */
export function costChart(advice: Advice, unit: string): DrawnPlot {
  const { front, chosen, allIn, tiers, target, fastestTier } = advice;
  const { left, top, right, bottom } = plotArea;
  const shown = [...front, ...allIn, chosen];
  const mostExcess = Math.max(2 * leastExcess, ...shown.map(({ slowdown }) => slowdown - 1));
  const x = logScale(leastExcess, mostExcess * 1.5, 10, left, right);
  // A tier that costs a multiple of everything worth buying would press the rest flat.
  const worthwhile = 2 * Math.max(...front.map(({ bill }) => bill));
  const bills = shown.map(({ bill }) => bill).filter((bill) => bill <= worthwhile);
  const y = linearScale(Math.max(...bills), bottom, top);
  const place = ({ slowdown, bill }: Candidate): readonly [number, number] => [
    x.at(Math.max(leastExcess, slowdown - 1)),
    y.at(bill),
  ];
  const [chosenX, chosenY] = place(chosen);
  const goal =
    'slowdown' in target
      ? { at: x.at(Math.max(leastExcess, target.slowdown - 1)), text: `target ${target.slowdown}×` }
      : { at: y.at(target.budget), text: `budget ${formatBill(target.budget, unit)}` };
  const upright = 'slowdown' in target;
  const goalLine: PlotLine = {
    className: 'target thin',
    points: upright
      ? [
          [goal.at, top],
          [goal.at, bottom],
        ]
      : [
          [left, goal.at],
          [right, goal.at],
        ],
  };
  const singles = allIn.map((candidate, tier) => {
    const [atX, atY] = place(candidate);
    return {
      x: atX,
      y: atY,
      points: [[atX, atY]] as const,
      text:
        candidate.bill > worthwhile
          ? `all in ${tiers[tier].name}: ${formatBill(candidate.bill, '')}, off the chart`
          : `all in ${tiers[tier].name}`,
      className: 'single',
    };
  });
  const labels: Label[] = [
    {
      text: `chosen: ${chosen.slowdown.toFixed(3)}×, ${formatBill(chosen.bill, unit)}`,
      points: [[chosenX, chosenY]],
      className: 'chosen',
    },
    ...singles,
    upright
      ? { text: goal.text, points: [[goal.at, bottom - 14]], className: 'target' }
      : { text: goal.text, points: [[right - 10, goal.at]], className: 'target' },
  ];
  return drawPlot({
    title: 'What speed costs (MODELLED)',
    x: {
      scale: x,
      title: `slower than everything in ${tiers[fastestTier].name} (log scale)`,
      format: percent,
    },
    y: { scale: y, title: `bill a month, ${unit}`, format: (bill) => formatBill(bill, '') },
    lines: [{ points: front.map(place), className: 'series-a', steps: true }, goalLine],
    dots: [...singles, { x: chosenX, y: chosenY, className: 'chosen' }],
    labels,
  });
}
