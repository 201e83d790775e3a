import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import { simulateCommand } from '../../../lib/cli/simulate.ts';
import type { SimulateReport } from '../../../lib/cli/simulate-report.ts';
import { captureIo } from '../../support/capture-io.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'simulate-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(argv: readonly string[], input: string | Uint8Array = '') {
  const io = captureIo(input);
  const code = await runCli(['simulate', ...argv], [simulateCommand], io);
  return { code, out: io.out(), err: io.err() };
}

async function report(argv: readonly string[], input?: string | Uint8Array) {
  const { code, out, err } = await run([...argv, '--json'], input);
  expect(err).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as SimulateReport;
}

/** Keys 1 and 2 fit into the fast tier, key 3 does not. */
const trace = 'key_id,size_bytes,op\n1,100,r\n2,100,r\n3,100,w\n3,100,r\n1,100,r\n';
const twoTiers = [
  '--tier=L1_DDR=250,latency=100,bandwidth=1GB/s',
  '--tier=L2_CXL,read-latency=300,write-latency=500,bandwidth=0.5GB/s',
];

describe('simulate', () => {
  test('prints a trace on tiers of absolute sizes', async () => {
    const { code, out, err } = await run(['-', ...twoTiers, '--policy=static'], trace);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const pace = /^simulated requests a second of CPU time: [\d,]+ under static\n/m;
    expect(out).toMatch(pace);
    expect(out.replace(pace, '')).toBe(`standard input: 5 requests of 3 objects (300 B)
MODELLED from the figures of the tiers: no memory was touched, no time measured.

tier      budget    read   write    reading    writing
──────  ────────  ──────  ──────  ─────────  ─────────
L1_DDR     250 B  100 ns  100 ns  1.00 GB/s  1.00 GB/s
L2_CXL  the rest  300 ns  500 ns  0.50 GB/s  0.50 GB/s

                           static
─────────────────────────  ──────
served by L1_DDR           60.0 %
served by L2_CXL           40.0 %
access                     360 ns
moves, an access             0 ns
total                      360 ns
total, moves at a quarter  360 ns
against all in L1_DDR       1.80x
promotions                      0
demotions                       0
ping-pong                   0.0 %
moved                         0 B
moved, an access              0 B
plans                           1

an access: all in L1_DDR 200 ns, all in L2_CXL 540 ns
`);
  });

  test('prints the same as one JSON document', async () => {
    const found = await report(['-', ...twoTiers, '--policy=static', '--warm-up=0'], trace);
    expect(found).toEqual({
      modelled: true,
      workload: 'standard input',
      requests: 5,
      weight: 1,
      units: 3,
      footprintBytes: 300,
      tiers: [
        {
          name: 'L1_DDR',
          capacityBytes: 250,
          readLatencyNs: 100,
          writeLatencyNs: 100,
          readBytesPerSecond: 1e9,
          writeBytesPerSecond: 1e9,
          costPerGiBMonth: 1,
        },
        {
          name: 'L2_CXL',
          capacityBytes: null,
          readLatencyNs: 300,
          writeLatencyNs: 500,
          readBytesPerSecond: 0.5e9,
          writeBytesPerSecond: 0.5e9,
          costPerGiBMonth: 0.5,
        },
      ],
      allFastNs: 200,
      allSlowNs: 540,
      policies: [
        {
          policy: 'static',
          interval: 4,
          served: { L1_DDR: 0.6, L2_CXL: 0.4 },
          // Three reads of 100 + 100 ns, a write of 500 + 200, a read of 300 + 200.
          accessNs: 360,
          moveNs: 0,
          totalNs: 360,
          backgroundTotalNs: 360,
          slowdown: 1.8,
          promotions: 0,
          demotions: 0,
          movesFailed: 0,
          pingPongMoves: 0,
          pingPongShare: 0,
          bytesMoved: 0,
          bytesMovedPerAccess: 0,
          bytesIn: { L1_DDR: 0, L2_CXL: 0 },
          plans: 1,
          planNotes: {},
          refused: {},
          policyErrors: 0,
          settled: {
            warmUpAccesses: 0,
            accessNs: 360,
            moveNs: 0,
            p50Ns: 360,
            p99Ns: 360,
            worstNs: 360,
          },
          convergence: [],
        },
      ],
      notes: [],
    });
  });

  test('reads compressed files, and sizes tiers by a share of all objects', async () => {
    const path = join(directory, 'trace.csv.gz');
    writeFileSync(path, gzipSync(trace));
    const found = await report([path, '--tier=L1_DDR=40%', '--tier=L2_CXL', '--policy=static']);
    expect(found.workload).toBe(path);
    expect(found.tiers[0].capacityBytes).toBeCloseTo(120, 9);
    // One object of 100 bytes fits into 120.
    expect(found.policies[0].served).toEqual({ L1_DDR: 0.4, L2_CXL: 0.6 });
  });

  test('compares policies, each with what it was charged', async () => {
    const found = await report([
      'gups-shift:100,units=2000,accesses=60000',
      '--tier=L1_DDR=20%',
      '--tier=L2_CXL',
      '--policy=static,lru',
      '--access-bytes=64',
      '--weight=16',
    ]);
    const [still, lru] = found.policies;
    expect([still.policy, lru.policy]).toEqual(['static', 'lru']);
    expect(found).toMatchObject({ requests: 62_000, weight: 16, units: 2000 });
    expect(still).toMatchObject({ promotions: 0, demotions: 0, moveNs: 0, bytesMoved: 0 });
    expect(lru.promotions).toBeGreaterThan(100);
    expect(lru.served.L1_DDR).toBeGreaterThan(2 * still.served.L1_DDR);
    for (const policy of found.policies) {
      const served = Object.values(policy.served).reduce((sum, share) => sum + share, 0);
      expect(served).toBeCloseTo(1, 9);
      expect(policy.totalNs).toBeCloseTo(policy.accessNs + policy.moveNs, 9);
      expect(policy.backgroundTotalNs).toBeCloseTo(policy.accessNs + policy.moveNs / 4, 9);
      expect(policy.slowdown).toBeCloseTo(policy.totalNs / found.allFastNs, 9);
      expect(policy.bytesMovedPerAccess).toBeCloseTo(policy.bytesMoved / (62_000 * 16), 9);
    }
    // The hot set is gone at half time, and recency finds the new one.
    expect(lru.convergence).toHaveLength(1);
    expect(lru.convergence[0].shiftAt).toBe(32_000 * 16);
    expect(lru.convergence[0].accesses).toBeGreaterThan(0);
    expect(lru.convergence[0].regretNs).toBeGreaterThan(0);
    // The load phase and 20 % of the rest are left out, up to the end of a window.
    expect(lru.settled!.warmUpAccesses).toBeGreaterThanOrEqual(14_000 * 16);
    expect(lru.settled!.warmUpAccesses).toBeLessThan(14_200 * 16);
    expect(lru.settled!.worstNs).toBeGreaterThanOrEqual(lru.settled!.p99Ns);
    expect(lru.settled!.p99Ns).toBeGreaterThanOrEqual(lru.settled!.p50Ns);
  });

  test('prints a column for each policy', async () => {
    const { out } = await run([
      'zipf,units=500,accesses=3000',
      '--tier=L1_DDR=10%',
      '--tier=L2_CXL',
      '--policy=balanced,lru,static',
    ]);
    expect(out).toMatch(/^ +balanced +lru +static$/m);
    expect(out).toMatch(/^total after a warm-up of 1,280 +\S+ ns +\S+ ns +\S+ ns$/m);
    expect(out).toMatch(/^served by L1_DDR +\S+ % +\S+ % +\S+ %$/m);
  });

  test('gives the same document for the same call', async () => {
    const argv = ['zipf-scan,units=500,accesses=9000', '--tier=L1_DDR=10%', '--tier=L4_NVME'];
    expect(await report(argv)).toEqual(await report(argv));
  });

  test('knows the best placement without moves, and the bound for every policy', async () => {
    const found = await report([
      'zipf,units=300,accesses=5000',
      '--tier=L1_DDR=10%',
      '--tier=L2_CXL',
      '--policy=static,lru',
      '--oracle',
    ]);
    expect(found.staticOracleNs).toBeGreaterThan(found.allFastNs);
    expect(found.staticOracleNs).toBeLessThan(found.allSlowNs);
    expect(found.lowerBoundNs).toBeLessThanOrEqual(found.staticOracleNs!);
    for (const policy of found.policies) {
      expect(policy.shareOfLowerBound).toBeLessThanOrEqual(1);
      expect(policy.shareOfStaticOracle).toBeCloseTo(found.staticOracleNs! / policy.totalNs, 9);
    }
    expect(found.policies[0].shareOfStaticOracle).toBeLessThanOrEqual(1);
  });

  test('plays only the beginning, and takes a shift where it is told', async () => {
    const argv = ['zipf,units=1000,accesses=90000', '--tier=L1_DDR=10%', '--tier=L2_CXL'];
    const found = await report([...argv, '--limit=40000', '--shift=20000', '--policy=static']);
    expect(found.requests).toBe(40_000);
    expect(found.policies[0].convergence).toMatchObject([{ shiftAt: 20_000 }]);
  });

  test('says what to know before believing the figures', async () => {
    const { notes } = await report([
      'scan,units=100,accesses=1000,size=1024',
      '--tier=L1_DDR=10KiB',
      '--tier=L2_CXL=20KiB',
      '--sample=16',
    ]);
    expect(notes).toEqual([
      'the objects need 70 KiB more than the tiers have; L2_CXL was taken to be as large as necessary.',
      'the policies saw one in 16 requests.',
    ]);
  });

  test('can play without showing the policy anything', async () => {
    const { notes, policies } = await report([
      'zipf,units=500,accesses=3000',
      '--tier=L1_DDR=10%',
      '--tier=L2_CXL',
      '--policy=lru',
      '--sample=none',
    ]);
    expect(notes).toEqual(['the policies saw no access.']);
    expect(policies[0].promotions).toBe(0);
  });

  test('explains every synthetic workload', async () => {
    const { out } = await run(['--help']);
    expect(out).toContain('zipf:THETA: pages with Zipf popularity (0.99)');
    expect(out).toContain('kv-cache:SESSIONS:');
  });
});

describe('simulate refuses', () => {
  const tiers = ['--tier=L1_DDR=10%', '--tier=L2_CXL'];

  test.each([
    [['zipf'], 'At least one --tier is needed'],
    [['zipf', ...tiers, '--policy=lur'], 'did you mean "lru"'],
    [['zipf', ...tiers, '--policy='], '"policy" must be one of'],
    [['zipf', ...tiers, '--policy=lru,lru'], '--policy lru is given twice'],
    [['zipf', ...tiers, '--interval=0'], '--interval must be a whole number'],
    [['zipf', ...tiers, '--sample=0'], '--sample must be a whole number'],
    [['zipf', ...tiers, '--foreground=2'], '--foreground must be a share'],
    [['zipf', ...tiers, '--access-bytes=x'], '--access-bytes must be a size'],
    [['zipf', ...tiers, '--weight=1.5'], '--weight must be a whole number'],
    [['zipf', ...tiers, '--shift=x'], '--shift must be a whole number'],
    [['zipf,unit=3', ...tiers], 'did you mean "units"?'],
    [['zipf:1', ...tiers], 'anything but 1'],
    [tiers, 'WORKLOAD is missing'],
  ])('%j, as a wrong call', async (argv, message) => {
    const { code, out, err } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });

  test('what is neither a workload nor a file, with a guess', async () => {
    const { code, err } = await run(['zpif:0.9', ...tiers]);
    expect(code).toBe(1);
    expect(err).toContain('There is no workload and no trace "zpif:0.9"');
    expect(err).toContain('Did you mean the workload "zipf"?');
    const other = await run(['/nowhere/trace.csv', ...tiers]);
    expect(other.err).toContain('Check the path; synthetic workloads are zipf,');
  });

  test('a malformed trace, with its line', async () => {
    const { code, err } = await run(['-', ...tiers], 'key_id,size_bytes,op\n1,100,r\n1,x,r\n');
    expect(code).toBe(1);
    expect(err).toMatch(/ERR_TIER_TRACE: .*line 3/);
  });
});
