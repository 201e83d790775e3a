import { expect, test } from 'vitest';
import { formatBytes, parseByteSize } from '../../../lib/tiers/byte-size.ts';

test.each([
  [4096, 4096],
  ['64MiB', 64 * 2 ** 20],
  ['1GB', 1e9],
  [' 1.5 kib ', 1536],
  ['512', 512],
  ['2TiB', 2 * 2 ** 40],
])('%j is %d bytes', (text, bytes) => {
  expect(parseByteSize('size', text)).toBe(bytes);
});

test.each(['', 'MiB', '1XB', '-1MB', '1e3', '0', '0.5', '99999999TiB', Number.NaN, 0, -5, 2 ** 60])(
  '%j is out of range',
  (value) => {
    expect(() => parseByteSize('tiers[0].capacityBytes', value)).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        code: 'ERR_INVALID_ARG_VALUE',
        message: expect.stringContaining('"tiers[0].capacityBytes"'),
      }),
    );
  },
);

test.each([null, true, {}, 5n])('%o is of the wrong type', (value) => {
  expect(() => parseByteSize('size', value)).toThrow(TypeError);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1.5 * 2 ** 30, '1.5 GiB'],
  [200 * 2 ** 30, '200 GiB'],
])('%d bytes read %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
