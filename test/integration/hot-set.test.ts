import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TieredMemory, type TierName } from '../../lib/index.ts';

const KiB = 2 ** 10;
const count = 480;
const step = 8;
const names: readonly TierName[] = ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME'];
const capacities = [256 * KiB, 512 * KiB, 512 * KiB, 1536 * KiB, 16_384 * KiB];

/** Every eighth key: as many objects as the fastest tier has room for, and four more. */
const every = (remainder: number): number[] =>
  Array.from({ length: count / step }, (_, i) => i * step + remainder);

describe('a hot set as large as the fastest tier', () => {
  let memory: TieredMemory;
  beforeEach(async () => {
    memory = await TieredMemory.open({
      background: false,
      bytesPerSecond: Number.POSITIVE_INFINITY,
      tiers: names.map((name, tier) => ({ name, capacityBytes: capacities[tier] })),
    });
    for (let key = 0; key < count; key++) {
      await memory.store(Buffer.alloc(4000, key), {
        key,
        tierHint: names[1 + (Math.floor(key / step) % 4)],
      });
    }
  });
  afterEach(() => memory.close());

  const onFastest = (keys: readonly number[]): number =>
    keys.filter((key) => memory.get(key)?.tier === 'L0_HBM').length;

  /** Uses `keys` much and others hardly, and plans, so many times. Returns the moves of each plan. */
  async function use(keys: readonly number[], rounds: number): Promise<number[]> {
    const moves: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (let pass = 0; pass < 100; pass++) for (const key of keys) memory.get(key)?.borrow();
      for (let i = 0; i < 20; i++) memory.get((round * 337 + i * 41) % count)?.borrow();
      const { planned } = await memory.optimizePlacement();
      moves.push(planned);
    }
    return moves;
  }

  it('comes up from every tier, and then rests', async () => {
    const moves = await use(every(3), 4);
    expect(onFastest(every(3))).toBeGreaterThanOrEqual(54);
    // Slabs that are begun and not full are no reason to clear them, and to fill them again.
    expect(moves.slice(2)).toEqual([0, 0]);
  });

  it('makes room for the next one within a few plans, and not by coming and going', async () => {
    await use(every(3), 4);
    const moves = await use(every(7), 4);
    expect(onFastest(every(7))).toBeGreaterThanOrEqual(54);
    expect(onFastest(every(3))).toBeLessThanOrEqual(10);
    expect(moves.reduce((sum, n) => sum + n)).toBeLessThan(4 * (count / step));
  });
});

describe('a hot set of many sizes in tiers of a few slabs', () => {
  it('comes up, and no move is planned for which there is no slab', async () => {
    const sizes = [100, 1000, 4096, 10_000, 30_000];
    await using memory = await TieredMemory.open({
      background: false,
      bytesPerSecond: Number.POSITIVE_INFINITY,
      tiers: names.map((name, tier) => ({
        name,
        capacityBytes: [256, 256, 256, 512, 32_768][tier] * KiB,
      })),
    });
    for (let key = 0; key < 150; key++) {
      await memory.store(Buffer.alloc(sizes[(key * 7) % 5], key), { key, tierHint: 'L4_NVME' });
    }
    let missing = 0;
    for (let round = 0; round < 12; round++) {
      const hot = round < 6 ? 3 : 7;
      for (let key = hot; key < 150; key += 10)
        for (let i = 0; i < 20; i++) memory.get(key)?.borrow();
      for (let key = round; key < 150; key += 12) memory.get(key)?.borrow();
      const { outcomes } = await memory.optimizePlacement();
      missing += outcomes.full;
    }
    expect(missing).toBe(0);
    const slow = [7, 17, 27, 37, 47, 57, 67, 77, 87, 97, 107, 117, 127, 137, 147].filter(
      (key) => memory.get(key)?.tier === 'L4_NVME',
    );
    expect(slow).toEqual([]);
  });
});
