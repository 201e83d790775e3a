/** Chooses a tier for data of which only size and use are known. */

import { TierError } from '../errors.ts';
import type { AccessPattern } from '../policy/policy.ts';
import { formatBytes } from './byte-size.ts';
import type { MachineDescription } from './machine-description.ts';
import type { BackendConfig, Tier, TierName } from './tier.ts';

/** What is known about the data. */
export interface TierRequest {
  /** Where the caller would like it; the next slower tier when that one is not in use or too small. */
  readonly tierHint?: TierName | undefined;
  /** The node whose CPUs will use it. */
  readonly numaNode?: number | undefined;
  /** @default 'unknown' */
  readonly accessPattern?: AccessPattern | undefined;
}

const lineBytes = 64;

function nodeOf(backend: BackendConfig): number | null {
  return backend.kind === 'numa' || backend.kind === 'simulated' ? (backend.node ?? null) : null;
}

function distance(
  machine: MachineDescription | null,
  from: number,
  backend: BackendConfig,
): number | null {
  const to = nodeOf(backend);
  const index = machine?.nodes.findIndex((node) => node.id === to) ?? -1;
  const row = machine?.nodes.find((node) => node.id === from);
  return index < 0 ? null : (row?.distances[index] ?? null);
}

/** Modelled time of one 64-byte access of this kind. */
function lineNs(tier: Tier, pattern: AccessPattern): number {
  const { readLatencyNs, writeLatencyNs, readBytesPerSecond, writeBytesPerSecond } = tier.spec;
  // Prefetching hides the latency of a stream; what is left is bandwidth.
  if (pattern === 'sequential') return (lineBytes / readBytesPerSecond.value) * 1e9;
  if (pattern === 'write-mostly') {
    return Math.max((lineBytes / writeBytesPerSecond.value) * 1e9, writeLatencyNs.value);
  }
  return readLatencyNs.value;
}

/** Tiers in the order in which data of this pattern would like them. */
function preferred(tiers: readonly Tier[], pattern: AccessPattern): readonly Tier[] {
  // Read or written once: there is no second access that a faster tier could speed up.
  if (pattern === 'one-touch') return [...tiers].reverse();
  if (pattern === 'unknown') return tiers;
  return [...tiers].sort((a, b) => lineNs(a, pattern) - lineNs(b, pattern));
}

function nearestFirst(tier: Tier, machine: MachineDescription | null, node: number): Tier {
  const ranked = tier.backends.map((backend, index) => ({
    backend,
    index,
    distance: distance(machine, node, backend) ?? Number.POSITIVE_INFINITY,
  }));
  ranked.sort((a, b) => (a.distance === b.distance ? a.index - b.index : a.distance - b.distance));
  if (ranked.every(({ index }, position) => index === position)) return tier;
  return { ...tier, backends: ranked.map(({ backend }) => backend) };
}

/**
 * The tier for `bytes` of new data, by capacity and figures alone; what is in use is not looked at. With a
 * `numaNode`, the tier's backends come nearest first.
 *
 * @throws TierError `ERR_TIER_FULL` when no tier is large enough
 */
export function chooseTier(
  tiers: readonly Tier[],
  machine: MachineDescription | null,
  bytes: number,
  request: TierRequest,
): Tier {
  const { tierHint, numaNode, accessPattern = 'unknown' } = request;
  const fits = tiers.filter((tier) => tier.capacityBytes >= bytes);
  let chosen: Tier | undefined;
  if (tierHint !== undefined) {
    // Names sort fastest first. Slower before faster: a hint is also a wish to leave the fast tiers alone.
    chosen = fits.find((tier) => tier.name >= tierHint) ?? fits.at(-1);
  } else {
    chosen = preferred(fits, accessPattern)[0];
  }
  if (chosen === undefined) {
    const largest = Math.max(...tiers.map((tier) => tier.capacityBytes));
    throw new TierError(
      'ERR_TIER_FULL',
      `No tier holds ${formatBytes(bytes)}; the largest has ${formatBytes(largest)}`,
      { hint: 'Give a tier more `capacityBytes`, or split the data.' },
    );
  }
  return numaNode === undefined ? chosen : nearestFirst(chosen, machine, numaNode);
}
