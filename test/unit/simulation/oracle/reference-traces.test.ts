/** Equality with published reference tables, on the traces they are about: `MEMTIERS_TRACES=DIR npx vitest run …`. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
// @ts-expect-error: plain JavaScript
import * as yardstick from '../../../../bench/policy/reference.js';
import type { CostModel } from '../../../../lib/policy/cost-model.ts';
import { type AccessLog, loadAccessLog } from '../../../../lib/simulation/access-log.ts';
import { type CachePolicy, cacheMisses } from '../../../../lib/simulation/cache/cache-misses.ts';
import type { ModelledTier } from '../../../../lib/simulation/modelled-store.ts';
import { lowerBound } from '../../../../lib/simulation/oracle/lower-bound.ts';
import { staticOracle } from '../../../../lib/simulation/oracle/static-oracle.ts';
import { openTrace } from '../../../../lib/simulation/trace-source.ts';
import { traceWorkload } from '../../../../lib/simulation/workload.ts';

type Table = Record<string, Record<string, Record<string, { readonly total_ns: number }>>>;
const tierSets: Record<string, (bytes: number) => ModelledTier[]> = yardstick.tierSets;
const referenceCosts: (accessBytes: number) => CostModel = yardstick.referenceCosts;
const pageTraces: Record<string, number> = yardstick.pageTraces;
const readReference: (file: string) => Table = yardstick.readReference;

const directory = process.env.MEMTIERS_TRACES ?? '';
const minute = 60_000;

async function load(name: string): Promise<AccessLog> {
  const source = await openTrace(join(directory, `${name}.csv.gz`));
  try {
    return await loadAccessLog(traceWorkload(source, { weight: pageTraces[name] ?? 1 }));
  } finally {
    await source.close();
  }
}

function costsOf(trace: string): CostModel {
  return referenceCosts(trace in pageTraces ? 64 : Infinity);
}

/** Rows of the table about plain caches, of the exact policies and units of equal size. */
function hitRatioRows(): {
  trace: string;
  policy: CachePolicy;
  units: number;
  missRatio: string;
}[] {
  const lines = readFileSync(join(directory, 'reference-hit-ratios.csv'), 'utf8')
    .trim()
    .split('\n');
  return lines
    .map((line) => line.split(','))
    .filter(([, policy, , , unit]) => unit === 'objects' && /^(LRU|Belady)$/.test(policy))
    .map(([trace, policy, , units, , , missRatio]) => ({
      trace,
      policy: policy.toLowerCase() as CachePolicy,
      units: Number(units),
      missRatio,
    }));
}

describe.runIf(directory !== '' && existsSync(directory))('on the reference traces', () => {
  const tiering = directory === '' ? {} : readReference(join(directory, 'reference-tiering.csv'));
  const traces = Object.keys(tiering).filter((name) => !name.startsWith('syn-'));

  test(
    'LRU and Belady miss as often as the table says, to the last digit',
    async () => {
      const rows = hitRatioRows();
      expect(rows.length).toBeGreaterThan(0);
      let log: AccessLog | undefined;
      for (const { trace, policy, units, missRatio } of rows) {
        if (!log?.name.includes(trace)) log = await load(trace);
        const ratio = cacheMisses(log, policy, units) / log.length;
        expect.soft(ratio.toFixed(6), `${policy} of ${units} on ${trace}`).toBe(missRatio);
      }
    },
    5 * minute,
  );

  for (const trace of traces) {
    test(
      `the static oracle of ${trace} is the table's, to the printed digits`,
      async () => {
        const log = await load(trace);
        for (const [set, tiers] of Object.entries(tierSets)) {
          const { accessNs } = staticOracle(log, tiers(log.footprintBytes), costsOf(trace));
          const listed = tiering[trace][set]['static-oracle'].total_ns;
          expect.soft(Number(accessNs.toFixed(2)), set).toBe(listed);
        }
      },
      minute,
    );
  }

  for (const trace of ['cache2k-web12', 'lirs-2pools', 'cloudphysics-io']) {
    test(
      `the lower bound of ${trace} is the table's or, where that stopped early, closer`,
      async () => {
        const log = await load(trace);
        for (const [set, tiers] of Object.entries(tierSets)) {
          const made = tiers(log.footprintBytes);
          const { totalNs } = lowerBound(log, made, costsOf(trace));
          const listed = tiering[trace][set]['LOWER-BOUND'].total_ns;
          expect.soft(totalNs, set).toBeGreaterThan(0.995 * listed);
          expect.soft(totalNs, set).toBeLessThan((made.length === 2 ? 1.005 : 1.03) * listed);
          const known = Object.values(tiering[trace][set]).map((row) => row.total_ns);
          const reached = known.filter((ns) => ns > listed);
          expect.soft(totalNs, set).toBeLessThan(Math.min(...reached));
        }
      },
      minute,
    );
  }
});
