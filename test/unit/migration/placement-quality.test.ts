/** What policy, engine and heat do together on streams of accesses. */

import { describe, expect, it } from 'vitest';
import { DataMigrationEngine } from '../../../lib/migration/data-migration-engine.ts';
import type { MoveRecord } from '../../../lib/migration/engine-stats.ts';
import { balancedPolicy } from '../../../lib/policy/balanced.ts';
import { lruPolicy } from '../../../lib/policy/lru.ts';
import type { Policy } from '../../../lib/policy/policy.ts';
import { cxl, ddr, ModelTarget, type ModelTier, nvme } from './model-target.ts';

const page = 4096;

/** SplitMix64, good enough in 32 bits for a test stream. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

class Bench {
  readonly target: ModelTarget;
  readonly engine: DataMigrationEngine;
  readonly moves: MoveRecord[] = [];
  #accesses = 0;
  readonly #interval: number;

  constructor(tiers: readonly ModelTier[], policy: Policy, interval = 64) {
    this.target = new ModelTarget(tiers);
    this.#interval = interval;
    this.engine = new DataMigrationEngine({
      target: this.target,
      policy,
      bytesPerSecond: Infinity,
      mainThreadBudgetUs: 1e6,
      maxUnits: 512,
      onMove: (move) => this.moves.push(move),
    });
  }

  async read(unit: number): Promise<void> {
    this.target.read(unit);
    if (++this.#accesses % this.#interval !== 0) return;
    await this.engine.step();
    for (const { usedBytes, capacityBytes } of this.target.tierStates()) {
      expect(usedBytes).toBeLessThanOrEqual(capacityBytes);
    }
  }

  /** Share of `units` in the fastest tier. */
  fast(units: readonly number[]): number {
    return units.filter((unit) => this.target.tierOf(unit) === 0).length / units.length;
  }
}

/** 90 % of the accesses go to the hot units, the rest anywhere. */
async function skewed(
  bench: Bench,
  hot: readonly number[],
  all: readonly number[],
  accesses: number,
  seed: number,
): Promise<void> {
  const random = generator(seed);
  for (let i = 0; i < accesses; i++) {
    const from = random() < 0.9 ? hot : all;
    await bench.read(from[Math.floor(random() * from.length)]);
  }
}

describe.each([
  ['balanced on DRAM and NVMe', balancedPolicy, nvme],
  ['balanced on DRAM and CXL', balancedPolicy, cxl],
  ['lru on DRAM and NVMe', lruPolicy, nvme],
])('%s', (_name, policy, slow) => {
  it('brings a hot set up that was created cold, and never overfills a tier', async () => {
    const bench = new Bench([ddr(120 * page), slow(1e9)], policy());
    const units = Array.from({ length: 1000 }, () => bench.target.create(page, 1));
    const hot = units.slice(500, 600);
    await skewed(bench, hot, units, 20_000, 1);
    expect(bench.fast(hot)).toBeGreaterThan(0.85);
  });

  it('does the same twice', async () => {
    const run = async (): Promise<MoveRecord[]> => {
      const bench = new Bench([ddr(60 * page), slow(1e9)], policy());
      const units = Array.from({ length: 400 }, () => bench.target.create(page));
      await skewed(bench, units.slice(300, 350), units, 6000, 2);
      return bench.moves;
    };
    const once = await run();
    expect(once.length).toBeGreaterThan(10);
    expect(await run()).toEqual(once);
  });
});

describe('balanced', () => {
  it('follows a hot set that moves elsewhere', async () => {
    const bench = new Bench([ddr(120 * page), nvme(1e9)], balancedPolicy());
    const units = Array.from({ length: 1000 }, () => bench.target.create(page));
    await skewed(bench, units.slice(0, 100), units, 20_000, 3);
    await skewed(bench, units.slice(800, 900), units, 30_000, 4);
    expect(bench.fast(units.slice(800, 900))).toBeGreaterThan(0.85);
  });

  it('keeps the hot set through a scan that lru lets wash it out', async () => {
    const heldThroughScan = async (policy: Policy): Promise<number> => {
      const bench = new Bench([ddr(120 * page), nvme(1e9)], policy);
      const units = Array.from({ length: 1000 }, () => bench.target.create(page, 1));
      const hot = units.slice(0, 100);
      await skewed(bench, hot, units, 20_000, 5);
      expect(bench.fast(hot)).toBeGreaterThan(0.9);
      for (const unit of units.slice(100)) await bench.read(unit);
      return bench.fast(hot);
    };
    expect(await heldThroughScan(balancedPolicy())).toBeGreaterThan(0.6);
    expect(await heldThroughScan(lruPolicy())).toBeLessThan(0.3);
  });

  it('does not send two hot sets back and forth that do not fit together', async () => {
    const bench = new Bench([ddr(100 * page), cxl(1e9)], balancedPolicy());
    const units = Array.from({ length: 400 }, () => bench.target.create(page, 1));
    const lru = new Bench([ddr(100 * page), cxl(1e9)], lruPolicy());
    for (const _ of units) lru.target.create(page, 1);
    const sets = [units.slice(0, 75), units.slice(200, 275)];
    for (let phase = 0; phase < 20; phase++) {
      await skewed(bench, sets[phase % 2], units, 1500, phase);
      await skewed(lru, sets[phase % 2], units, 1500, phase);
    }
    expect(bench.moves.length).toBeLessThan(lru.moves.length / 5);
    const { pingPongMoves, applied } = bench.engine.stats();
    expect(pingPongMoves).toBeLessThanOrEqual(0.05 * applied);
  });

  it('moves far less than lru for as many fast accesses on a skewed stream', async () => {
    const served = async (policy: Policy): Promise<{ fast: number; moves: number }> => {
      const bench = new Bench([ddr(100 * page), nvme(1e9)], policy);
      const units = Array.from({ length: 1000 }, () => bench.target.create(page));
      const random = generator(7);
      for (let i = 0; i < 40_000; i++) {
        // Ranks by a power law, scattered over the ids.
        const rank = Math.floor(1000 ** random()) - 1;
        await bench.read(units[(rank * 617) % 1000]);
      }
      return { fast: bench.target.served[0].accesses, moves: bench.target.moves };
    };
    const balanced = await served(balancedPolicy());
    const lru = await served(lruPolicy());
    expect(balanced.fast).toBeGreaterThan(lru.fast);
    expect(balanced.moves).toBeLessThan(lru.moves / 2);
  });

  it('uses the tiers in order: the hotter, the faster', async () => {
    const bench = new Bench(
      [
        { capacityBytes: 50 * page, readLatencyNs: 100 },
        { capacityBytes: 200 * page, readLatencyNs: 1000 },
        { capacityBytes: 1e9, readLatencyNs: 80_000 },
      ],
      balancedPolicy(),
    );
    const units = Array.from({ length: 1000 }, () => bench.target.create(page, 2));
    const random = generator(8);
    for (let i = 0; i < 60_000; i++) {
      const set = random() < 0.6 ? 40 : random() < 0.8 ? 180 : 1000;
      await bench.read(units[Math.floor(random() * set)]);
    }
    expect(bench.fast(units.slice(0, 40))).toBeGreaterThan(0.85);
    const middle = units.slice(40, 180);
    expect(middle.filter((u) => bench.target.tierOf(u) < 2).length / middle.length).toBeGreaterThan(
      0.85,
    );
  });
});
