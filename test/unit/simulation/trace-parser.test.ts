import { describe, expect, test } from 'vitest';
import { TraceParser } from '../../../lib/simulation/trace-parser.ts';

interface Row {
  readonly key: number;
  readonly size: number;
  readonly write: number;
  readonly time: number;
}

function parse(text: string, pieceBytes = text.length, rowsPerBatch = 4): Row[] {
  const parser = new TraceParser('test.csv', rowsPerBatch);
  const bytes = Buffer.from(text);
  const rows: Row[] = [];
  const take = (batch: ReturnType<TraceParser['next']>): void => {
    for (let i = 0; i < (batch?.length ?? 0); i++) {
      const { key, sizeBytes, write, time } = batch!;
      rows.push({ key: key[i], size: sizeBytes[i], write: write[i], time: time[i] });
    }
  };
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parser.feed(bytes.subarray(at, at + pieceBytes));
    for (let batch = parser.next(); batch !== undefined; batch = parser.next()) take(batch);
  }
  take(parser.finish());
  return rows;
}

const plain = 'key_id,size_bytes,op\n1,4096,r\n2,100,w\n';

describe('a valid trace', () => {
  test('becomes rows in order', () => {
    expect(parse(plain)).toEqual([
      { key: 1, size: 4096, write: 0, time: 0 },
      { key: 2, size: 100, write: 1, time: 0 },
    ]);
  });

  test('reads the same however it is cut into pieces', () => {
    const text = `key_id,size_bytes,op,t_us\n${Array.from({ length: 50 }, (_, i) => `${i * 7919},${i + 1},${i % 3 ? 'r' : 'w'},${i * 10}.25`).join('\n')}\n`;
    const whole = parse(text);
    expect(whole).toHaveLength(50);
    expect(whole[49]).toEqual({ key: 49 * 7919, size: 50, write: 0, time: 490.25 });
    for (let piece = 1; piece < 40; piece++) expect(parse(text, piece)).toEqual(whole);
  });

  test.each([
    ['with CRLF line ends', 'key_id,size_bytes,op\r\n1,4096,r\r\n2,100,w\r\n'],
    ['with a byte order mark', `\uFEFF${plain}`],
    ['without a last line end', plain.trimEnd()],
    ['with CRLF and without a last line end', 'key_id,size_bytes,op\r\n1,4096,r\r\n2,100,w'],
  ])('is accepted %s', (_, text) => {
    expect(parse(text).map(({ key }) => key)).toEqual([1, 2]);
    expect(parse(text, 1)).toEqual(parse(text));
  });

  test('may have keys up to 2^53-1 and tells the unit of its times', () => {
    const parser = new TraceParser('test.csv');
    parser.feed(Buffer.from(`key_id,size_bytes,op,t_kacc\n${2 ** 53 - 1},1,r,0\n0,1,r,3\n`));
    const batch = parser.next()!;
    expect([...batch.key.subarray(0, batch.length)]).toEqual([2 ** 53 - 1, 0]);
    expect(parser.timeUnit).toBe('kacc');
    expect(parser.requests).toBe(2);
  });

  test('says in which line each batch begins', () => {
    const parser = new TraceParser('test.csv', 2);
    parser.feed(Buffer.from('key_id,size_bytes,op\n1,1,r\n2,1,r\n3,1,r\n'));
    expect(parser.next()).toMatchObject({ firstLine: 2, length: 2 });
    expect(parser.next()).toMatchObject({ firstLine: 4, length: 1 });
    expect(parser.next()).toBeUndefined();
  });
});

describe('a malformed trace', () => {
  const bad = (line: string, header = 'key_id,size_bytes,op'): string =>
    `${header}\n1,4096,r${header.includes('t_') ? ',0' : ''}\n${line}\n`;

  test.each([
    [
      'a missing field',
      bad('2,4096'),
      'line 3: expected 3 fields (key_id,size_bytes,op), got "2,4096"',
    ],
    ['an extra field', bad('2,4096,r,7'), 'line 3: expected 3 fields'],
    ['an empty line', bad(''), 'line 3: expected 3 fields (key_id,size_bytes,op), got ""'],
    [
      'a key that is no number',
      bad('abc,4096,r'),
      'line 3: expected key_id to be an integer from 0 to 2^53-1, got "abc,4096,r"',
    ],
    ['a negative key', bad('-1,4096,r'), 'line 3: expected key_id'],
    ['a key of 2^53', bad('9007199254740992,4096,r'), 'line 3: expected key_id'],
    ['a key of 2^53+1', bad('9007199254740993,4096,r'), 'line 3: expected key_id'],
    ['a key far too long', bad(`${'9'.repeat(200)},4096,r`), 'line 3: expected key_id'],
    ['a size of 0', bad('2,0,r'), 'line 3: expected size_bytes to be an integer from 1 to 2^53-1'],
    ['a fractional size', bad('2,1.5,r'), 'line 3: expected size_bytes'],
    ['a size with a space', bad('2, 4096,r'), 'line 3: expected size_bytes'],
    [
      'an unknown operation',
      bad('2,4096,x'),
      'line 3: expected op to be "r" or "w", got "2,4096,x"',
    ],
    ['an upper-case operation', bad('2,4096,R'), 'line 3: expected op'],
    ['an operation with a tail', bad('2,4096,read'), 'line 3: expected op'],
    [
      'a missing time',
      bad('2,4096,r', 'key_id,size_bytes,op,t_us'),
      'line 3: expected 4 fields (key_id,size_bytes,op,t_us)',
    ],
    [
      'a time that is no number',
      bad('2,4096,r,x', 'key_id,size_bytes,op,t_us'),
      'line 3: expected t_us to be a number',
    ],
    [
      'a time with a bare point',
      bad('2,4096,r,1.', 'key_id,size_bytes,op,t_us'),
      'line 3: expected t_us',
    ],
    [
      'another header',
      'key,size,op\n1,1,r\n',
      'line 1: expected the header "key_id,size_bytes,op"',
    ],
    ['no header', '1,4096,r\n', 'line 1: expected the header'],
    ['a last line that was cut off', `${plain}3,40`, 'line 4: expected 3 fields'],
    [
      'a line without end',
      `${plain}${'1'.repeat(5000)}`,
      'line 4: expected a line of at most 256 bytes',
    ],
  ])('with %s is refused with the line and what was expected', (_, text, message) => {
    for (const piece of [text.length, 7, 1]) {
      let error: unknown;
      try {
        parse(text, piece);
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({ code: 'ERR_TIER_TRACE' });
      expect((error as Error).message).toContain(`test.csv, ${message}`);
    }
  });

  test('that is empty is refused', () => {
    expect(() => parse('')).toThrow(/empty: not even a header/);
  });

  test('never puts raw control bytes into the message', () => {
    expect(() => parse('key_id,size_bytes,op\n\x1b[31m,1,r\n')).toThrow(/got "\?\[31m,1,r"/);
  });
});
