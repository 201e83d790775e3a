import { describe, expect, test } from 'vitest';
import { fillContent, findCorruption } from '../../../lib/simulation/trace-content.ts';

const sizes = [1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 511, 4096, 4099];

function content(size: number, key: number, version: number): Uint8Array {
  const bytes = new Uint8Array(size);
  fillContent(bytes, key, version);
  return bytes;
}

describe('content', () => {
  test.each(sizes)('of %i bytes verifies as itself', (size) => {
    for (const key of [0, 1, 2 ** 32, 2 ** 53 - 1]) {
      expect(findCorruption(content(size, key, 3), key, 3)).toBe(-1);
    }
  });

  test.each(sizes)('of %i bytes shows every single flipped byte', (size) => {
    const bytes = content(size, 42, 1);
    for (let at = 0; at < size; at++) {
      bytes[at] ^= 0x10;
      const found = findCorruption(bytes, 42, 1);
      expect(found).toBeGreaterThanOrEqual(at - 3);
      expect(found).toBeLessThanOrEqual(at);
      bytes[at] ^= 0x10;
    }
  });

  test('differs between keys that agree in their low 32 bits, and between versions', () => {
    for (const size of [8, 4096]) {
      const bytes = content(size, 5, 1);
      expect(findCorruption(bytes, 5 + 2 ** 32, 1)).toBe(0);
      expect(findCorruption(bytes, 5, 2)).toBe(0);
      expect(findCorruption(bytes, 6, 1)).toBe(0);
    }
  });

  test('shows a shift by a word and an all-zero page', () => {
    const bytes = content(4096, 9, 1);
    expect(findCorruption(bytes.slice(4), 9, 1)).toBe(0);
    bytes.fill(0, 2048, 4096);
    expect(findCorruption(bytes, 9, 1)).toBe(2048);
  });

  test('is the same in memory that is not aligned to words', () => {
    const buffer = new Uint8Array(105);
    const unaligned = buffer.subarray(3, 102);
    fillContent(unaligned, 77, 8);
    expect(unaligned).toEqual(content(99, 77, 8));
    expect(findCorruption(unaligned, 77, 8)).toBe(-1);
    expect(buffer.subarray(0, 3)).toEqual(new Uint8Array(3));
    expect(buffer.subarray(102)).toEqual(new Uint8Array(3));
  });
});
