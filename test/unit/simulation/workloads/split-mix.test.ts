import { expect, test } from 'vitest';
import { maxModulus, SplitMix64 } from '../../../../lib/simulation/workloads/split-mix.ts';

/** The generator as it is published, in 64 bits. */
function* reference(seed: bigint): Generator<bigint> {
  const mask = (1n << 64n) - 1n;
  for (let state = seed; ; ) {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    yield z ^ (z >> 31n);
  }
}

test.each([0, 1, 2, 0xffffffff, 2 ** 32, 2 ** 53 - 1])(
  'seed %d gives the outputs of the published generator',
  (seed) => {
    const random = new SplitMix64(seed);
    const expected = reference(BigInt(seed));
    for (let i = 0; i < 2000; i++) {
      const { value } = expected.next() as { value: bigint };
      random.next();
      expect([random.upper, random.lower]).toEqual([
        Number(value >> 32n),
        Number(value & 0xffffffffn),
      ]);
      expect(random.unit()).toBe(Number(value >> 11n) * 2 ** -53);
      for (const modulus of [1, 2, 3, 100, 4096, 65_537, maxModulus - 1, maxModulus]) {
        expect(random.below(modulus)).toBe(Number(value % BigInt(modulus)));
      }
    }
  },
);

test('the first output for seed 0 is the published test vector', () => {
  const random = new SplitMix64(0).next();
  expect([random.upper, random.lower]).toEqual([0xe220a839, 0x7b1dcdaf]);
});

test('streams of one seed differ, and a reset starts again', () => {
  const random = new SplitMix64(7);
  const first = random.next().unit();
  const other = random.reset(7, 1).next().unit();
  expect(other).not.toBe(first);
  expect(random.reset(7).next().unit()).toBe(first);
});
