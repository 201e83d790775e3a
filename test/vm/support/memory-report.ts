/**
 * A program, for tests that run one in another environment: opens a memory with the options given as JSON,
 * stores a small and a large value with each hint, moves every unit to the next tier, and prints as JSON what
 * it was told and where pages lie. A value that is not what was stored ends it with an exception.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  type Limit,
  type MemoryStats,
  type Policy,
  TieredMemory,
  type TierName,
  tierNames,
} from '../../../dist/index.js';
import { requireNative } from '../../../dist/native.js';
import { mappedPages, pattern } from './memory.ts';

/** What it prints. */
export interface MemoryReport {
  /** Its user, effective capabilities and seccomp mode, from `/proc/self/status`. */
  readonly process: {
    readonly uid: number;
    readonly capabilities: string;
    readonly seccomp: number;
  };
  readonly permissions: Readonly<Record<string, number>>;
  readonly allowedNodes: readonly number[];
  readonly allowedCpus: readonly number[];
  readonly tiers: readonly {
    readonly name: TierName;
    readonly kind: string;
    readonly nodes: unknown;
  }[];
  readonly limits: readonly Limit[];
  /** Tier by hint, when the data was stored. */
  readonly storedOn: Readonly<Record<string, TierName>>;
  /** Tiers of the large values after the moves. */
  readonly movedTo: Readonly<Record<string, TierName>>;
  readonly stats: MemoryStats;
  /** Pages of memory with a policy of its own. */
  readonly boundPages: Readonly<Record<number, number>>;
  /** Pages of all anonymous memory, but for those of programs and libraries. */
  readonly anonymousPages: Readonly<Record<number, number>>;
}

/** Moves every unit one tier on, once. */
function shuttle(): Policy {
  const seen = new Set<number>();
  return {
    name: 'shuttle',
    halfLifeAccesses: () => Number.POSITIVE_INFINITY,
    admits: () => true,
    plan: ({ units, tiers }) => {
      const moves = [];
      for (let row = 0; row < units.length; row++) {
        const [unit, from] = [units.id[row], units.tier[row]];
        if (seen.has(unit)) continue;
        seen.add(unit);
        const to = (from + 1) % tiers.length;
        moves.push({
          unit,
          bytes: units.bytes[row],
          from,
          to,
          reason: 'hint',
          gainNs: 0,
          costNs: 0,
        } as const);
      }
      return { moves, thresholdsLog2: tiers.slice(1).map(() => 0), refused: {} };
    },
  };
}

const options = JSON.parse(process.argv[2] ?? '{}');
const memory = await TieredMemory.open({ background: false, policy: shuttle(), ...options });
const storedOn: Record<string, TierName> = {};
const values = new Map<string, Buffer>();
for (const [seed, tierHint] of tierNames.entries()) {
  for (const bytes of [10_000, 2_200_000]) {
    const data = pattern(seed, bytes);
    const key = `${tierHint}/${bytes}`;
    const handle = await memory.store(data, { key, tierHint });
    storedOn[tierHint] = handle.tier;
    values.set(key, data);
  }
}
const verify = (): void => {
  for (const [key, data] of values) assert.ok(data.equals(memory.get<Buffer>(key)!.read()), key);
};
verify();
const boundPages = mappedPages(/ (bind|prefer)/);
const anonymousPages = mappedPages(/^(?!.* file=).* anon=/);
await memory.optimizePlacement();
verify();
const status = readFileSync('/proc/self/status', 'utf8');
const statusOf = (key: string): string => new RegExp(`^${key}:\\s*(\\S+)`, 'm').exec(status)![1];
const report: MemoryReport = {
  process: {
    uid: Number(statusOf('Uid')),
    capabilities: statusOf('CapEff'),
    seccomp: Number(statusOf('Seccomp')),
  },
  permissions: { ...requireNative().describeMachine('').permissions },
  allowedNodes: memory.manager.machine?.allowedNodes ?? [],
  allowedCpus: memory.manager.machine?.allowedCpus ?? [],
  tiers: memory.tiers.map(({ name, kind, backends }) => ({
    name,
    kind,
    nodes: backends.map((backend) => ('node' in backend ? backend.node : backend.kind)),
  })),
  limits: memory.limits,
  storedOn,
  movedTo: Object.fromEntries([...values.keys()].map((key) => [key, memory.get(key)!.tier])),
  stats: memory.stats(),
  boundPages,
  anonymousPages,
};
await memory.close();
process.stdout.write(JSON.stringify(report));
