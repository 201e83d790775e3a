/**
 * Decisions as lines of JSON: a header, then one line a decision. Two logs of the same decisions are the same bytes.
 */

import { TierError } from '../errors.ts';
import type { Decision } from '../migration/decision.ts';
import type { UnitColumns } from '../policy/policy.ts';
import { pack, unpack } from './plain-data.ts';

const format = 'memory-tiers decisions';
const version = 1;

/** How the policies of a log were made: parameters by name. A policy that is not there had its defaults. */
export type PolicyParameters = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The first line, without its end. */
export function headerLine(policies: PolicyParameters): string {
  return JSON.stringify({ format, version, policies: pack(policies) });
}

/** The line of a decision, without its end. Throws `TypeError` for a snapshot or plan that is not plain data. */
export function decisionLine(decision: Decision): string {
  const { snapshot } = decision;
  const units = shortened(snapshot.units);
  return JSON.stringify(pack({ ...decision, snapshot: { ...snapshot, units } }));
}

/** Columns are as long as the longest snapshot was; only `length` rows of them count. */
function shortened(units: UnitColumns): UnitColumns {
  const cut = (column: unknown): unknown => {
    if (Array.isArray(column)) return column.map(cut);
    return ArrayBuffer.isView(column) ? (column as Float64Array).subarray(0, units.length) : column;
  };
  const columns = Object.entries(units).map(([name, column]) => [name, cut(column)]);
  return Object.fromEntries(columns);
}

/** Reads the first line. Throws `ERR_TIER_CONFIG` for a file of another kind or version. */
export function parseHeader(line: string, file: string): PolicyParameters {
  const header = parsed(line) as { format?: unknown; version?: unknown; policies?: unknown };
  if (header?.format !== format) {
    throw new TierError('ERR_TIER_CONFIG', `${file} is not a log of decisions.`, {
      hint: '"memory-tiers simulate --decisions FILE" and "replay --decisions FILE" write one.',
    });
  }
  if (header.version !== version) {
    throw new TierError(
      'ERR_TIER_CONFIG',
      `${file} has version ${String(header.version)} of the format; this program reads ${version}.`,
    );
  }
  return (unpack(header.policies) ?? {}) as PolicyParameters;
}

/** Reads the line of a decision. Throws `ERR_TIER_CORRUPT` when it is none; `number` counts from 1. */
export function parseDecision(line: string, file: string, number: number): Decision {
  const decision = parsed(line) as Decision | undefined;
  const wrong = findDecisionError(decision);
  if (wrong === undefined) return decision as Decision;
  throw new TierError('ERR_TIER_CORRUPT', `Decision ${number} of ${file} ${wrong}.`, {
    hint: 'The log was changed, or cut off while it was written; the decisions before it are whole.',
  });
}

function parsed(line: string): unknown {
  try {
    return unpack(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function findDecisionError(decision: Decision | undefined): string | undefined {
  if (typeof decision !== 'object' || decision === null) return 'is not a line of JSON';
  const { policy, snapshot, budget, plan } = decision;
  if (typeof policy !== 'string') return 'names no policy';
  if (typeof budget?.bytes !== 'number') return 'has no budget';
  if (!Array.isArray(plan?.moves)) return 'has no plan';
  if (!Array.isArray(snapshot?.tiers) || !Array.isArray(snapshot.histograms)) {
    return 'has no snapshot';
  }
  const { units } = snapshot;
  if (!Number.isInteger(units?.length)) return 'has no units';
  for (const name of [
    'id',
    'bytes',
    'tier',
    'heatLog2',
    'reads',
    'writes',
    'dwellUntil',
  ] as const) {
    if (units[name]?.length !== units.length) return `has no column "${name}" of its units`;
  }
  return undefined;
}
