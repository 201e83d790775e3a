import { describe, expect, test } from 'vitest';
import type { MoveRecord } from '../../../lib/migration/engine-stats.ts';
import { createPolicy } from '../../../lib/policy/policies.ts';
import { type SimulationOptions, simulate } from '../../../lib/simulation/simulator.ts';
import { parseWorkload } from '../../../lib/simulation/workloads/parse-workload.ts';
import { costs, fast, type Request, requests, scripted, slow } from './small-tiers.ts';

const tiers = [fast, slow];
const nothing = () => scripted(() => []);
const onlySlow = (moves: Parameters<typeof scripted>[0]) => scripted(moves, () => false);

describe('a simulation', () => {
  const five: Request[] = [
    [1, 40, 'r'],
    [2, 40, 'r'],
    [2, 40, 'r'],
    [2, 40, 'r'],
    [1, 40, 'w'],
  ];

  test('of five accesses and a move costs what they cost, to the nanosecond', async () => {
    const moved: MoveRecord[] = [];
    // Units 0 and 1 are keys 1 and 2; the plan comes after the third access.
    const policy = onlySlow((plan) => (plan === 1 ? [{ unit: 1, from: 1, to: 0 }] : []));
    const result = await simulate(requests(five), {
      tiers,
      policy,
      costs,
      interval: 3,
      onMove: (move) => moved.push(move),
    });
    // Three reads in the slow tier, one in the fast one, a write in the slow one.
    expect(result.accessNs).toBeCloseTo((3 * 380 + 140 + 660) / 5, 9);
    expect(result.moveNs).toBeCloseTo(610 / 5, 9);
    expect(result.allFastNs).toBeCloseTo((4 * 140 + 240) / 5, 9);
    expect(result.allSlowNs).toBeCloseTo((4 * 380 + 660) / 5, 9);
    expect(result).toMatchObject({
      workload: 'list',
      policy: 'scripted',
      requests: 5,
      weight: 1,
      units: 2,
      footprintBytes: 80,
      interval: 3,
      moves: 1,
      movedBytes: 40,
      tiers: [
        { name: 'L1_DDR', accesses: 1, accessNs: 140, movesIn: 1, bytesIn: 40 },
        { name: 'L2_CXL', accesses: 4, accessNs: 1800, movesIn: 0, bytesIn: 0 },
      ],
      engine: { rounds: 1, tried: 1, promotions: 1, demotions: 0, failed: 0 },
    });
    expect(result.windows.counts).toEqual([5]);
    expect(result.windows.meanNs[0]).toBeCloseTo((1940 + 610) / 5, 9);
    expect(moved).toMatchObject([{ unit: 1, from: 1, to: 0, outcome: 'moved' }]);
  });

  test('charges the accesses a request stands for, and a move once', async () => {
    const policy = onlySlow((plan) => (plan === 1 ? [{ unit: 1, from: 1, to: 0 }] : []));
    const result = await simulate(requests(five, 12), { tiers, policy, costs, interval: 3 });
    expect(result.accessNs).toBeCloseTo(1940 / 5, 9);
    expect(result.moveNs).toBeCloseTo(610 / 60, 9);
    expect(result.tiers.map(({ accesses }) => accesses)).toEqual([12, 48]);
    expect(policy.seen[0].accessesSincePlan).toBe(36);
  });

  test('shows no units to a policy that wants none, but in a log, and comes to the same', async () => {
    const workload = parseWorkload('zipf:0.9,units=400,accesses=2000,writes=0.3');
    const fastShare = { ...fast, capacityBytes: 400 * 1024 };
    const run = async (usesUnits: boolean, onDecision?: SimulationOptions['onDecision']) => {
      const policy = { ...nothing(), usesUnits };
      const options = { tiers: [fastShare, slow], policy, costs, interval: 50, onDecision };
      const { engine, ...result } = await simulate(workload, options);
      const { slices, ...stats } = engine;
      const lengths = policy.seen.map(({ units }) => units.length);
      return { result: { ...result, stats }, most: Math.max(...lengths) };
    };
    const all = await run(true);
    const none = await run(false);
    expect(none.result).toEqual(all.result);
    expect(all.most).toBeGreaterThan(100);
    expect(none.most).toBe(1);
    expect(await run(false, () => {})).toEqual(all);
  });

  test('fills the fast tier first, and takes the last one to be unbounded', async () => {
    const many = Array.from({ length: 60 }, (_, key): Request => [key, 40, 'r']);
    const result = await simulate(requests(many), { tiers, policy: nothing(), costs });
    expect(result.tiers.map(({ accesses }) => accesses)).toEqual([2, 58]);
    expect(result.footprintBytes).toBe(2400);
  });

  test('does not care how its requests come in batches', async () => {
    const policy = () => onlySlow((plan) => (plan === 1 ? [{ unit: 1, from: 1, to: 0 }] : []));
    const run = (rows: number) =>
      simulate(requests(five, 1, rows), { tiers, policy: policy(), costs, interval: 3 });
    const { engine: _, ...all } = await run(5);
    const { engine: __, ...single } = await run(1);
    expect(single).toEqual(all);
  });

  test('plans 500 times while the units of the fast tier pass, but not more often than every 4 requests', async () => {
    const list = Array.from({ length: 4000 }, (_, i): Request => [i % 300, 10, 'r']);
    const plansWith = async (capacityBytes: number) => {
      const policy = nothing();
      const options = { tiers: [{ ...fast, capacityBytes }, slow], policy, costs };
      const { interval } = await simulate(requests(list, 1, 1000), options);
      return { interval, gaps: policy.seen.map(({ accessesSincePlan }) => accessesSincePlan) };
    };
    expect(await plansWith(100)).toEqual({ interval: 4, gaps: new Array(1000).fill(4) });
    // 20,000 units of 10 bytes: every 40 requests, once it is known how large units are.
    const { interval, gaps } = await plansWith(200_000);
    expect(interval).toBe(40);
    expect(gaps).toEqual([4, ...new Array(99).fill(40)]);
  });

  test('shows a plan four units a request of a short interval, fewer of a long one, and the touched ones first', async () => {
    const list = Array.from({ length: 6000 }, (_, i): Request => [i % 3000, 10, 'r']);
    const considered = async (options: Partial<SimulationOptions>) => {
      const policy = nothing();
      await simulate(requests(list, 1, 1000), { tiers, policy, costs, ...options });
      return Math.max(...policy.seen.map(({ units }) => units.length));
    };
    expect(await considered({ interval: 4 })).toBe(128);
    expect(await considered({ interval: 100 })).toBe(400);
    expect(await considered({ interval: 300 })).toBe(600);
    expect(await considered({ interval: 100, maxUnits: 150 })).toBe(150);
  });

  test('tells its progress after each batch', async () => {
    const seen: number[] = [];
    const onProgress = (count: number): number => seen.push(count);
    await simulate(requests(five), { tiers, policy: nothing(), costs, onProgress });
    expect(seen).toEqual([3, 5]);
  });
});

describe('sampling', () => {
  const seenBy = async (sampleEvery: number) => {
    const policy = nothing();
    const result = await simulate(parseWorkload('zipf,units=100,accesses=40000,size=10'), {
      tiers,
      policy,
      costs,
      sampleEvery,
    });
    const counted = policy.seen.reduce((sum, snapshot) => sum + snapshot.accessesSincePlan, 0);
    return { counted, result };
  };

  test('shows the policy about as many accesses as there are', async () => {
    const { counted: all } = await seenBy(1);
    const { counted: sampled } = await seenBy(16);
    expect(all).toBeGreaterThan(39_900);
    expect(sampled % 16).toBe(0);
    expect(Math.abs(sampled / all - 1)).toBeLessThan(0.05);
  });

  test('of nothing shows nothing, and accesses cost what they cost', async () => {
    const [all, none] = [await seenBy(1), await seenBy(Infinity)];
    expect(none.counted).toBe(0);
    expect(none.result.accessNs).toBe(all.result.accessNs);
    expect(none.result.requests).toBe(all.result.requests);
  });
});

describe('time', () => {
  /** A unit of 1 MiB that a policy would move to the other tier after each access. */
  const movesWith = async (options: Partial<SimulationOptions>): Promise<number> => {
    const policy = onlySlow((_, { units }) => {
      const from = units.tier[units.id.indexOf(0)];
      return [{ unit: 0, from, to: 1 - from }];
    });
    const roomy = [{ ...fast, capacityBytes: 2 ** 21 }, slow];
    const list = new Array<Request>(1000).fill([1, 2 ** 20, 'r']);
    const settings = { tiers: roomy, policy, costs, interval: 1, ...options };
    return (await simulate(requests(list), settings)).moves;
  };

  test('is modelled: a limit of bytes a second knows no other clock', async () => {
    expect(await movesWith({})).toBe(1000);
    // Accesses take less than half a millisecond together, which earns next to nothing: only the first second's
    // worth, which the limiter starts with, is moved.
    const background = await movesWith({ bytesPerSecond: 100 * 2 ** 20, foreground: 0 });
    expect(background).toBeGreaterThanOrEqual(100);
    expect(background).toBeLessThan(105);
    // A move takes some milliseconds. Where the program waits for it, time goes on and earns more moves.
    const foreground = await movesWith({ bytesPerSecond: 100 * 2 ** 20, foreground: 1 });
    expect(foreground).toBeGreaterThan(background + 10);
    expect(foreground).toBeLessThan(1000);
  });
});

test.each(['balanced', 'lru', 'static'])(
  '%s gives the same result for the same call, move by move',
  async (name) => {
    const run = async () => {
      const moves: MoveRecord[] = [];
      const { engine, ...result } = await simulate(
        parseWorkload('zipf-drift,units=1000,accesses=10000,writes=0.2'),
        {
          tiers: [
            { ...fast, capacityBytes: 100 * 4096 },
            { ...slow, capacityBytes: Infinity },
          ],
          policy: createPolicy(name),
          onMove: (move) => moves.push(move),
        },
      );
      // How long plans took is measured, not modelled.
      const { slices: _, ...counted } = engine;
      return { result, counted, moves };
    };
    const first = await run();
    expect(await run()).toEqual(first);
    expect(first.counted.policyErrors).toBe(0);
    expect(first.counted.applied).toBe(first.moves.length);
    if (name === 'static') expect(first.moves).toEqual([]);
    else expect(first.moves.length).toBeGreaterThan(10);
  },
);
