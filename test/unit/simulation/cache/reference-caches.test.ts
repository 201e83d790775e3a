/** Plain caches beside a published table, on the traces it is about: `MEMTIERS_TRACES=DIR npx vitest run …`. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AccessLog, loadAccessLog } from '../../../../lib/simulation/access-log.ts';
import { byteCacheMisses, cacheMisses } from '../../../../lib/simulation/cache/cache-misses.ts';
import type { UnitCachePolicy } from '../../../../lib/simulation/cache/unit-caches.ts';
import { openTrace } from '../../../../lib/simulation/trace-source.ts';
import { traceWorkload } from '../../../../lib/simulation/workload.ts';

const directory = process.env.MEMTIERS_TRACES ?? '';
const minute = 60_000;
/** Policies that leave nothing open, so that two programs agree to the last miss. */
const exact = new Map<string, UnitCachePolicy>([
  ['S3-FIFO', 's3-fifo'],
  ['2Q', '2q'],
  ['ARC', 'arc'],
  ['LIRS', 'lirs'],
]);
const traces = [
  'cache2k-web12',
  'lirs-2pools',
  'cloudphysics-io',
  'mooncake-conversation',
  'arc-p3-4k',
];

interface Row {
  readonly trace: string;
  readonly policy: string;
  readonly capacity: number;
  readonly inBytes: boolean;
  readonly missRatio: string;
}

function readRows(): Row[] {
  const [, ...lines] = readFileSync(join(directory, 'reference-hit-ratios.csv'), 'utf8')
    .trim()
    .split('\n');
  return lines
    .map((line) => line.split(','))
    .map(([trace, policy, , capacity, unit, , missRatio]) => ({
      trace,
      policy,
      capacity: Number(capacity),
      inBytes: unit === 'bytes',
      missRatio,
    }));
}

async function load(name: string): Promise<AccessLog> {
  const source = await openTrace(join(directory, `${name}.csv.gz`));
  try {
    return await loadAccessLog(traceWorkload(source));
  } finally {
    await source.close();
  }
}

function missRatio(log: AccessLog, policy: UnitCachePolicy, row: Row): number {
  const count = row.inBytes ? byteCacheMisses : cacheMisses;
  return count(log, policy, row.capacity) / log.length;
}

describe.runIf(directory !== '' && existsSync(directory))('on the reference traces', () => {
  const rows = directory === '' ? [] : readRows();

  test.each(traces)(
    '%s: S3-FIFO, 2Q, ARC and LIRS miss as often as the table says, to the last digit',
    async (trace) => {
      const log = await load(trace);
      const listed = rows.filter((row) => row.trace === trace && exact.has(row.policy));
      expect(listed).toHaveLength(4 * exact.size);
      for (const row of listed) {
        const ratio = missRatio(log, exact.get(row.policy)!, row);
        expect.soft(ratio.toFixed(6), `${row.policy} of ${row.capacity}`).toBe(row.missRatio);
      }
    },
    minute,
  );

  test.each(traces)(
    '%s: ours misses at most a point more than the best of the five policies',
    async (trace) => {
      const log = await load(trace);
      const peers = rows.filter(
        ({ policy, trace: of }) =>
          of === trace && (exact.has(policy) || policy.startsWith('W-TinyLFU')),
      );
      const capacities = new Set(peers.map(({ capacity }) => capacity));
      expect(capacities.size).toBe(4);
      for (const capacity of capacities) {
        const beside = peers.filter((row) => row.capacity === capacity);
        const best = Math.min(...beside.map((row) => Number(row.missRatio)));
        expect.soft(missRatio(log, 'value', beside[0]), `${capacity}`).toBeLessThan(best + 0.01);
      }
    },
    minute,
  );
});
