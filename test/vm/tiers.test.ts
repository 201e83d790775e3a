/** Objects and regions of every size travel between five real tiers, in all twenty directions, and stay whole. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy, Region, TieredMemory, TierName } from '../../dist/index.js';
import { chunkBytes } from '../../dist/native.js';
import {
  assertWhereItSays,
  mappedFileBytes,
  openFiveTiers,
  pmemForms,
} from './support/five-tiers.ts';
import { machine } from './support/machine.ts';
import { MiB, mappedPages, pattern } from './support/memory.ts';

/** Moves every unit once, to the tier `shift` below its own, counted in a circle. */
class Carousel implements Policy {
  readonly name = 'carousel';
  /** Pairs of tiers that a move was planned for. */
  readonly pairs: Set<string> = new Set();
  readonly #goals: Map<number, number> = new Map();
  #shift = 0;

  turn(shift: number): void {
    this.#shift = shift;
    this.#goals.clear();
  }

  halfLifeAccesses(): number {
    return Number.POSITIVE_INFINITY;
  }

  admits(): boolean {
    return true;
  }

  plan({ units, tiers }: Parameters<Policy['plan']>[0]): ReturnType<Policy['plan']> {
    const moves: ReturnType<Policy['plan']>['moves'][number][] = [];
    for (let row = 0; row < units.length; row++) {
      const [unit, from, bytes] = [units.id[row], units.tier[row], units.bytes[row]];
      const to = this.#goals.get(unit) ?? (from + this.#shift) % tiers.length;
      this.#goals.set(unit, to);
      if (to === from) continue;
      this.pairs.add(`${from} to ${to}`);
      moves.push({ unit, bytes, from, to, reason: 'hint', gainNs: 0, costNs: 0 });
    }
    return { moves, thresholdsLog2: tiers.slice(1).map(() => 0), refused: {} };
  }
}

/** What a memory should hold. */
class Contents {
  readonly #values: Map<number, Buffer> = new Map();
  readonly #regions: [Region<Uint8Array>, Buffer][] = [];
  readonly #memory: TieredMemory;
  #seed = 1;

  constructor(memory: TieredMemory) {
    this.#memory = memory;
  }

  async store(tier: TierName, sizes: readonly number[], regionBytes: number): Promise<void> {
    for (const size of sizes) {
      const key = this.#seed++;
      const bytes = pattern(key, size);
      const handle = await this.#memory.store(bytes, { key, tierHint: tier });
      assert.equal(handle.tier, tier);
      this.#values.set(key, bytes);
    }
    const bytes = pattern(this.#seed++, regionBytes);
    const options = { tierHint: tier, ownerThreadOnly: true };
    const region = this.#memory.allocate(Uint8Array, bytes.length, options);
    region.view.set(bytes);
    this.#regions.push([region, bytes]);
  }

  /** What is never touched in a region is left where it is. */
  touchRegions(): void {
    for (const [region] of this.#regions) region.touch();
  }

  /** Tier of every value by key, and of every region. */
  tiers(): TierName[] {
    return [
      ...[...this.#values.keys()].map((key) => this.#memory.get(key)?.tier as TierName),
      ...this.#regions.map(([region]) => {
        const shares = region.shares();
        assert.equal(shares.length, 1, 'all chunks of a region travel');
        return shares[0].tier;
      }),
    ];
  }

  assertWhole(): void {
    for (const [key, bytes] of this.#values) {
      const view = this.#memory.get<Uint8Array>(key)?.borrow() as Uint8Array;
      assert.ok(bytes.equals(view), `value ${key} of ${bytes.length} bytes`);
    }
    for (const [region, bytes] of this.#regions) assert.ok(bytes.equals(region.view), 'a region');
  }

  rewrite(): void {
    for (const [key, old] of this.#values) {
      const bytes = pattern(key + 7777, old.length);
      this.#memory.get<Uint8Array>(key)?.write(bytes);
      this.#values.set(key, bytes);
    }
    for (const entry of this.#regions) {
      entry[1] = pattern(this.#seed++, entry[1].length);
      entry[0].view.set(entry[1]);
    }
  }

  delete(): void {
    for (const key of this.#values.keys()) assert.ok(this.#memory.delete(key));
    for (const [region] of this.#regions) region[Symbol.dispose]();
  }
}

const smallSizes = [12, 200, 4096, 20_000, 65_536, 300_000];
/** Values over 1 MiB and regions travel in chunks of 2 MiB, which take their time on the emulated CXL memory. */
const loads = {
  full: { sizes: [...smallSizes, 1000, 60_000, 1_100_000], regionBytes: 2_200_000, units: 11 },
  light: { sizes: smallSizes, regionBytes: 2_000_000, units: 7 },
} as const;

for (const form of pmemForms) {
  const { sizes, regionBytes, units } = loads[form === 'kmem' ? 'full' : 'light'];
  describe(`five real tiers with PMEM as ${form}`, () => {
    it('carry values and regions from each tier to each other and back', async () => {
      const policy = new Carousel();
      const bytes = [16 * MiB, 16 * MiB, 24 * MiB, 24 * MiB, 24 * MiB] as const;
      await using memory = await openFiveTiers(form, bytes, { policy });
      assert.deepEqual(memory.limits, []);
      const names = memory.tiers.map(({ name }) => name);
      assert.deepEqual(names, ['L0_HBM', 'L1_DDR', 'L2_CXL', 'L3_PMEM', 'L4_NVME']);
      const contents = new Contents(memory);
      for (const name of names) await contents.store(name, sizes, regionBytes);
      contents.assertWhole();
      assertWhereItSays(memory.stats());

      for (const shift of [1, 2, 3, 4]) {
        const expected = contents
          .tiers()
          .map((name) => names[(names.indexOf(name) + shift) % names.length]);
        policy.turn(shift);
        contents.touchRegions();
        const { outcomes } = await memory.optimizePlacement();
        assert.deepEqual(outcomes, { ...outcomes, moved: names.length * units });
        assert.deepEqual(contents.tiers(), expected);
        contents.assertWhole();
        assertWhereItSays(memory.stats());
        if (shift === 2) {
          contents.rewrite();
          contents.assertWhole();
        }
      }
      assert.equal(policy.pairs.size, 20);
      assert.equal(memory.engine.stats().failed, 0);

      contents.delete();
      for (const tier of memory.stats().tiers) {
        assert.deepEqual([tier.name, tier.usedBytes, tier.units], [tier.name, 0, 0]);
        for (const { mappedBytes } of tier.backends) {
          assert.ok(mappedBytes <= chunkBytes, `${tier.name} keeps more than a spare chunk`);
        }
      }
      assertWhereItSays(memory.stats());
      await memory.close();
      assert.deepEqual(mappedPages(/ prefer:/), {});
      for (const path of [machine.pmemDirectory, machine.pmemDevdax, machine.nvmeDirectory]) {
        assert.equal(mappedFileBytes(path), 0);
      }
    });
  });
}

describe('a region whose view others may hold', () => {
  it('goes to every tier, be it memory or a file', async () => {
    const policy = new Carousel();
    const bytes = [8 * MiB, 8 * MiB, 8 * MiB, 8 * MiB, 8 * MiB] as const;
    await using memory = await openFiveTiers('kmem', bytes, { policy });
    const region = memory.allocate(Uint32Array, 10_000, { tierHint: 'L0_HBM' });
    region.view.fill(0x5eed5eed);
    for (const [shift, tier] of [
      [1, 'L1_DDR'],
      [1, 'L2_CXL'],
      [1, 'L3_PMEM'],
      [1, 'L4_NVME'],
      [1, 'L0_HBM'],
    ] as const) {
      policy.turn(shift);
      region.touch();
      assert.equal((await memory.optimizePlacement()).outcomes.moved, 1);
      assert.deepEqual(region.shares(), [{ tier, chunks: 1 }]);
    }
    assert.ok(region.view.every((word) => word === 0x5eed5eed));
    assertWhereItSays(memory.stats());
  });
});
