import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adviseCommand } from '../../../lib/cli/advise.ts';
import { runCli } from '../../../lib/cli/cli.ts';
import { captureIo } from '../../support/capture-io.ts';
import { readXml } from '../../support/xml.ts';
import { zipfAccesses } from '../advise/workloads.ts';

const trace = [
  'key_id,size_bytes,op',
  ...zipfAccesses(500, 10_000, 0.9).map(
    ({ key, bytes, write }) => `${key},${bytes},${write ? 'w' : 'r'}`,
  ),
  '',
].join('\n');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-tiers-advise-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function call(args: readonly string[], input: string | Uint8Array = trace) {
  const io = captureIo(input);
  const exit = await runCli(['advise', ...args], [adviseCommand], io);
  return { exit, out: io.out(), err: io.err() };
}

describe('advise', () => {
  test('prints a table with the chosen sizes, their neighbours and everything in one tier', async () => {
    const { exit, out, err } = await call([
      '-',
      '--price=L1_DDR=3.5',
      '--currency=USD',
      '--footprint=2TiB',
      '--slowdown=1.3',
    ]);
    expect([exit, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot(`
      "standard input: 10,000 requests of 498 objects (933 KiB)
      MODELLED: cheapest sizes at most 1.3 times as slow as everything in L1_DDR

                       L1_DDR   L2_CXL  L4_NVME  served by each   access  slow-down  a month, USD  saving
      ──────────────  ───────  ───────  ───────  ──────────────  ───────  ─────────  ────────────  ──────
      chosen          526 GiB  1.5 TiB        -   78.7 / 21.3 %   153 ns      1.299         4,507  37.1 %
      next cheaper    262 GiB  1.7 TiB        -   66.2 / 33.8 %   173 ns      1.472         4,044  43.6 %
      next faster       1 TiB    1 TiB        -   90.0 / 10.0 %   134 ns      1.143         5,379  25.0 %
      all in L1_DDR     2 TiB        -        -         100.0 %   118 ns      1.000         7,168   0.0 %
      all in L2_CXL         -    2 TiB        -         100.0 %   277 ns      2.360         3,584  50.0 %
      all in L4_NVME        -        -    2 TiB         100.0 %  80.3 µs    682.816           717  90.0 %

      Placed by frequency: what the first half of the requests taught serves the second half better than recency.
      A nanosecond off the average access costs 43.9 USD a month there.
      Measured exactly: every object was followed.
      MODELLED, not measured, from each tier's figures: L1_DDR 100 ns, 100 GB/s, 3.50 a GiB-month; L2_CXL 250 ns, 64.0 GB/s, 1.75 a GiB-month; L4_NVME 80.0 µs, 7.00 GB/s, 0.35 a GiB-month.
      An access waits for latency and bytes / bandwidth, of at most 4 KiB; moves are charged in full. Slow-down is of these accesses, not of the whole program.
      Times are of the second half of the requests; the placement knows only the first half.
      Sizes hold the data and the head-room that policies keep free, and are the whole of each tier.
      The workload stands for 2 TiB: as many more objects, used alike.
      "
    `);
  });

  test('within a budget prints the fastest that it buys', async () => {
    const { exit, out } = await call(['-', '--json', '--budget=900', '--footprint=1TiB']);
    expect(exit).toBe(0);
    const report = JSON.parse(out);
    expect(report.target).toEqual({ budget: 900 });
    expect(report.chosen.bill).toBeLessThanOrEqual(900);
    expect(report.chosen.bill).toBeGreaterThan(880);
    expect(report.chosen.slowdown).toBeGreaterThan(1);
  });

  test('as JSON tells what the text does, with curves that never rise', async () => {
    const report = JSON.parse((await call(['-', '--json', '--slowdown=1.3'])).out);
    expect(report).toMatchObject({
      requests: 10_000,
      modelled: true,
      priceUnit: 'GiB of DDR',
      fastestTier: 'L1_DDR',
      sampling: { rate: 1, meanAbsoluteError: { recency: 0, frequency: 0 } },
      slowdownError: 0,
    });
    expect(report.chosen.slowdown).toBeLessThanOrEqual(1.3);
    expect(report.allIn.L1_DDR.slowdown).toBeCloseTo(1, 9);
    const served = Object.values(report.chosen.served) as number[];
    expect(served.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
    for (const curve of [report.missCurve, report.objectMissCurve]) {
      expect(curve.length).toBeGreaterThan(5);
      for (let i = 1; i < curve.length; i++) {
        expect(curve[i].recency).toBeLessThanOrEqual(curve[i - 1].recency);
      }
    }
    expect(report.missCurve.at(-1).recency).toBeCloseTo(report.objects / report.requests, 9);
  });

  test('is the same for a compressed trace, and every time', async () => {
    const plain = await call(['-']);
    const packed = await call(['-'], gzipSync(trace));
    expect(packed.out).toBe(plain.out);
  });

  test('samples when it is told to, and says how far off that may be', async () => {
    const { exit, out } = await call([
      'zipf:0.9,units=20000,accesses=60000',
      '--sample-keys=2000',
      '--slowdown=1.5',
    ]);
    expect(exit).toBe(0);
    expect(out).toMatch(
      /Sampled: .* mean absolute error of the miss curve \d+\.\d % of the requests/,
    );
    expect(out).toMatch(/chosen .* 1\.\d+ ± 0\.\d+/);
  });

  test('simulates the chosen point when it is told to', async () => {
    const { out } = await call(['-', '--verify', '--slowdown=1.3']);
    expect(out).toMatch(
      /Simulated with policy balanced: .* an access, \d\.\d+ times the fastest \(modelled 1\.\d+\)/,
    );
    const report = JSON.parse((await call(['-', '--verify', '--slowdown=1.3', '--json'])).out);
    expect(report.simulated[0]).toMatchObject({ policy: 'balanced' });
    expect(report.simulated[0].slowdown).toBeGreaterThan(1);
  });

  test('writes charts that are XML, beside what it prints', async () => {
    const svg = join(directory, 'advice.svg');
    const html = join(directory, 'advice.html');
    const { exit, out } = await call(['-', `--svg=${svg}`, `--html=${html}`]);
    expect(exit).toBe(0);
    expect(out).toContain('chosen');
    expect(readXml(readFileSync(svg, 'utf8'))[0].name).toBe('svg');
    expect(readXml(readFileSync(html, 'utf8'))[0].name).toBe('html');
  });
});

describe('a call that cannot work', () => {
  test.each([
    [['-', '--tiers=L1_DDR,L2_CLX'], 'Did you mean "L2_CXL"?'],
    [['-', '--tiers=L1_DDR,L1_DDR'], 'names a tier twice'],
    [['-', '--price=L2_CXL=2'], '--price L1_DDR is missing'],
    [['-', '--price=L1_DDR'], 'write TIER=NUMBER'],
    [['-', '--price=L1_DDR=-3'], 'must be a number above 0'],
    [['-', '--price=L1_DDR=3', '--price=L1_DDR=4'], 'given twice'],
    [['-', '--price=L0_HBM=3', '--price=L1_DDR=1'], '--tiers does not name it'],
    [['-', '--latency=L2_CXL=fast'], 'must be a number above 0'],
    [['-', '--currency=USD'], '--currency needs prices'],
    [['-', '--slowdown=0.9'], 'at least 1'],
    [['-', '--slowdown=1.1', '--budget=3'], 'Either --slowdown or --budget'],
    [['-', '--sample-rate=2'], 'at most 1'],
    [['-', '--sample-keys=3'], 'at least 16'],
    [['-', '--footprint=big'], 'footprint'],
    [['-', '--budget=1e-9'], 'the cheapest bill'],
    [['zipf:0.99,unit=3'], 'did you mean "units"'],
    [['zpf:0.99'], 'Did you mean the workload "zipf"?'],
    [[], 'TRACE|WORKLOAD is missing'],
  ])('%j says what is wrong', async (args, message) => {
    const { exit, out, err } = await call(args);
    expect(exit).toBeGreaterThan(0);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err).not.toContain('ERR_INTERNAL');
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('with a trace that is not one names the line', async () => {
    const { exit, err } = await call(['-'], 'key_id,size_bytes,op\n1,2,r\n1,x,r\n');
    expect(exit).toBe(1);
    expect(err).toContain('line 3');
  });

  test('with a file it cannot write says so, and prints nothing', async () => {
    const { exit, out, err } = await call(['-', `--svg=${join(directory, 'no', 'a.svg')}`]);
    expect([exit, out]).toEqual([1, '']);
    expect(err).toContain('ERR_TIER_IO: The report could not be written');
  });
});
