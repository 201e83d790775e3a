/**
 * A picture of where data lies: a row a tier, a column a group of objects, darker where more of the group's
 * bytes are. Each column's shades add up to all of it.
 */

import type { Paint } from '../command-io.ts';
import type { Corpus } from './corpus.ts';

/** Objects drawn as one column. */
export interface Column {
  readonly label: string;
  readonly objects: readonly number[];
}

/** Columns under one title. */
export interface Panel {
  readonly title: string;
  readonly columns: readonly Column[];
}

const shades = [' ', '·', '░', '▒', '▓', '█'];
const rankEdges = [30, 100, 300, 1000, 3000, 10_000, Number.POSITIVE_INFINITY];

function shade(share: number): string {
  if (share <= 0) return shades[0];
  return shades[Math.min(shades.length - 1, 1 + Math.floor(share * (shades.length - 1)))];
}

function rankLabel(edge: number): string {
  if (edge === Number.POSITIVE_INFINITY) return 'rest';
  return edge < 1000 ? String(edge) : `${edge / 1000}k`;
}

/** The words by how often they were read, and the passages (vector and text) by decade. */
export function libraryPanels(corpus: Corpus, reads: Uint32Array): Panel[] {
  const { vocabulary, passages } = corpus;
  const ranked = Array.from(vocabulary, (_, word) => word).sort(
    (a, b) => reads[b] - reads[a] || a - b,
  );
  const words = rankEdges
    .map((edge, index) => ({
      label: rankLabel(edge),
      objects: ranked.slice(index === 0 ? 0 : rankEdges[index - 1], edge),
    }))
    .filter(({ objects }) => objects.length > 0);
  const decades = new Map<number, number[]>();
  for (const [index, { year }] of passages.entries()) {
    const decade = Math.floor(year / 10) * 10;
    const objects = decades.get(decade) ?? [];
    objects.push(vocabulary.length + index, vocabulary.length + passages.length + index);
    decades.set(decade, objects);
  }
  return [
    { title: 'words, most read first', columns: words },
    {
      title: 'passages by decade',
      columns: [...decades].map(([decade, objects]) => ({ label: String(decade), objects })),
    },
  ];
}

/** Lines of the picture. `bytes` and `placement` (tier numbers) are by object. */
export function drawPlacement(
  panels: readonly Panel[],
  tierNames: readonly string[],
  placement: Uint8Array,
  bytes: (object: number) => number,
  paint: Paint,
): string[] {
  const nameWidth = Math.max(...tierNames.map((name) => name.length));
  const cell = 4;
  const shares = panels.map(({ columns }) =>
    columns.map(({ objects }) => {
      const sums = tierNames.map(() => 0);
      let total = 0;
      for (const object of objects) {
        sums[placement[object]] += bytes(object);
        total += bytes(object);
      }
      return sums.map((sum) => sum / total);
    }),
  );
  // Labels of four columns' width; every second one where they would touch.
  const labels = panels.map(({ columns }) =>
    columns
      .map(({ label }, index) =>
        (columns.length > 12 && index % 2 === 1 ? '' : label).slice(0, cell + 3).padEnd(cell),
      )
      .join(''),
  );
  const widths = panels.map(({ columns, title }) => Math.max(columns.length * cell, title.length));
  const join = (cells: readonly string[]): string =>
    cells
      .map((text, index) => text.padEnd(widths[index]))
      .join('  ')
      .trimEnd();
  const rows = tierNames.map((name, tier) => {
    const blocks = shares.map((panel, index) => {
      const text = panel.map((column) => shade(column[tier]).repeat(cell - 1)).join(' ');
      return text.padEnd(widths[index]);
    });
    return `${paint.hue(tier, name.padEnd(nameWidth))}  ${paint.hue(tier, blocks.join('  ').trimEnd())}`;
  });
  const indent = ' '.repeat(nameWidth + 2);
  return [
    indent + paint.dim(join(panels.map(({ title }) => title))),
    ...rows,
    indent + paint.dim(join(labels)),
  ];
}
