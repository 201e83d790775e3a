import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript
import * as tidyGroups from '../../../scripts/tidy-groups.js';

interface Source {
  readonly file: string;
  readonly command: string;
  readonly text: string;
}

const groupsOf: (sources: readonly Source[], limit: number) => Source[][] = tidyGroups.groupsOf;
const { joined, namedIn } = tidyGroups;

const source = (name: string, text: string, options = '-O3'): Source => ({
  file: `/r/${name}.cc`,
  command: `c++ ${options} -o ${name}.cc.o -c /r/${name}.cc`,
  text,
});
const unnamed = (...lines: readonly string[]): string =>
  [
    'namespace memtiers {',
    'namespace {',
    ...lines,
    '}  // namespace',
    '}  // namespace memtiers',
    '',
  ].join('\n');
const files = (groups: readonly Source[][]): string[][] =>
  groups.map((group) => group.map(({ file }) => file.slice(3, -3)));

describe('sources that clang-tidy looks at as one', () => {
  it('do not both name something of their own alike', () => {
    const groups = groupsOf(
      [
        source('a', unnamed('constexpr int kPages = 4;')),
        source('b', unnamed('std::optional<int> Find(int kPages) {', '  return 1;', '}')),
        source('c', unnamed('constexpr std::size_t kPages = 8;')),
        source('d', unnamed('bool Find(std::string_view text) {', '  return true;', '}')),
        source('e', unnamed('struct Run final : Base {', '  int kPages;', '};')),
        source('f', '#define Run 1\n'),
      ],
      10,
    );
    expect(files(groups)).toEqual([
      ['a', 'b', 'e'],
      ['c', 'd', 'f'],
    ]);
  });

  it('are compiled with the same options, and are no more than asked for', () => {
    const sources = [source('a', ''), source('b', '', '-O0'), source('c', ''), source('d', '')];
    expect(files(groupsOf(sources, 2))).toEqual([['a', 'c'], ['b'], ['d']]);
  });

  it('are told apart by line in what is said of them together', () => {
    const sources = [source('a', '1\n2\n3\n'), source('b', '4\n5'), source('c', '6\n')];
    const { text, lines } = joined(sources);
    expect(text).toBe('1\n2\n3\n4\n5\n6\n');
    const said = (line: number): string => `/r/all.cc:${line}:1: error: bad [x]\n  | code\n`;
    const named = (complaint: string): Source[] => namedIn(complaint, '/r/all.cc', sources, lines);
    expect(named(said(3) + said(6))).toEqual([sources[0], sources[2]]);
    expect(named(said(4) + said(5))).toEqual([sources[1]]);
  });

  it('are all suspected when something else is said', () => {
    const sources = [source('a', '1\n'), source('b', '2\n')];
    const { lines } = joined(sources);
    for (const complaint of ['/r/native/x.h:1:1: error: bad [x]\n', 'clang-tidy crashed']) {
      expect(namedIn(complaint, '/r/all.cc', sources, lines)).toEqual(sources);
    }
  });
});
