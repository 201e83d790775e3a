import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript
import { nativeFailures } from '../../../scripts/failures/native.js';
// @ts-expect-error plain JavaScript
import { report } from '../../../scripts/failures/report.js';
// @ts-expect-error plain JavaScript
import { tapFailures } from '../../../scripts/failures/tap.js';
// @ts-expect-error plain JavaScript
import { vitestFailures } from '../../../scripts/failures/vitest.js';

interface Failure {
  readonly title: string;
  readonly lines: readonly string[];
}

const rule = '='.repeat(79);

describe('failures of native tests', () => {
  it('are cases and subcases with the assertions that failed, without what others reported', () => {
    const log = [
      rule,
      '/r/test/native/a_test.cc:4:',
      'TEST SUITE: s',
      'TEST CASE:  counts',
      '  from zero',
      '',
      '/r/test/native/a_test.cc:7: MESSAGE: 12 reads',
      '',
      '/r/test/native/a_test.cc:9: ERROR: CHECK( n == 4 ) is NOT correct!',
      '  values: CHECK( 3 == 4 )',
      '',
      rule,
      '/r/test/native/a_test.cc:20:',
      'TEST CASE:  is fine',
      '',
      '/r/test/native/a_test.cc:21: MESSAGE: ERROR: is only a word here',
      '',
      rule,
      '[doctest] test cases: 2 | 1 passed | 1 failed | 0 skipped',
    ].join('\n');
    expect(nativeFailures(log)).toEqual([
      {
        title: 'TEST CASE: counts > from zero',
        lines: [
          '/r/test/native/a_test.cc:9: ERROR: CHECK( n == 4 ) is NOT correct!',
          '  values: CHECK( 3 == 4 )',
        ],
      },
    ]);
  });

  it('are reports of sanitizers with the frames in this repository', () => {
    const log = [
      '==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1',
      'READ of size 4 at 0x1 thread T0',
      '    #0 0x1 in std::vector<int>::at /usr/include/c++/12/bits/stl_vector.h:1',
      '    #1 0x2 in memtiers::Heap::Read /r/native/memory/heap.cc:12',
      '    #2 0x3 in main /usr/include/doctest/doctest.h:1',
      '/r/native/base/bytes.h:3:4: runtime error: shift exponent 64 is too large',
    ].join('\n');
    expect(nativeFailures(log)).toEqual([
      {
        title: '==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1',
        lines: ['#1 0x2 in memtiers::Heap::Read /r/native/memory/heap.cc:12'],
      },
      {
        title: '/r/native/base/bytes.h:3:4: runtime error: shift exponent 64 is too large',
        lines: [],
      },
    ]);
  });

  it('are errors of the compiler, and of the linker', () => {
    const log = [
      '/r/native/a.cc:3:5: error: no such thing',
      '    3 |   x;',
      '      |   ^',
      'a.cc:(.text+0x1): undefined reference to `f()`',
    ].join('\n');
    const titles = nativeFailures(log).map(({ title }: Failure) => title);
    expect(titles).toEqual(log.split('\n').filter((line) => /error:|undefined/.test(line)));
  });
});

describe('failures in vitest', () => {
  const run = (...testResults: readonly object[]): string => JSON.stringify({ testResults });

  it('are tests by file and full name, with the message and where it comes from', () => {
    const failureMessages = [
      'AssertionError: expected 1 to be 2\n    at /r/node_modules/x.js:1:1\n    at /r/test/a.test.ts:5:6',
    ];
    const test = { fullName: 'a thing works', status: 'failed', failureMessages };
    const other = { fullName: 'a thing is', status: 'passed', failureMessages: [] };
    const suite = { name: '/r/test/a.test.ts', status: 'failed', assertionResults: [test, other] };
    expect(vitestFailures(run(suite), '')).toEqual([
      {
        title: '/r/test/a.test.ts: a thing works',
        lines: ['AssertionError: expected 1 to be 2', 'at /r/test/a.test.ts:5:6'],
      },
    ]);
  });

  it('are tests whose process died, files that do not load, and errors outside every test', () => {
    const pending = { fullName: 'hangs', status: 'pending', failureMessages: [] };
    const log =
      '⎯⎯ Unhandled Errors ⎯⎯\n\nVitest caught 1\nThis might\n\u001b[31mError: late\u001b[39m\n';
    const found = vitestFailures(
      run(
        { name: 'a.test.ts', status: 'failed', assertionResults: [pending] },
        { name: 'b.test.ts', status: 'failed', assertionResults: [], message: 'Cannot find x' },
      ),
      log,
    );
    expect(found).toEqual([
      { title: 'a.test.ts: hangs', lines: ['did not end'] },
      { title: 'b.test.ts', lines: ['Cannot find x'] },
      { title: 'an error outside every test', lines: ['Error: late'] },
    ]);
  });
});

describe('failures in a report of node:test', () => {
  it('are tests with the names around them, and neither suites nor what is still to do', () => {
    const tap = `TAP version 13
# Subtest: outer
    # Subtest: compares
    not ok 1 - compares
      ---
      duration_ms: 1
      failureType: 'testCodeFailure'
      error: |-
        one is not two

        1 !== 2
      code: 'ERR_ASSERTION'
      stack: |-
        node:internal/x:1:1
        TestContext.<anonymous> (file:///r/a.test.js:4:61)
      ...
    # Subtest: passes
    ok 2 - passes
      ---
      duration_ms: 1
      ...
    1..2
not ok 1 - outer
  ---
  failureType: 'subtestsFailed'
  error: '1 subtest failed'
  ...
# Subtest: late
not ok 2 - late
  ---
  failureType: 'testTimeoutFailure'
  error: 'test timed out after 50ms'
  ...
# Subtest: some day
not ok 3 - some day # TODO
  ---
  failureType: 'testCodeFailure'
  error: 'no'
  ...
`;
    expect(tapFailures(tap)).toEqual([
      {
        title: 'outer > compares',
        lines: [
          'one is not two',
          '1 !== 2',
          'at TestContext.<anonymous> (file:///r/a.test.js:4:61)',
        ],
      },
      { title: 'late', lines: ['test timed out after 50ms'] },
    ]);
  });
});

describe('the report of all failures', () => {
  const failures = (count: number): Failure[] =>
    Array.from({ length: count }, (_, i) => ({ title: `test ${i}`, lines: Array(20).fill('why') }));
  const shown = (...parts: readonly object[]): string[] => report(parts, '/r');

  it('keeps to 60 lines however many there are, and counts those that have none', () => {
    const lines = shown(
      { part: 'a', failures: failures(300), log: '' },
      { part: 'b', failures: failures(300), log: '' },
    );
    expect(lines.length).toBeLessThanOrEqual(60);
    const named = lines.slice(0, lines.indexOf('b:')).filter((line) => /^ {2}test/.test(line));
    expect(lines).toContain(`  and ${300 - named.length} more`);
  });

  it('names every failure of a part whose names fit', () => {
    const lines = shown({ part: 'a', failures: failures(40), log: '' });
    for (const { title } of failures(40)) expect(lines).toContain(`  ${title}`);
  });

  it('gives one part the lines that another does not need', () => {
    const log = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n');
    const lines = shown(
      { part: 'checks', failures: [], log },
      { part: 'tests', failures: failures(1), log: '' },
    );
    expect(lines.filter((line) => line.startsWith('  line'))).toHaveLength(40);
    expect(lines).toContain('  line 99');
  });

  it('leaves out the folder of the repository', () => {
    const [, , title] = shown({
      part: 'a',
      failures: [{ title: '/r/x.cc:1', lines: [] }],
      log: '',
    });
    expect(title).toBe('  x.cc:1');
  });
});
