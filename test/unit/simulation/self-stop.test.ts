/** A workload that makes every prediction wrong, because it looks at the moves. */

import { describe, expect, test } from 'vitest';
import { createPolicy } from '../../../lib/policy/policies.ts';
import type { ModelledTier } from '../../../lib/simulation/modelled-store.ts';
import { type SimulationOptions, simulate } from '../../../lib/simulation/simulator.ts';
import type { TraceBatch } from '../../../lib/simulation/trace-parser.ts';
import type { Workload } from '../../../lib/simulation/workload.ts';
import { ddr, unitBytes } from './small-tiers.ts';

const nvme: ModelledTier = {
  ...ddr,
  name: 'L4_NVME',
  capacityBytes: Infinity,
  readLatencyNs: 80_000,
  writeLatencyNs: 80_000,
  readBytesPerSecond: 3e9,
  writeBytesPerSecond: 3e9,
};

const windowRequests = 4000;

/**
 * For `hostile` requests a unit is used again and again until it is promoted, and then never more; after that 40 units
 * are used often, others for each window, and stay where the policy wants them. `moves` counts promotions by window.
 */
class Adversary {
  readonly moves: number[] = [];
  readonly hostile: number;
  readonly requests: number;
  readonly #unitOf = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #active: number[] = Array.from({ length: 256 }, (_, key) => key);
  #nextKey = 256;
  #played = 0;
  #seed = 1;

  constructor(hostile: number, requests: number) {
    this.hostile = hostile;
    this.requests = requests;
  }

  readonly onMove: SimulationOptions['onMove'] = ({ unit, to, outcome }) => {
    if (outcome !== 'moved') return;
    const window = Math.floor(this.#played / windowRequests);
    if (to === 0) this.moves[window] = (this.moves[window] ?? 0) + 1;
    const at = this.#active.indexOf(this.#keys[unit]);
    if (this.#played < this.hostile && to === 0 && at >= 0) this.#active[at] = this.#nextKey++;
  };

  get workload(): Workload {
    const self = this;
    return {
      name: 'adversary',
      weight: 1,
      // So few at a time that it always knows of the last moves.
      *batches(): Generator<TraceBatch> {
        for (; self.#played < self.requests; self.#played += 4) {
          yield {
            length: 4,
            firstLine: 2,
            key: Float64Array.from({ length: 4 }, () => self.#next()),
            sizeBytes: new Float64Array(4).fill(unitBytes),
            write: new Uint8Array(4),
            time: new Float64Array(4),
          };
        }
      },
    };
  }

  #next(): number {
    const key = this.#played < this.hostile ? this.#hostileKey() : this.#friendlyKey();
    if (!this.#unitOf.has(key)) {
      this.#unitOf.set(key, this.#keys.length);
      this.#keys.push(key);
    }
    return key;
  }

  #hostileKey(): number {
    return this.#active[Math.floor(this.#random() ** 3 * this.#active.length)];
  }

  #friendlyKey(): number {
    const window = Math.floor(this.#played / windowRequests);
    const hot = this.#random() < 0.9;
    return hot
      ? 1e6 + window * 40 + Math.floor(this.#random() * 40)
      : 2e6 + Math.floor(this.#random() * 2000);
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

async function play(bytesPerSecond: number, hostile: number, requests: number) {
  const adversary = new Adversary(hostile, requests);
  const result = await simulate(adversary.workload, {
    tiers: [ddr, nvme],
    policy: createPolicy('balanced'),
    bytesPerSecond,
    interval: 16,
    onMove: adversary.onMove,
  });
  const sum = (from: number, to: number): number =>
    adversary.moves.slice(from, to).reduce((total, moves) => total + (moves ?? 0), 0);
  return { result, sum };
}

describe('migration whose moves never pay', () => {
  test('falls to a trickle by itself', async () => {
    // Without a limit nothing is there to be slowed down.
    const free = await play(Infinity, 40_000, 40_000);
    const limited = await play(200e6, 40_000, 40_000);
    expect(limited.sum(5, 10)).toBeLessThan(free.sum(5, 10) / 5);
    // It goes on trying.
    expect(limited.sum(5, 10)).toBeGreaterThan(0);
    expect(limited.result.engine.paybackShare).toBeLessThan(1);
    expect(limited.result.engine.rateFactor).toBeLessThan(0.2);
    expect(free.result.engine.rateFactor).toBe(1);
  });

  test('recovers when they do', async () => {
    const { result, sum } = await play(200e6, 20_000, 60_000);
    const free = await play(Infinity, 20_000, 60_000);
    expect(sum(3, 5)).toBeLessThan(free.sum(3, 5) / 5);
    expect(sum(8, 15)).toBeGreaterThan(0.7 * free.sum(8, 15));
    expect(result.engine.rateFactor).toBe(1);
    expect(result.engine.paybackShare).toBeGreaterThan(1);
  });

  test('is not slowed down where they pay', async () => {
    const limited = await play(200e6, 0, 20_000);
    const free = await play(Infinity, 0, 20_000);
    expect(limited.result.engine).toMatchObject({ rateFactor: 1, applied: free.result.moves });
  });
});
