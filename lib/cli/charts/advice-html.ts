/** An advice as a page: the table, both charts, what it rests on. One file, no script, no outside resources. */

import { assumptions, chosenLines, measureLine, workloadLine } from '../advise-notes.ts';
import { type AdviceFacts, adviceTable, targetLine, verificationLines } from '../advise-report.ts';
import { chartStyle, chartSvg, pageColours } from './advice-svg.ts';
import { costChart } from './cost-chart.ts';
import { missChart } from './miss-chart.ts';
import { escapeXml } from './svg.ts';

function pageStyle({ paper, ink, muted, grid }: (typeof pageColours)['light']): string {
  return (
    `body{background:${paper};color:${ink}}th,td{border-bottom:1px solid ${grid}}` +
    `th,.notes{color:${muted}}`
  );
}

const style =
  'body{font:15px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif;max-width:900px;margin:2rem auto;padding:0 1rem}' +
  'h1{font-size:1.5rem;margin-bottom:0}.table{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}' +
  'th,td{padding:.3rem .6rem;text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}' +
  'tbody tr:first-child{font-weight:600}svg{width:100%;height:auto;margin-top:1rem}.notes{font-size:.85rem}' +
  pageStyle(pageColours.light) +
  `@media (prefers-color-scheme:dark){${pageStyle(pageColours.dark)}}`;

/** The whole page; well-formed as XML too. */
export function adviceHtml(facts: AdviceFacts): string {
  const { demand, advice, costs, unit } = facts;
  const { heading, rows } = adviceTable(facts);
  const cells = (tag: string, texts: readonly string[]): string =>
    `<tr>${texts.map((text) => `<${tag}>${escapeXml(text)}</${tag}>`).join('')}</tr>`;
  const paragraphs = (lines: readonly string[]): string[] =>
    lines.map((line) => `<p>${escapeXml(line)}</p>`);
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><head><meta charset="utf-8"/>',
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    '<meta name="color-scheme" content="light dark"/>',
    `<title>${escapeXml(`Memory tiers for ${demand.workload}`)}</title>`,
    `<style>${escapeXml(style + chartStyle).replaceAll('&quot;', '"')}</style></head><body>`,
    '<h1>Memory tiers: what to buy</h1>',
    ...paragraphs([`${demand.workload}: ${workloadLine(demand)}. MODELLED: ${targetLine(facts)}.`]),
    `<div class="table"><table><thead>${cells('th', heading)}</thead>`,
    `<tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`,
    ...paragraphs([...chosenLines(advice, unit), ...verificationLines(facts)]),
    chartSvg(costChart(advice, unit).content, 'Monthly bill against slow-down'),
    chartSvg(missChart(demand, advice).content, 'Requests not served against fast memory'),
    '<div class="notes">',
    ...paragraphs([measureLine(demand), ...assumptions(demand, advice, costs)]),
    '</div></body></html>',
    '',
  ].join('\n');
}
