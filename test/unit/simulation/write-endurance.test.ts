/** Drives that wear out, in the simulator: the policies, the plans and the engine are those of a program. */

import { describe, expect, test } from 'vitest';
import type { MoveRecord } from '../../../lib/migration/engine-stats.ts';
import { createPolicy } from '../../../lib/policy/policies.ts';
import type { ModelledTier } from '../../../lib/simulation/modelled-store.ts';
import { type SimulationResult, simulate } from '../../../lib/simulation/simulator.ts';
import { ddr, type Request, requests, unitBytes } from './small-tiers.ts';

const MiB = 2 ** 20;
const dayNs = 86_400e9;

/** So slow that hours go by. */
const nvme: ModelledTier = {
  ...ddr,
  name: 'L4_NVME',
  capacityBytes: Infinity,
  readLatencyNs: 4e9,
  writeLatencyNs: 4e9,
};

/** A working set that changes all the time: every plan would like to exchange some of the fast tier. */
function wandering(length: number, op: Request[2] = 'r'): Request[] {
  return Array.from({ length }, (_, i): Request => {
    const era = Math.floor(i / 100);
    return [(era * 32 + ((i * 7) % 48)) % 400, unitBytes, op];
  });
}

async function run(
  writeBytesPerDay: number | undefined,
  list: readonly Request[],
  policy: string,
): Promise<{ result: SimulationResult; days: number; moves: readonly MoveRecord[] }> {
  const moves: MoveRecord[] = [];
  const result = await simulate(requests(list, 1, 1000), {
    tiers: [ddr, { ...nvme, writeBytesPerDay }],
    policy: createPolicy(policy),
    interval: 16,
    onMove: (move) => moves.push(move),
  });
  const days = ((result.accessNs + result.moveNs) * result.requests) / dayNs;
  return { result, days, moves };
}

describe('a drive with a rated endurance', () => {
  test.each(['lru', 'balanced'])(
    'is written by %s what it is rated for, and not more',
    async (policy) => {
      const list = wandering(4000);
      const rate = 240 * MiB;
      const free = await run(undefined, list, policy);
      const { result, days } = await run(rate, list, policy);
      const [endurance] = result.engine.endurance;
      const allowed = rate * days + rate / 24;
      const written = endurance.movedBytes + endurance.writtenBytes;
      expect(free.result.tiers[1].bytesIn).toBeGreaterThan(60 * MiB);
      expect(endurance.movedBytes).toBe(result.tiers[1].bytesIn);
      expect(endurance.movedBytes).toBeGreaterThan(10 * MiB);
      expect(written).toBeLessThanOrEqual(allowed);
      expect(written).toBeGreaterThan(0.95 * allowed);
      expect(result.engine.refused.endurance).toBeGreaterThan(0);
    },
  );

  test('changes nothing as long as it is not used up', async () => {
    const list = wandering(2000);
    const free = await run(undefined, list, 'balanced');
    const rated = await run(1e15, list, 'balanced');
    expect(rated.moves).toEqual(free.moves);
    expect(rated.result.engine.refused.endurance).toBeUndefined();
  });

  test('leaves to moves what the program does not write itself', async () => {
    const moved = async (op: Request[2]): Promise<number> => {
      const { result } = await run(240 * MiB, wandering(4000, op), 'lru');
      return result.engine.endurance[0].movedBytes;
    };
    expect(await moved('w')).toBeLessThan((await moved('r')) - 8 * MiB);
  });

  test('is not asked when head-room has to be restored', async () => {
    // More and more that is new, and put into the fast tier: there is no other way than to write the drive.
    const list = Array.from({ length: 2000 }, (_, i): Request => [i >> 1, unitBytes, 'r']);
    const free = await run(undefined, list, 'watermark');
    const { result, moves } = await run(1, list, 'watermark');
    const room = (all: readonly MoveRecord[]): number =>
      all.filter(({ reason, outcome }) => reason === 'room' && outcome === 'moved').length;
    expect(room(moves)).toBeGreaterThan((10 * MiB) / unitBytes);
    expect(room(moves)).toBe(room(free.moves));
    expect(result.engine.endurance[0].leftBytes).toBeLessThanOrEqual(0);
  });
});
