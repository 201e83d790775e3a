import { describe, expect, test } from 'vitest';
import { hashRange, keyHash } from '../../../lib/advise/key-hash.ts';
import { SampleThreshold } from '../../../lib/advise/sample-threshold.ts';

function thresholdFor(keys: number, maxKeys: number, rate?: number): number {
  const sample = new SampleThreshold(maxKeys, rate);
  for (let pass = 0; pass < 2; pass++) {
    for (let key = 0; key < keys; key++) sample.add(keyHash(key));
  }
  return sample.finish();
}

describe('a sampling threshold', () => {
  test('lets every key in while they are few', () => {
    expect(thresholdFor(1000, 1000)).toBe(hashRange);
  });

  test('is such that exactly the wanted number of keys is below it', () => {
    for (const keys of [1001, 5000, 100_000]) {
      const threshold = thresholdFor(keys, 1000);
      let below = 0;
      for (let key = 0; key < keys; key++) if (keyHash(key) < threshold) below++;
      expect(below).toBe(1000);
    }
  });

  test('begins at the rate that was asked for', () => {
    expect(thresholdFor(1000, 1000, 0.25)).toBe(hashRange / 4);
  });
});

describe('a key hash', () => {
  test('spreads neighbouring keys evenly, above 2^32 too', () => {
    for (const start of [0, 2 ** 32 - 500, 2 ** 52]) {
      const buckets = new Array<number>(16).fill(0);
      const lowBits = new Array<number>(8).fill(0);
      for (let i = 0; i < 16_000; i++) {
        const hash = keyHash(start + i);
        buckets[Math.floor(hash / 2 ** 28)]++;
        lowBits[hash % 8]++;
      }
      // Five standard deviations.
      for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(155);
      for (const count of lowBits) expect(Math.abs(count - 2000)).toBeLessThan(210);
    }
  });
});
