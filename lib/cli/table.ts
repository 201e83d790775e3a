/** Tables and bars in plain text. */

/** How a column of a {@link table} is set. Numbers belong to the right. */
export type Alignment = 'left' | 'right';

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences begin with ESC
const colourSequence = /\x1b\[\d+m/g;

/** Columns a text takes on a terminal: colours take none. */
export function displayWidth(text: string): number {
  return [...text.replace(colourSequence, '')].length;
}

function pad(text: string, width: number, alignment: Alignment): string {
  const blank = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return alignment === 'left' ? text + blank : blank + text;
}

/**
 * Lines of a table: a heading, a rule, the rows. Cells may be coloured.
 *
 * @param alignments - one a column
 */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string[] {
  const widths = heading.map((title, column) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => pad(cells[column] ?? '', width, alignments[column] ?? 'left'))
      .join('  ')
      .trimEnd();
  return [line(heading), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)];
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` (0..1) of `width` columns, to an eighth of a column. Never empty for a share above 0. */
export function bar(share: number, width: number): string {
  const steps = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  if (steps === 0) return share > 0 ? eighths[1] : '';
  return '█'.repeat(steps >> 3) + eighths[steps & 7];
}
