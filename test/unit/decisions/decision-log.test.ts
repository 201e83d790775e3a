import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionLine } from '../../../lib/decisions/decision-format.ts';
import { DecisionLog } from '../../../lib/decisions/decision-log.ts';
import { type LoggedDecision, readDecisions } from '../../../lib/decisions/read-decisions.ts';
import { findDifference, replan } from '../../../lib/decisions/replan.ts';
import { createPolicy } from '../../../lib/policy/policies.ts';
import { runPolicy } from './recorded.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'decisions-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A log of ten plans, and the lines it should have. */
async function written(name: string): Promise<{ path: string; lines: string[] }> {
  const path = join(directory, name);
  const lines: string[] = [];
  using log = new DecisionLog(path, { lfu: { halfLifeTurns: 3 } });
  await runPolicy(createPolicy('lfu', { halfLifeTurns: 3 }), 10, 7, (decision) => {
    lines.push(decisionLine(decision));
    log.onDecision(decision);
  });
  log.close();
  expect(log.decisions).toBe(10);
  return { path, lines };
}

async function readAll(path: string): Promise<LoggedDecision[]> {
  const all: LoggedDecision[] = [];
  for await (const logged of readDecisions(path)) all.push(logged);
  return all;
}

async function codeOf(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

describe('a log of decisions', () => {
  it('gives back what was written, packed or not, and the plans are those of the policy', async () => {
    const plain = await written('plain.jsonl');
    const packed = await written('packed.jsonl.gz');
    expect(packed.lines).toEqual(plain.lines);
    expect(statSync(packed.path).size).toBeLessThan(statSync(plain.path).size / 2);
    for (const { path, lines } of [plain, packed]) {
      const all = await readAll(path);
      expect(all.map(({ decision }) => decisionLine(decision))).toEqual(lines);
      expect(all.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      for (const { decision, policies } of all) {
        const policy = createPolicy(decision.policy, policies[decision.policy]);
        expect(findDifference(decision, replan(decision, policy))).toBeUndefined();
      }
    }
  });

  it('shows where another policy answers otherwise, and that one bit was changed', async () => {
    const { path } = await written('changed.jsonl');
    const [{ decision }] = (await readAll(path)).slice(-1);
    expect(findDifference(decision, replan(decision, createPolicy('lru')))).toBeDefined();
    const [move] = decision.plan.moves;
    const gainNs = move.gainNs * (1 + Number.EPSILON);
    const bent = {
      ...decision,
      plan: { ...decision.plan, moves: [{ ...move, gainNs }, ...decision.plan.moves.slice(1)] },
    };
    const now = { plan: decision.plan, failure: undefined };
    expect(findDifference(bent, now)).toEqual({
      path: 'plan.moves[0].gainNs',
      recorded: String(gainNs),
      now: String(move.gainNs),
    });
  });

  it('reads what is whole of a log that was cut off, and says that it was', async () => {
    const { path } = await written('cut.jsonl');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.slice(0, text.length - 20));
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { number } of readDecisions(path)) seen.push(number);
    };
    expect(await codeOf(reading)).toBe('ERR_TIER_CORRUPT');
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const packed = await written('cut.jsonl.gz');
    writeFileSync(packed.path, readFileSync(packed.path).subarray(0, -20));
    expect(await codeOf(() => readAll(packed.path))).toBe('ERR_TIER_CORRUPT');
  });

  it('refuses files that are something else', async () => {
    const path = join(directory, 'other.csv');
    const codeOfText = (text: string): Promise<unknown> => {
      writeFileSync(path, text);
      return codeOf(() => readAll(path));
    };
    expect(await codeOfText('key_id,size_bytes,op\n1,2,r\n')).toBe('ERR_TIER_CONFIG');
    expect(await codeOfText('')).toBe('ERR_TIER_CONFIG');
    const header = '{"format":"memory-tiers decisions","version":';
    expect(await codeOfText(`${header}2}\n`)).toBe('ERR_TIER_CONFIG');
    expect(await codeOfText(`${header}1}\n{"policy":"lru"}\n`)).toBe('ERR_TIER_CORRUPT');
    expect(await codeOf(() => readAll(join(directory, 'none')))).toBe('ERR_TIER_UNAVAILABLE');
    expect(await codeOf(() => readAll(directory))).toBe('ERR_TIER_UNAVAILABLE');
  });

  it('names the file that cannot be written, and does not pass for whole when a line is missing', async () => {
    expect(await codeOf(() => new DecisionLog(join(directory, 'no', 'such')))).toBe(
      'ERR_TIER_UNAVAILABLE',
    );
    const log = new DecisionLog(join(directory, 'gap.jsonl'));
    let first: Parameters<DecisionLog['onDecision']>[0] | undefined;
    await runPolicy(createPolicy('lru'), 1, 1, (decision) => {
      first = decision;
    });
    const odd = { ...first!, plan: { ...first!.plan, carry: new Map() } };
    expect(() => log.onDecision(odd)).toThrow('cannot hold a Map');
    expect(() => log.onDecision(first!)).toThrow('cannot hold a Map');
    expect(() => log.close()).toThrow('cannot hold a Map');
    expect(() => log.close()).not.toThrow();
  });

  it.runIf(process.platform === 'linux')('reports a full disk when it is closed', async () => {
    const log = new DecisionLog('/dev/full');
    await runPolicy(createPolicy('lru'), 1, 1, log.onDecision);
    expect(await codeOf(() => log.close())).toBe('ERR_TIER_FULL');
  });
});
