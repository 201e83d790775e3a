/** Both charts of an advice as one SVG document: no outside resources, light and dark. */

import { assumptions, chosenLines, measureLine, workloadLine } from '../advise-notes.ts';
import { type AdviceFacts, targetLine } from '../advise-report.ts';
import { costChart } from './cost-chart.ts';
import { missChart } from './miss-chart.ts';
import { plotSize } from './plot.ts';
import { element, escapeXml, textElement, textWidth } from './svg.ts';

const light = {
  paper: '#ffffff',
  ink: '#1b1f24',
  muted: '#57606a',
  grid: '#e4e7eb',
  a: '#0b62c4',
  b: '#8a5a00',
  chosen: '#b3261e',
  target: '#1a7f37',
};
const dark: typeof light = {
  paper: '#14181d',
  ink: '#e8ebef',
  muted: '#a3adb8',
  grid: '#2b323a',
  a: '#6cb2ff',
  b: '#e0b252',
  chosen: '#ff8a80',
  target: '#5fd07c',
};

function colours(c: typeof light): string {
  return [
    `.paper{fill:${c.paper}}`,
    `text{fill:${c.ink}}`,
    `.muted,.single{fill:${c.muted}}`,
    `.grid{stroke:${c.grid}}`,
    `.axis,.leader{stroke:${c.muted}}`,
    `.line.series-a{stroke:${c.a}}.label.series-a{fill:${c.a}}`,
    `.line.series-b{stroke:${c.b}}.label.series-b{fill:${c.b}}`,
    `.line.chosen{stroke:${c.chosen}}.label.chosen,.dot.chosen{fill:${c.chosen}}`,
    `.line.target{stroke:${c.target}}.label.target{fill:${c.target}}`,
  ].join('');
}

/** Style of the charts. Plain rules without variables: viewers other than browsers do not know those. */
export const chartStyle: string =
  `text{font:12px system-ui,"Segoe UI","DejaVu Sans",sans-serif}` +
  `.heading{font-size:15px;font-weight:600}.title{font-size:19px;font-weight:600}` +
  `.label{font-weight:600}.line{fill:none;stroke-width:2}.line.thin{stroke-width:1.5;stroke-dasharray:5 4}` +
  `.grid,.axis{stroke-width:1}.leader{stroke-width:1}` +
  `${colours(light)}@media (prefers-color-scheme:dark){${colours(dark)}}`;

/** Colours of the page around charts, by scheme. */
export const pageColours: { readonly light: typeof light; readonly dark: typeof light } = {
  light,
  dark,
};

/** Lines of a text no wider than a chart. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && textWidth(`${line} ${word}`) <= width)
      lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** One chart as an SVG document of its own, to be put into a page; the page has the style. */
export function chartSvg(content: string, description: string): string {
  const { width, height } = plotSize;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': description,
    },
    element('rect', { class: 'paper', width, height }),
    content,
  );
}

/** The whole document. */
export function adviceSvg(facts: AdviceFacts): string {
  const { demand, advice, costs, unit } = facts;
  const { width, height } = plotSize;
  const margin = 24;
  const notes = [
    ...chosenLines(advice, unit),
    measureLine(demand),
    ...assumptions(demand, advice, costs),
  ].flatMap((text) => wrapText(text, width - 2 * margin));
  const head = [
    `${demand.workload}: ${workloadLine(demand)}`,
    `MODELLED: ${targetLine(facts)}`,
  ].flatMap((text) => wrapText(text, width - 2 * margin));
  const chartsTop = 52 + head.length * 17;
  const notesTop = chartsTop + 2 * height + 8;
  const total = notesTop + notes.length * 17 + margin;
  const lines = (texts: readonly string[], top: number, className: string): string[] =>
    texts.map((text, row) => textElement(text, { class: className, x: margin, y: top + row * 17 }));
  const content = [
    `<style>${escapeXml(chartStyle)}</style>`,
    element('rect', { class: 'paper', width, height: total }),
    textElement('Memory tiers: what to buy', { class: 'title', x: margin, y: 34 }),
    ...lines(head, 58, 'ink'),
    element('g', { transform: `translate(0 ${chartsTop})` }, costChart(advice, unit).content),
    element(
      'g',
      { transform: `translate(0 ${chartsTop + height})` },
      missChart(demand, advice).content,
    ),
    ...lines(notes, notesTop + 12, 'muted'),
  ].join('\n');
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${total}`, width, height: total }, content)}\n`;
}
