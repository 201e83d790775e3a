import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../../lib/cli/cli.ts';
import { decisionsCommand } from '../../../lib/cli/decisions.ts';
import type { DecisionsDocument } from '../../../lib/cli/decisions-report.ts';
import { simulateCommand } from '../../../lib/cli/simulate.ts';
import type { SimulateReport } from '../../../lib/cli/simulate-report.ts';
import { captureIo } from '../../support/capture-io.ts';

let directory: string;
let log: string;
let simulated: SimulateReport;

async function run(...argv: readonly string[]) {
  const io = captureIo('');
  const code = await runCli(argv, [simulateCommand, decisionsCommand], io);
  return { code, out: io.out(), err: io.err() };
}

const simulation = [
  'simulate',
  'zipf:0.9,units=400,accesses=8000',
  '--tier=L1_DDR=10%',
  '--tier=L4_NVME',
  '--policy=lru,balanced',
  '--interval=100',
];

async function document(...argv: readonly string[]): Promise<DecisionsDocument> {
  const { out, err } = await run('decisions', ...argv, '--json');
  expect(err).toBe('');
  return JSON.parse(out) as DecisionsDocument;
}

function logText(): string {
  return gunzipSync(readFileSync(log)).toString('utf8');
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'decisions-cli-test-'));
  log = join(directory, 'log.jsonl.gz');
  const { out, code, err } = await run(
    ...simulation,
    '--json',
    '--explain=7',
    `--decisions=${log}`,
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  simulated = JSON.parse(out) as SimulateReport;
}, 30_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('simulate', () => {
  test('tells the story of a key for each policy', () => {
    expect(simulated.explainedKey).toBe(7);
    for (const { policy, explained, plans, refused } of simulated.policies) {
      expect(explained!.considered).toBeGreaterThan(0);
      expect(explained!.considered).toBeLessThanOrEqual(plans);
      expect(explained!.last!.explanation.text).toMatch(/heat/);
      expect(Object.keys(refused).length, policy).toBeGreaterThan(0);
    }
  });

  test('gives the same figures with and without a log and an explanation', async () => {
    const { out } = await run(...simulation, '--json');
    const plain = JSON.parse(out) as SimulateReport;
    const { explainedKey, policies, ...rest } = simulated;
    expect(explainedKey).toBe(7);
    expect(plain).toEqual({
      ...rest,
      policies: policies.map(({ explained, ...policy }) => policy),
    });
  });

  test('prints the story, and says so when there is no such key', async () => {
    const { out } = await run(...simulation, '--explain=7');
    expect(out).toMatch(/key 7 under lru: considered by [\d,]+ plans, to be moved by \d+/);
    expect(out).toMatch(/ {2}at [\d,]+ accesses, .*: (to|stays in) L/);
    expect(out).toMatch(/kept: \w+ +[\d,]+/);
    const none = await run(...simulation, '--explain=123456789');
    expect(none.out).toContain('key 123456789 under lru: no plan considered it.');
  });

  test('names a file that cannot be written before it simulates', async () => {
    const { code, err } = await run(...simulation, `--decisions=${join(directory, 'no', 'log')}`);
    expect(code).toBe(1);
    expect(err).toContain('ERR_TIER_UNAVAILABLE');
  });
});

describe('decisions', () => {
  test('finds all plans equal, bit for bit, and counts what was simulated', async () => {
    const { code, out, err } = await run('decisions', log);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const plans = simulated.policies.reduce((sum, policy) => sum + policy.plans, 0);
    expect(out).toContain(`All ${plans} plans are the same, bit for bit.`);
    const found = await document(log);
    expect(found).toMatchObject({
      recordedPolicies: ['lru', 'balanced'],
      policy: null,
      plans,
      same: plans,
      different: 0,
      first: null,
    });
    const [lru, balanced] = simulated.policies;
    expect(found.recorded.moves).toBe(
      lru.promotions + lru.demotions + balanced.promotions + balanced.demotions,
    );
    expect(found.sameMoves).toBe(found.recorded.moves);
    expect(found.now).toEqual(found.recorded);
  });

  test('finds the one bit that was changed, and fails', async () => {
    const path = join(directory, 'bent.jsonl');
    const lines = logText().split('\n');
    const at = lines.findIndex(
      (line) => line.includes('"policy":"balanced"') && line.includes('"gainNs":'),
    );
    const bent = lines[at].replace(/"gainNs":(-?[\d.e+]+)/, (_, digits: string) => {
      const value = Number(digits);
      return `"gainNs":${value * (1 + Number.EPSILON)}`;
    });
    expect(bent).not.toBe(lines[at]);
    writeFileSync(path, [...lines.slice(0, at), bent, ...lines.slice(at + 1)].join('\n'));
    const { code, out } = await run('decisions', path);
    expect(code).toBe(1);
    expect(out).toContain(`first number ${at} (balanced,`);
    expect(out).toMatch(/plan\.moves\[0\]\.gainNs was -?[\d.e+]+ and is /);
    expect((await document(path)).different).toBe(1);
  });

  test('asks another policy, whose answers may differ without harm', async () => {
    const { code, out } = await run('decisions', log, '--policy=static');
    expect(code).toBe(0);
    expect(out).toMatch(/moves +[\d,]+ +0\n/);
    const found = await document(log, '--policy=static');
    expect(found.now.moves).toBe(0);
    expect(found.recorded.moves).toBeGreaterThan(0);
    // Of its own plans the policy says the same as the log does.
    const same = await document(log, '--policy=lru');
    expect(same.same).toBeGreaterThanOrEqual(simulated.policies[0].plans);
  });

  test('tells the story of a unit from the log as the simulation did', async () => {
    // Key 7 may be any unit; its story is the one that is the same.
    const wanted = simulated.policies.map(({ explained }) => explained);
    const unit = wanted[0]!.last!.explanation.unit;
    const { histories } = await document(log, `--unit=${unit}`);
    expect(histories!.map(({ recorded, ...record }) => record)).toEqual(wanted);
    const { out } = await run('decisions', log, `--unit=${unit}`);
    expect(out).toContain(`unit ${unit} under balanced: considered by`);
  });

  test('says what is wrong with a call or a file', async () => {
    expect(await run('decisions', log, '--policy=lur')).toMatchObject({ code: 2 });
    expect((await run('decisions', log, '--unit=x')).code).toBe(2);
    expect((await run('decisions', join(directory, 'none'))).err).toContain('ERR_TIER_UNAVAILABLE');
    const foreign = join(directory, 'foreign.jsonl');
    writeFileSync(foreign, logText().replaceAll('"policy":"lru"', '"policy":"mine"'));
    const { code, err } = await run('decisions', foreign);
    expect(code).toBe(2);
    expect(err).toContain('policy "mine"');
    expect((await run('decisions', foreign, '--policy=lru')).code).toBe(0);
  });
});
