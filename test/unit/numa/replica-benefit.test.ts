import { describe, expect, it } from 'vitest';
import {
  afterCopy,
  afterRead,
  afterWrite,
  blockCost,
  copyNeed,
  hasPaid,
  isOutdated,
  isWorthCopy,
  readBenefit,
  reluctance,
} from '../../../lib/numa/replica-benefit.ts';

/** Reads of so many bytes until a copy is worth it. */
function readsUntilCopy(word: number, bytes: number): number {
  let reads = 0;
  for (let now = word; !isWorthCopy(now); reads++) now = afterRead(now, readBenefit(bytes));
  return reads;
}

describe('what is known about a copy of a block', () => {
  it('wants fewer reads for a copy when they are long', () => {
    const short = readsUntilCopy(0, 8);
    expect(short).toBe(Math.ceil(blockCost / 17));
    expect(readsUntilCopy(0, 64 * 1024)).toBe(4);
    expect(readsUntilCopy(0, 4096)).toBeLessThan(short);
  });

  it('begins anew with every write', () => {
    let word = 0;
    for (let version = 2; version < 2000; version += 2) {
      expect(isOutdated(word, version)).toBe(true);
      word = afterWrite(word, version, false);
      expect(isOutdated(word, version)).toBe(false);
      for (let read = 0; read < 200; read++) word = afterRead(word, readBenefit(8));
      expect(isWorthCopy(word)).toBe(false);
    }
  });

  it('asks twice as much after each copy that did not pay, up to 64 times, and comes down again', () => {
    let word = 0;
    const asked: number[] = [];
    for (let version = 0; version < 20; version += 2) {
      asked.push(readsUntilCopy(afterCopy(word, version), 64 * 1024));
      word = afterWrite(afterCopy(word, version), version + 2, true);
    }
    expect(asked).toEqual([4, 8, 16, 32, 64, 127, 253, 253, 253, 253]);
    for (let version = 20; version < 32; version += 2) {
      const before = reluctance(word);
      word = afterCopy(word, version);
      while (!hasPaid(word)) word = afterRead(word, readBenefit(1024));
      word = afterWrite(word, version + 2, true);
      expect(reluctance(word)).toBe(before - 1);
    }
    expect(reluctance(word)).toBe(0);
    expect(readsUntilCopy(word, 64 * 1024)).toBe(4);
  });

  it('never overflows', () => {
    let word = afterWrite(0, 510, false);
    for (let i = 0; i < 100; i++) word = afterRead(word, 2 ** 26);
    expect(isOutdated(word, 510)).toBe(false);
    expect(reluctance(word)).toBe(0);
    expect(isWorthCopy(word)).toBe(true);
  });

  it('wants an eighth of the blocks to be worth it before there is memory for a copy', () => {
    expect(copyNeed(1)).toBe(blockCost);
    expect(copyNeed(65_536)).toBe(8192 * blockCost);
    expect(copyNeed(65_536)).toBeLessThan(2 ** 29);
  });
});
