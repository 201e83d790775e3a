import { describe, expect, it } from 'vitest';
import { checkTree } from './fixture-tree.ts';

const sources = (lists: Readonly<Record<string, readonly string[]>>): string =>
  JSON.stringify({ variables: lists });

describe('check-sources', () => {
  it('accepts a list that names every source once', () => {
    const result = checkTree('check-sources.js', {
      'native/sources.gypi': sources({
        core_sources: ['native/base/status.cc'],
        native_test_sources: ['test/native/main.cc'],
      }),
      'native/base/status.cc': '',
      'native/base/status.h': '',
      'test/native/main.cc': '',
    });
    expect(result).toEqual({ status: 0, lines: [], stderr: '' });
  });

  it('finds sources that no list names, in native/ and in test/native/', () => {
    const result = checkTree('check-sources.js', {
      'native/sources.gypi': sources({ core_sources: [] }),
      'native/base/status.cc': '',
      'test/native/base/status-test.cc': '',
    });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'native/base/status.cc: in no list of native/sources.gypi, so it is never compiled',
      'test/native/base/status-test.cc: in no list of native/sources.gypi, so it is never compiled',
    ]);
  });

  it('finds names of files that do not exist', () => {
    const result = checkTree('check-sources.js', {
      'native/sources.gypi': sources({ core_sources: ['native/base/gone.cc'] }),
    });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'native/sources.gypi: native/base/gone.cc is in core_sources and does not exist',
    ]);
  });

  it('finds a source named twice, in one list or in two', () => {
    const result = checkTree('check-sources.js', {
      'native/sources.gypi': sources({
        core_sources: ['native/base/status.cc', 'native/base/status.cc', 'native/bind/addon.cc'],
        bind_sources: ['native/bind/addon.cc'],
      }),
      'native/base/status.cc': '',
      'native/bind/addon.cc': '',
    });
    expect(result.status).toBe(1);
    expect(result.lines).toEqual([
      'native/sources.gypi: native/base/status.cc is twice in core_sources',
      'native/sources.gypi: native/bind/addon.cc is in core_sources and in bind_sources',
    ]);
  });

  it('says so when the list is not strict JSON, which CMake needs', () => {
    const result = checkTree('check-sources.js', {
      'native/sources.gypi': "{ 'variables': {} } # a comment",
    });
    expect(result.status).toBe(1);
    expect(result.lines).toHaveLength(1);
    expect(result.lines[0]).toMatch(/^native\/sources\.gypi: not readable as strict JSON/);
  });

  it('warns above 400 lines and fails above 600', () => {
    const tree = (lineCount: number): Readonly<Record<string, string>> => ({
      'native/sources.gypi': sources({}),
      'lib/long.ts': '\n'.repeat(lineCount),
    });
    expect(checkTree('check-sources.js', tree(400))).toMatchObject({ status: 0, lines: [] });
    expect(checkTree('check-sources.js', tree(401))).toMatchObject({
      status: 0,
      lines: ['warning: lib/long.ts: 401 lines, more than 400'],
    });
    expect(checkTree('check-sources.js', tree(600)).status).toBe(0);
    expect(checkTree('check-sources.js', tree(601))).toMatchObject({
      status: 1,
      lines: ['lib/long.ts: 601 lines, more than 600; split it by concept'],
    });
  });
});
