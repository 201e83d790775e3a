import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../lib/cli/cli.ts';
import { replayCommand } from '../../lib/cli/replay.ts';
import type { ReplayReport } from '../../lib/cli/replay-report.ts';
import { readDecisions } from '../../lib/decisions/read-decisions.ts';
import { findDifference, replan } from '../../lib/decisions/replan.ts';
import { createPolicy } from '../../lib/policy/policies.ts';
import type { Policy } from '../../lib/policy/policy.ts';
import { type ReplayResult, replay } from '../../lib/simulation/replay.ts';
import { openTrace } from '../../lib/simulation/trace-source.ts';
import { surveyTrace } from '../../lib/simulation/trace-survey.ts';
import { TieredMemory } from '../../lib/tiered-memory.ts';
import { captureIo } from '../support/capture-io.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'replay-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** SplitMix64 would need BigInt; this is enough to draw from. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

interface Request {
  readonly key: number;
  readonly size: number;
  readonly op: 'r' | 'w';
}

/**
 * 4000 objects of every sort of size, 12 MiB in all, each touched once in order; then a small, scattered part
 * of them gets nine of ten requests.
 */
function skewed(requests: number): Request[] {
  const draw = random(12345);
  const sizes = [1, 7, 64, 100, 1000, 1023, 4096, 5000, 16_384];
  const size = (key: number): number => sizes[(key * 7) % sizes.length];
  const objects = 4000;
  const list: Request[] = [];
  for (let key = 0; key < objects; key++) list.push({ key, size: size(key), op: 'w' });
  while (list.length < requests) {
    const hot = draw() < 0.9;
    const key = hot ? Math.floor(draw() * 300) * 13 + 50 : Math.floor(draw() * objects);
    list.push({ key, size: size(key), op: draw() < 0.3 ? 'w' : 'r' });
  }
  return list;
}

function csv(requests: readonly Request[]): string {
  return `key_id,size_bytes,op\n${requests.map(({ key, size, op }) => `${key},${size},${op}`).join('\n')}\n`;
}

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

async function run(argv: readonly string[], input: string | Uint8Array = '') {
  const io = captureIo(input);
  const code = await runCli(['replay', ...argv], [replayCommand], io);
  return { code, out: io.out(), err: io.err() };
}

async function report(...argv: readonly string[]): Promise<ReplayReport> {
  const { code, out, err } = await run([...argv, '--json']);
  expect(err).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as ReplayReport;
}

const threeTiers = [
  '--tier=L1_DDR=4MiB:kind=simulated',
  '--tier=L2_CXL=6MiB:kind=simulated',
  '--tier=L4_NVME=20MiB:kind=simulated',
];
/** A plan looks at all objects there are: by default there is one every 64 requests. */
const fewPlans = '--interval=400';

describe('a replay', () => {
  const requests = skewed(24_000);
  let path: string;
  beforeAll(() => {
    path = write('skewed.csv.gz', gzipSync(csv(requests)));
  });

  test('serves every request from real objects, moves them by heat, and every byte is right', async () => {
    const result = await report(path, ...threeTiers, fewPlans);
    const footprint = new Map(requests.map(({ key, size }) => [key, size]));
    expect(result).toMatchObject({
      policy: 'balanced',
      requests: 24_000,
      objects: 4000,
      creates: 4000,
      bytes: requests.reduce((sum, { size }) => sum + size, 0),
      footprintBytes: [...footprint.values()].reduce((sum, size) => sum + size, 0),
      writes: requests.slice(4000).filter(({ op }) => op === 'w').length,
      reads: requests.slice(4000).filter(({ op }) => op === 'r').length,
      corruptReads: 0,
      corruptObjects: 0,
      policyErrors: 0,
    });
    expect(result.promotions).toBeGreaterThan(100);
    expect(result.bytesMoved).toBeGreaterThan(100_000);
    expect(result.plans).toBe(Math.floor(24_000 / result.interval));
    const sum = (shares: Readonly<Record<string, number>>): number =>
      Object.values(shares).reduce((total, share) => total + share, 0);
    expect(sum(result.hits)).toBeCloseTo(1, 12);
    expect(sum(result.hitRatio)).toBeCloseTo(1 - 4000 / 24_000, 12);
    expect(result.tiers.map(({ kind }) => kind)).toEqual(['simulated', 'simulated', 'simulated']);
    for (const { usedBytes, capacityBytes } of result.tiers) {
      expect(usedBytes).toBeLessThanOrEqual(capacityBytes);
    }
  });

  test('serves more from the fast tier than without moving, and is modelled faster', async () => {
    const moved = await report(path, ...threeTiers, fewPlans, '--policy', 'balanced');
    const unmoved = await report(path, ...threeTiers, fewPlans, '--policy=static');
    expect(unmoved).toMatchObject({ promotions: 0, demotions: 0, bytesMoved: 0 });
    expect(moved.hits.L1_DDR).toBeGreaterThan(unmoved.hits.L1_DDR + 0.1);
    expect(moved.modelledAccessNs).toBeLessThan(unmoved.modelledAccessNs);
  });

  test('has the modelled time that its tiers and their figures give', async () => {
    const { tiers, hits, modelledAccessNs } = await report(path, ...threeTiers, '--policy=static');
    const latency = tiers.reduce(
      (sum, { name, readLatencyNs }) => sum + hits[name] * readLatencyNs,
      0,
    );
    // Sizes are at most 16 KiB: bytes add little to the latencies, and never take from them.
    expect(modelledAccessNs).toBeGreaterThan(latency);
    expect(modelledAccessNs).toBeLessThan(latency * 1.2);
  });

  test.each(['balanced', 'lru'])(
    'under %s gives the same plans twice, and from standard input',
    async (policy) => {
      const argv = [...threeTiers, fewPlans, '--policy', policy];
      const first = await report(path, ...argv);
      const second = await report(path, ...argv);
      const piped = await run(['-', ...argv, '--json'], csv(requests));
      const third = JSON.parse(piped.out) as ReplayReport;
      expect(third.trace).toBe('standard input');
      for (const other of [second, third]) {
        expect(other.placementDigest).toBe(first.placementDigest);
        expect(other.hits).toEqual(first.hits);
        expect(other.promotions).toBe(first.promotions);
      }
      const { placementDigest } = await report(path, ...argv, '--interval', '777');
      expect(placementDigest).not.toBe(first.placementDigest);
    },
  );

  test('stops at a limit, and divides sizes', async () => {
    const result = await report(path, ...threeTiers, '--limit=5000', '--size-divisor=10');
    const first = requests.slice(0, 5000);
    expect(result).toMatchObject({
      requests: 5000,
      sizeDivisor: 10,
      bytes: first.reduce((sum, { size }) => sum + Math.ceil(size / 10), 0),
    });
  });

  test('of objects larger than a chunk is right too', async () => {
    const MiB = 2 ** 20;
    const large: Request[] = [];
    for (let round = 0; round < 6; round++) {
      for (let key = 0; key < 5; key++) {
        large.push({ key, size: 3 * MiB + 1 + key, op: round % 2 ? 'r' : 'w' });
      }
    }
    const result = await report(
      write('large.csv', csv(large)),
      '--tier=L1_DDR=8MiB:kind=simulated',
      '--tier=L2_CXL=40MiB:kind=simulated',
      '--interval=7',
    );
    expect(result).toMatchObject({ requests: 30, objects: 5, corruptReads: 0, corruptObjects: 0 });
  });

  test('prints a table a person can read', async () => {
    const { code, out } = await run([path, ...threeTiers, fewPlans]);
    expect(code).toBe(0);
    expect(out).toContain('24,000 requests of 4,000 objects');
    expect(out).toMatch(/L1_DDR +simulated +4 MiB/);
    expect(out).toContain('MODELLED');
    expect(out).toContain('every byte read back was the byte written');
  });
});

describe('what goes wrong', () => {
  test('a trace that does not fit is refused before it starts, with a call that works', async () => {
    const requests = Array.from(
      { length: 3000 },
      (_, key) => ({ key, size: 4000, op: 'r' }) as const,
    );
    const path = write('wide.csv', csv(requests));
    const ddr = '--tier=L1_DDR=2MiB:kind=simulated';
    const { code, out, err } = await run([path, ddr, '--tier', 'L4_NVME=8MiB:kind=simulated']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('ERR_TIER_TRACE: The 3,000 objects of the trace do not fit');
    const budget = /--tier (L4_NVME=\d+MiB)/.exec(err)?.[1];
    const result = await report(path, ddr, `--tier=${budget}:kind=simulated`);
    expect(result).toMatchObject({ requests: 3000, corruptReads: 0 });
  });

  test('a malformed line is named, and a truncated file', async () => {
    const bad = write('bad.csv', `${csv(skewed(100))}7,4096,q\n`);
    expect(await run([bad, ...threeTiers])).toMatchObject({
      code: 1,
      err: expect.stringContaining('line 4002: expected op to be "r" or "w", got "7,4096,q"'),
    });
    const cut = write('cut.csv.gz', gzipSync(csv(skewed(20_000))).subarray(0, 9000));
    const { code, err } = await run([cut, ...threeTiers, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'ERR_TIER_TRACE' } });
  });

  test.each([
    [['--limit=0', ...threeTiers], '--limit must be a whole number of at least 1'],
    [[], 'At least one --tier is needed'],
    [['--tier=L1_DDR=1KiB'], 'capacityBytes" must be at least'],
    [['--tier=L1_DRR=4MiB'], 'Did you mean "L1_DDR"?'],
    [['--policy=clever', ...threeTiers], 'clever'],
  ])('a wrong call %j ends in 2 before the trace is read', async (argv, message) => {
    const { code, err } = await run(['no-such-trace.csv', ...argv]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('corruption', () => {
  /** Never moves anything; `strike` runs instead of the 10th plan. */
  function saboteur(strike: () => void): Policy {
    let plans = 0;
    return {
      name: 'saboteur',
      halfLifeAccesses: () => 1000,
      admits: () => true,
      plan: () => {
        if (++plans === 10) strike();
        return { moves: [], thresholdsLog2: [], refused: {} };
      },
    };
  }

  async function sabotaged(strike: (memory: TieredMemory) => void): Promise<ReplayResult> {
    const source = await openTrace(write('victim.csv', csv(skewed(10_000))));
    const survey = await surveyTrace(source);
    let memory: TieredMemory | undefined;
    const policy = saboteur(() => strike(memory!));
    memory = await TieredMemory.open({
      tiers: [{ name: 'L1_DDR', capacityBytes: '32MiB', kind: 'simulated' }],
      policy,
      background: false,
    });
    try {
      return await replay(memory, source, survey, { interval: 500 });
    } finally {
      await memory.close();
      await source.close();
    }
  }

  // Key 50 is one of the hot ones, of 4096 bytes.
  test('of a single bit is found by the next read and by the final pass', async () => {
    const result = await sabotaged((memory) => {
      const bytes = memory.get<Uint8Array>(50)!.borrow();
      bytes[bytes.length - 1] ^= 1;
    });
    expect(result.corruptReads + result.corruptObjects).toBeGreaterThan(0);
    expect(result.corruptions[0]).toMatchObject({ key: 50, tier: 'L1_DDR' });
  });

  test('of an object nobody reads again is found by the final pass', async () => {
    const result = await sabotaged((memory) => {
      const bytes = memory.get<Uint8Array>(3999)!.borrow();
      bytes[0] ^= 0x80;
    });
    expect(result.corruptObjects).toBe(1);
    expect(result.corruptions.at(-1)).toMatchObject({ key: 3999, byteOffset: 0, when: 'verify' });
  });

  test('by stale content, another object in its place, or a loss is found', async () => {
    const stale = await sabotaged((memory) => {
      const other = memory.get<Uint8Array>(3999)!.read();
      memory.storeSync(other.slice(), { key: 3990 });
    });
    expect(stale.corruptObjects).toBe(1);
    const lost = await sabotaged((memory) => memory.delete(3999));
    expect(lost.corruptObjects).toBe(1);
    expect(lost.corruptions.at(-1)).toMatchObject({ key: 3999, byteOffset: -1 });
  });
});

describe('replay with --decisions and --explain', () => {
  test('logs plans that can be made again, and leaves the replay as it was', async () => {
    const path = write('explained.csv', csv(skewed(12_000)));
    const log = join(directory, 'replay.jsonl.gz');
    const call = [path, '--tier=L1_DDR=1MiB', '--tier=L4_NVME=64MiB', '--interval=1000'];
    const plain = await report(...call);
    const explained = await report(...call, `--decisions=${log}`, '--explain=63');
    expect(explained.placementDigest).toBe(plain.placementDigest);
    expect(explained.refused).toEqual(plain.refused);
    expect(Object.keys(plain.refused).length).toBeGreaterThan(0);
    let plans = 0;
    let moves = 0;
    for await (const { decision, policies } of readDecisions(log)) {
      plans++;
      moves += decision.plan.moves.length;
      const policy = createPolicy(decision.policy, policies[decision.policy]);
      expect(findDifference(decision, replan(decision, policy))).toBeUndefined();
    }
    expect(plans).toBe(plain.plans);
    expect(moves).toBe(plain.promotions + plain.demotions + plain.movesFailed);

    const { key, now, history } = explained.explained!;
    expect(key).toBe(63);
    expect(now).toHaveLength(1);
    expect(history.considered).toBeGreaterThan(0);
    expect(history.last!.explanation.unit).toBe(now[0].unit);
    const { out } = await run([...call, '--explain=63']);
    expect(out).toContain('key 63: considered by');
    expect(out).toMatch(/key 63 now:\n {2}.*heat/);
    expect((await run([...call, '--explain=987654321'])).out).toContain('there is no such object');
  });
});
