import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readTrace } from '../../../lib/simulation/trace-reader.ts';
import { openTrace } from '../../../lib/simulation/trace-source.ts';
import { surveyTrace } from '../../../lib/simulation/trace-survey.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trace-reader-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Large enough for several pieces of input and of inflated output. */
function longTrace(requests: number): string {
  const lines = ['key_id,size_bytes,op'];
  for (let i = 0; i < requests; i++)
    lines.push(`${(i * 7919) % 10007},512,${i % 4 === 0 ? 'w' : 'r'}`);
  return `${lines.join('\n')}\n`;
}

async function keysOf(path: string, limit?: number): Promise<number[]> {
  const source = await openTrace(path);
  const keys: number[] = [];
  try {
    for await (const batch of readTrace(source, { limit })) {
      keys.push(...batch.key.subarray(0, batch.length));
    }
  } finally {
    await source.close();
  }
  return keys;
}

test('gzip and plain files read the same, whatever their names', async () => {
  const text = longTrace(100_000);
  const expected = Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 10007);
  expect(await keysOf(file('plain.csv.gz', text))).toEqual(expected);
  expect(await keysOf(file('packed.csv', gzipSync(text)))).toEqual(expected);
});

test('a gzip file of several members is read to its end', async () => {
  const [header, ...lines] = longTrace(10).trimEnd().split('\n');
  const members = [`${header}\n`, ...lines.map((line) => `${line}\n`)].map((part) =>
    gzipSync(part),
  );
  expect(await keysOf(file('members.gz', Buffer.concat(members)))).toHaveLength(10);
});

test('a limit stops in the middle', async () => {
  const path = file('long.csv.gz', gzipSync(longTrace(50_000)));
  expect(await keysOf(path, 12_345)).toHaveLength(12_345);
});

test('a source can be read twice', async () => {
  const source = await openTrace(file('twice.csv.gz', gzipSync(longTrace(3000))));
  const first = await surveyTrace(source);
  const second = await surveyTrace(source);
  await source.close();
  expect(second.requests).toBe(first.requests);
  expect(first).toMatchObject({ requests: 3000, writes: 750, footprintBytes: 3000 * 512 });
});

test('standard input is spooled, can be read twice and leaves no file behind', async () => {
  vi.stubEnv('TMPDIR', directory);
  const source = await openTrace('-', Readable.from([gzipSync(longTrace(3000))]));
  vi.unstubAllEnvs();
  expect(readdirSync(directory)).toEqual([]);
  for (let pass = 0; pass < 2; pass++) expect((await surveyTrace(source)).requests).toBe(3000);
  await source.close();
});

test('a temporary directory that cannot be written to is an error with a code', async () => {
  vi.stubEnv('TMPDIR', join(directory, 'absent'));
  const opened = openTrace('-', Readable.from(['x']));
  vi.unstubAllEnvs();
  await expect(opened).rejects.toMatchObject({ code: 'ERR_TIER_IO' });
});

test('standard input that fails is an error, not a hang', async () => {
  const broken = new Readable({
    read() {
      this.destroy(new Error('cable cut'));
    },
  });
  await expect(openTrace('-', broken)).rejects.toMatchObject({ code: 'ERR_TIER_IO' });
});

test('a truncated gzip file is told as such', async () => {
  const packed = gzipSync(longTrace(50_000));
  const path = file('cut.csv.gz', packed.subarray(0, packed.length - 1000));
  await expect(keysOf(path)).rejects.toMatchObject({
    code: 'ERR_TIER_TRACE',
    message: expect.stringContaining('is truncated: its gzip stream ends early'),
  });
});

test('a damaged gzip file is told as such', async () => {
  const packed = gzipSync(longTrace(50_000));
  packed[packed.length - 6] ^= 0xff; // the checksum of the content
  const path = file('bad.csv.gz', packed);
  await expect(keysOf(path)).rejects.toMatchObject({
    code: 'ERR_TIER_TRACE',
    message: expect.stringContaining('is not intact'),
  });
});

test.each([
  ['an empty file', ''],
  ['an empty gzip stream', gzipSync('')],
  ['a header alone', 'key_id,size_bytes,op\n'],
])('%s is refused', async (_, content) => {
  await expect(keysOf(file('t.csv', content))).rejects.toMatchObject({ code: 'ERR_TIER_TRACE' });
});

test('a missing file and a directory are refused', async () => {
  await expect(openTrace(join(directory, 'absent.csv'))).rejects.toMatchObject({
    code: 'ERR_TIER_TRACE',
    errno: 2,
    syscall: 'open',
  });
  await expect(openTrace(directory)).rejects.toThrow(/is a directory/);
});

test('a key that changes its size is refused with its line', async () => {
  const source = await openTrace(
    file('grow.csv', 'key_id,size_bytes,op\n7,10,r\n8,10,r\n7,11,r\n'),
  );
  await expect(surveyTrace(source)).rejects.toThrow(/line 4: key 7 has 11 bytes/);
  await source.close();
});

test('sizes are divided and rounded up', async () => {
  const source = await openTrace(
    file('big.csv', 'key_id,size_bytes,op\n7,1000,r\n8,1,w\n7,1000,r\n'),
  );
  const survey = await surveyTrace(source, { sizeDivisor: 300 });
  await source.close();
  expect([...survey.sizeBytes.subarray(0, 2)]).toEqual([4, 1]);
  expect(survey).toMatchObject({ footprintBytes: 5, largestBytes: 4, writes: 1 });
});
