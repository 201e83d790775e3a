import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TierError } from '../../../lib/errors.ts';
import { locateJsonError } from '../../../lib/tiers/json-location.ts';
import { readPolicyFile } from '../../../lib/tiers/policy-file.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-tiers-policy-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(text: string): string {
  const path = join(directory, 'policy.json');
  writeFileSync(path, text);
  return path;
}

function failureOf(path: string): TierError {
  try {
    readPolicyFile(path);
  } catch (error) {
    expect(error).toBeInstanceOf(TierError);
    return error as TierError;
  }
  throw new Error('the file was accepted');
}

describe('a policy file', () => {
  test('gives policy, directory and tiers', () => {
    const text = JSON.stringify({
      policy: { name: 'balanced', margin: 0.5 },
      directory: '/mnt/nvme',
      tiers: [{ name: 'L1_DDR', capacityBytes: '64MiB' }],
    });
    expect(readPolicyFile(fileOf(text))).toMatchObject({
      policy: { name: 'balanced', parameters: { margin: 0.5 } },
      directory: '/mnt/nvme',
      tiers: [{ name: 'L1_DDR', kind: 'auto', capacityBytes: 64 * 2 ** 20 }],
    });
  });

  test('may say nothing', () => {
    const path = fileOf('{}');
    expect(readPolicyFile(path)).toEqual({ path });
  });

  test('may name the policy alone', () => {
    expect(readPolicyFile(fileOf('{"policy": "lru"}')).policy).toEqual({
      name: 'lru',
      parameters: {},
    });
  });

  test.each([
    ['{\n  "policy": "lru",\n  "tiers": [}\n', 'line 3, column 13'],
    ['', 'line 1, column 1'],
    ['{"tiers": [{"name": "L1_DDR", "capacityBytes": "4"}]}', '/tiers/0/capacityBytes'],
    ['{"tiers": [{"name": "L1_DDR"}, {"name": "L9"}]}', '/tiers/1/name'],
    ['{"policies": "lru"}', '/policies'],
    ['{"policy": 3}', '/policy'],
    ['{"policy": {"margin": 1}}', '/policy/name'],
    ['[]', 'its root'],
  ])('%j is malformed at %s', (text, where) => {
    const path = fileOf(text);
    const failure = failureOf(path);
    expect(failure.code).toBe('ERR_TIER_CONFIG');
    expect(failure.message).toContain(`"${path}" is malformed at ${where}:`);
    expect(failure.hint).not.toBe('');
  });

  test('that is not there keeps the errno', () => {
    expect(failureOf(join(directory, 'none.json'))).toMatchObject({
      code: 'ERR_TIER_CONFIG',
      errno: 2,
      syscall: 'open',
    });
  });
});

describe('the place where JSON ends', () => {
  test.each(['{}', ' [1, -2.5e3, "a\\u0041\\n", true, null, {"a": []}] \n', '"x"', '0'])(
    '%j is all JSON',
    (text) => {
      expect(() => JSON.parse(text)).not.toThrow();
      expect(locateJsonError(text)).toBeNull();
    },
  );

  test.each([
    ['{"a": 1,}', 1, 9],
    ['{"a"\n: tru}', 2, 3],
    ['[1 2]', 1, 4],
    ['{} x', 1, 4],
    ['"a\nb"', 1, 1],
    ['[01]', 1, 3],
    ["{'a': 1}", 1, 2],
  ])('%j ends at %d:%d', (text, line, column) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(locateJsonError(text)).toEqual({ line, column });
  });
});
