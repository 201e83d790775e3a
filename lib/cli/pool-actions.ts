/** What `memory-tiers pool ACTION` does: opens the pool, asks, and says it in both ways. */

import { CxlMemoryPool } from '../pool/cxl-memory-pool.ts';
import type { PoolOpenOptions } from '../pool/pool-options.ts';
import { UsageError } from './command.ts';
import type { Paint } from './command-io.ts';
import { checkLines, memberLines, repairLines, scrubLines, statusLines } from './pool-report.ts';

/** What was asked for on the command line. */
export interface PoolRequest {
  readonly devices: readonly string[];
  readonly format: Omit<PoolOpenOptions, 'devices'>;
  readonly overwrite: boolean;
  readonly device: string | undefined;
  readonly boot: string | undefined;
  readonly force: boolean;
}

/** What an action found or did. */
export interface PoolOutcome {
  /** For `--json`. */
  readonly report: unknown;
  readonly text: readonly string[];
  /** `false`: something is damaged. */
  readonly ok: boolean;
}

/** One action of the command. */
export type PoolAction = (request: PoolRequest, paint: Paint) => Promise<PoolOutcome>;

async function inPool(
  options: PoolOpenOptions,
  use: (pool: CxlMemoryPool) => Promise<PoolOutcome> | PoolOutcome,
): Promise<PoolOutcome> {
  const pool = await CxlMemoryPool.open({ maintainMs: 0, ...options });
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

/** As a member, because it changes something, or locks a shard at a time. */
function joined(
  { devices }: PoolRequest,
  use: (pool: CxlMemoryPool) => Promise<PoolOutcome>,
): Promise<PoolOutcome> {
  return inPool({ devices, create: false }, use);
}

/** Without a place among the members. */
function looked(
  { devices }: PoolRequest,
  use: (pool: CxlMemoryPool) => PoolOutcome,
): Promise<PoolOutcome> {
  return inPool({ devices, create: false, readOnly: true }, use);
}

function needed(option: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`--${option} is missing.`);
  return value;
}

function status(pool: CxlMemoryPool, paint: Paint): PoolOutcome {
  const stats = pool.stats();
  const kinds = { value: 0, region: 0, counter: 0 };
  let bytes = 0;
  for (const entry of pool.entries()) {
    kinds[entry.kind] += 1;
    bytes += entry.byteLength;
  }
  const { own: _, ...rest } = stats;
  const objects = { ...kinds, bytes };
  const members = pool.members().length;
  const report = { ...rest, objects, members };
  return { report, text: statusLines(report, paint), ok: true };
}

/** The actions by name. */
export const poolActions: Readonly<Record<string, PoolAction>> = {
  create: async (request, paint) => {
    const { devices, format, overwrite } = request;
    await inPool({ ...format, devices, create: true, overwrite }, () => ({
      report: undefined,
      text: [],
      ok: true,
    }));
    return looked(request, (pool) => status(pool, paint));
  },
  status: (request, paint) => looked(request, (pool) => status(pool, paint)),
  members: (request, paint) =>
    looked(request, (pool) => {
      const members = pool.members();
      return { report: { members }, text: memberLines(members, paint), ok: true };
    }),
  check: (request, paint) =>
    joined(request, async (pool) => {
      const check = await pool.check();
      return { report: check, text: checkLines(check, paint), ok: check.clean };
    }),
  scrub: (request, paint) =>
    joined(request, async (pool) => {
      const scrub = await pool.scrub();
      return { report: scrub, text: scrubLines(scrub, paint), ok: scrub.lost === 0 };
    }),
  repair: (request, paint) =>
    joined(request, async (pool) => {
      const repair = await pool.repair();
      return { report: repair, text: repairLines(repair, paint), ok: repair.check.clean };
    }),
  'add-device': (request) =>
    joined(request, async (pool) => {
      const path = needed('device', request.device);
      const { capacityBytes } = request.format;
      const device = { path, ...(capacityBytes !== undefined && { capacityBytes }) };
      await pool.addDevice(device, { overwrite: request.overwrite });
      const { devices } = pool.stats();
      return { report: { devices }, text: [`${path} is part of the pool.`], ok: true };
    }),
  reclaim: (request) =>
    joined(request, async (pool) => {
      const members = await pool.reclaim(needed('boot', request.boot));
      return {
        report: { reclaimed: members },
        text: [`${members} members were recovered.`],
        ok: true,
      };
    }),
  destroy: async ({ devices, force }) => {
    await CxlMemoryPool.destroy(devices, { force });
    return { report: { destroyed: devices }, text: ['The pool is gone.'], ok: true };
  },
};
