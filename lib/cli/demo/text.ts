/** The demo's findings as text. */

import { formatBytes } from '../../tiers/byte-size.ts';
import type { Paint } from '../command-io.ts';
import { formatCount, formatNs, formatShare, significant } from '../format.ts';
import { bar, table } from '../table.ts';
import { type MoveGroup, reasonTexts } from './moves.ts';
import type { Alternative, ChapterReport, DemoTier, Holding } from './report.ts';

const barWidth = 20;
const groupsShown = 8;

/** The tiers, what each is made of, and its figures. */
export function tierLines(tiers: readonly DemoTier[], paint: Paint): string[] {
  const rows = tiers.map((tier, index) => [
    paint.hue(index, tier.name),
    tier.kind === 'simulated' ? paint.bold('SIMULATED') : 'real',
    formatBytes(tier.capacityBytes),
    formatNs(tier.readLatencyNs),
    `${significant(tier.readBytesPerSecond / 1e9)} GB/s`,
    `${tier.costPerGiBMonth}×`,
  ]);
  return table(['tier', 'kind', 'budget', 'latency', 'bandwidth', 'cost'], rows, [
    'left',
    'left',
    'right',
    'right',
    'right',
    'right',
  ]);
}

/** What each tier holds, and what it served in a chapter. */
export function chapterLines(
  tiers: readonly DemoTier[],
  held: readonly Holding[],
  chapter: ChapterReport,
  paint: Paint,
): string[] {
  const rows = tiers.map((tier, index) => {
    const served = chapter.tiers[index];
    return [
      paint.hue(index, tier.name),
      tier.kind === 'simulated' ? 'sim.' : 'real',
      formatBytes(held[index].bytes),
      formatCount(held[index].objects),
      formatCount(served.hits),
      formatShare(served.hitShare),
      served.hits === 0 ? '-' : formatNs(served.modelledAccessNs),
      significant((held[index].bytes / 2 ** 30) * tier.costPerGiBMonth),
      paint.hue(index, bar(served.hitShare, barWidth)),
    ];
  });
  const total = [
    'all',
    '',
    formatBytes(held.reduce((sum, { bytes }) => sum + bytes, 0)),
    formatCount(held.reduce((sum, { objects }) => sum + objects, 0)),
    formatCount(chapter.accesses),
    '',
    paint.bold(formatNs(chapter.modelledAccessNs)),
    paint.bold(
      significant(
        tiers.reduce(
          (sum, tier, index) => sum + (held[index].bytes / 2 ** 30) * tier.costPerGiBMonth,
          0,
        ),
      ),
    ),
    '',
  ];
  return table(
    ['tier', 'kind', 'holds', 'objects', 'hits', 'share', 'access (modelled)', 'cost', ''],
    [...rows, total],
    ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
  );
}

/** What moved and why, the largest groups first. */
export function moveLines(groups: readonly MoveGroup[], paint: Paint): string[] {
  const shown = groups.slice(0, groupsShown);
  const rows = shown.map(({ from, to, reason, moves, bytes, examples }) => [
    formatCount(moves),
    formatBytes(bytes),
    `${from} → ${to}`,
    reasonTexts[reason],
    paint.dim(examples.map(({ key, reads }) => `${key} (${formatCount(reads)}×)`).join(', ')),
  ]);
  const lines = table(['moves', 'bytes', 'from → to', 'why', 'such as (times read)'], rows, [
    'right',
    'right',
    'left',
    'left',
    'left',
  ]);
  const hidden = groups.slice(groupsShown).reduce((sum, { moves }) => sum + moves, 0);
  return hidden === 0 ? lines : [...lines, `and ${formatCount(hidden)} more in smaller groups`];
}

/** The ways to keep the data, side by side. */
export function alternativeLines(alternatives: readonly Alternative[]): string[] {
  return table(
    ['the same accesses, with the data', 'access (modelled)', 'in all', 'cost a month'],
    alternatives.map(({ name, modelledAccessNs, modelledSeconds, costPerMonth }) => [
      name,
      formatNs(modelledAccessNs),
      formatNs(modelledSeconds * 1e9),
      significant(costPerMonth),
    ]),
    ['left', 'right', 'right', 'right'],
  );
}
