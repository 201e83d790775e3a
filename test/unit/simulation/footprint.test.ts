import { expect, test } from 'vitest';
import { chargedBytes, requirement } from '../../../lib/simulation/footprint.ts';
import { KeyTable } from '../../../lib/simulation/key-table.ts';
import type { TraceSurvey } from '../../../lib/simulation/trace-survey.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

function survey(sizes: readonly number[]): TraceSurvey {
  const keys = new KeyTable();
  for (let i = 0; i < sizes.length; i++) keys.add(i);
  return {
    keys,
    sizeBytes: Float64Array.from(sizes),
    requests: sizes.length,
    writes: 0,
    footprintBytes: sizes.reduce((sum, size) => sum + size, 0),
    largestBytes: Math.max(...sizes),
  };
}

test('objects are charged in whole slabs of 64 KiB units', () => {
  // 16 objects of 4 KiB fill one unit; the 17th opens another.
  expect(requirement(survey(Array(16).fill(4096)), 1).bytes).toBe(64 * KiB);
  expect(requirement(survey(Array(17).fill(4096)), 1).bytes).toBe(128 * KiB);
});

test('each size class has slabs of its own', () => {
  expect(requirement(survey([100, 1000, 4096]), 1).bytes).toBe(3 * 64 * KiB);
});

test('large objects take whole chunks', () => {
  expect(requirement(survey([3 * MiB]), 1).bytes).toBe(4 * MiB);
  expect(chargedBytes(3 * MiB)).toBe(4 * MiB);
});

test('every further tier may end in slabs that are not full', () => {
  const trace = survey([100, 4096, 4096]);
  expect(requirement(trace, 1).fragmentationBytes).toBe(0);
  expect(requirement(trace, 3).fragmentationBytes).toBe(2 * 2 * 64 * KiB);
});

test('slabs of several units leave holes at the ends of chunks, unless small ones fill them', () => {
  // 90,000 bytes go into slots of 96 KiB, two to a slab of three units; ten slabs fill a chunk but for two units.
  const large = Array(2 * 10).fill(90_000);
  // On top, 2 % of what needs several units side by side.
  const scattered = Math.ceil(30 * 64 * KiB * 0.02);
  expect(requirement(survey(large), 1)).toEqual({
    bytes: 30 * 64 * KiB,
    fragmentationBytes: 2 * 64 * KiB + scattered,
  });
  const filled = [...large, ...Array(32).fill(4096)];
  expect(requirement(survey(filled), 1)).toEqual({ bytes: 2 * MiB, fragmentationBytes: scattered });
});

test('the charge of one object is its share of a slab', () => {
  expect(chargedBytes(4096)).toBe(4096);
  expect(chargedBytes(1)).toBe(16);
  for (const size of [1, 17, 100, 129, 1000, 5000, 70_000, MiB]) {
    expect(chargedBytes(size)).toBeGreaterThanOrEqual(size);
  }
});
