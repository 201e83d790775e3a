import { describe, expect, test } from 'vitest';
import { paintFor } from '../../../lib/cli/command-io.ts';
import { formatCount, formatNs, formatShare, significant } from '../../../lib/cli/format.ts';
import { Progress } from '../../../lib/cli/progress.ts';
import { bar, displayWidth, table } from '../../../lib/cli/table.ts';

describe('numbers', () => {
  test.each([
    [0, '0 ns'],
    [0.4, '0.40 ns'],
    [99.94, '99.9 ns'],
    [120, '120 ns'],
    [1500, '1.50 µs'],
    [80_000, '80.0 µs'],
    [2.5e6, '2.50 ms'],
    [3e9, '3.00 s'],
    [4.2e12, '4200 s'],
  ])('%d ns is %s', (ns, text) => expect(formatNs(ns)).toBe(text));

  test('are short', () => {
    expect([0, 0.012345, 0.5, 12.345, 1234.5].map(significant)).toEqual([
      '0',
      '0.012',
      '0.50',
      '12.3',
      '1235',
    ]);
    expect(formatCount(1234567)).toBe('1,234,567');
    expect(formatShare(0.341)).toBe('34.1 %');
  });
});

describe('a table', () => {
  test('aligns its columns, coloured cells too', () => {
    const paint = paintFor({ write: () => {}, isTTY: true }, {});
    const lines = table(
      ['tier', 'n'],
      [
        ['DDR', paint.bold('7')],
        ['NVME', '1234'],
      ],
      ['left', 'right'],
    );
    expect(lines.map((line) => displayWidth(line))).toEqual([10, 10, 10, 10]);
    expect(lines[0]).toBe('tier     n');
    expect(lines[1]).toBe('────  ────');
    expect(lines[3]).toBe('NVME  1234');
  });
});

describe('a bar', () => {
  test.each([
    [0, 4, ''],
    [1e-9, 4, '▏'],
    [0.5, 4, '██'],
    [0.53125, 4, '██▏'],
    [1, 4, '████'],
    [7, 4, '████'],
  ])('of share %d in %d columns is "%s"', (share, width, text) =>
    expect(bar(share, width)).toBe(text),
  );
});

describe('colour', () => {
  const coloured = (isTTY: boolean, env: Record<string, string>): boolean =>
    paintFor({ write: () => {}, isTTY }, env).bold('x') !== 'x';

  test('is for terminals, unless NO_COLOR says no or FORCE_COLOR yes', () => {
    expect(coloured(true, {})).toBe(true);
    expect(coloured(false, {})).toBe(false);
    expect(coloured(true, { TERM: 'dumb' })).toBe(false);
    expect(coloured(true, { NO_COLOR: '1' })).toBe(false);
    expect(coloured(true, { NO_COLOR: '' })).toBe(true);
    expect(coloured(false, { FORCE_COLOR: '1' })).toBe(true);
    expect(coloured(false, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
  });
});

describe('the progress line', () => {
  function recorder(isTTY: boolean) {
    const written: string[] = [];
    let now = 0;
    const sink = { write: (text: string) => written.push(text), isTTY, columns: 30 };
    const progress = new Progress(sink, () => now);
    return {
      progress,
      written,
      at: (ms: number, text: string) => {
        now = ms;
        progress.update(() => text);
      },
    };
  }

  test('comes after a second, at most ten times a second, and is removed', () => {
    const { progress, written, at } = recorder(true);
    at(500, 'early');
    at(1000, 'a');
    at(1050, 'b');
    at(1100, 'c');
    progress.clear();
    progress.clear();
    expect(written).toEqual(['\ra\x1b[K', '\rc\x1b[K', '\r\x1b[K']);
  });

  test('is cut to the width of the terminal', () => {
    const { written, at } = recorder(true);
    at(2000, 'x'.repeat(100));
    expect(written[0]).toBe(`\r${'x'.repeat(29)}\x1b[K`);
  });

  test('is not written to files and pipes', () => {
    const { progress, written, at } = recorder(false);
    at(5000, 'a');
    progress.clear();
    expect(written).toEqual([]);
  });
});
