/** Tiers whose backends the caller spelled out: taken as given, within what the machine has. */

import { TierError } from '../errors.ts';
import { formatBytes } from './byte-size.ts';
import { headroomBytes, isAllowed, wholeSteps } from './capacity.ts';
import { memkindLimits } from './memkind-limits.ts';
import type { ResolveContext } from './resolve-tiers.ts';
import type { BackendConfig, Limit, Tier, TierName } from './tier.ts';
import type { CheckedTierOptions } from './tier-options.ts';
import { composeSpec } from './tier-spec.ts';

/** The most a backend can hold; `Infinity` where only opening it will tell. */
function mostBytes(backend: BackendConfig, { machine, probe }: ResolveContext): number {
  const directory = 'directory' in backend ? backend.directory : undefined;
  if (directory !== undefined) {
    const facts = probe.directory(directory, machine);
    return facts.freeBytes - headroomBytes(facts.totalBytes);
  }
  if (machine === null) return Number.POSITIVE_INFINITY;
  if (backend.kind === 'dax') {
    const device = machine.dax.find(({ path }) => path === backend.path);
    if (device === undefined) throw unavailable(`${backend.path} is no dax device in devdax mode`);
    return device.sizeBytes;
  }
  const node = 'node' in backend ? backend.node : undefined;
  if (node === undefined) return Number.POSITIVE_INFINITY;
  const found = machine.nodes.find(({ id }) => id === node);
  if (found === undefined || found.memoryBytes === 0) {
    throw unavailable(`node ${node} is not there, or has no memory`);
  }
  if (!isAllowed(machine, node)) throw unavailable(`the process may not allocate on node ${node}`);
  return found.freeBytes - headroomBytes(found.memoryBytes);
}

/** Why a pool is not the memory that the tier's name promises; undefined when it is. */
function lacksDevice(
  name: TierName,
  path: string,
  { machine }: ResolveContext,
): string | undefined {
  const wanted = name === 'L3_PMEM' ? 'pmem' : 'cxl';
  const device = machine?.dax.find((candidate) => candidate.path === path);
  if (device?.origin === wanted) return undefined;
  const found = device === undefined ? 'no devdax device' : `a device of origin ${device.origin}`;
  return `Its pool lies on ${path}, ${found}`;
}

function unavailable(what: string): TierError {
  return new TierError('ERR_TIER_UNAVAILABLE', `A backend cannot be used: ${what}`, {
    hint: 'Leave `backends` out to have the tier detected or simulated.',
  });
}

/**
 * The tier made of exactly `backends`. Its capacity is theirs in sum, or `capacityBytes` when that is less.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` for a node, device or directory that is not there,
 * `ERR_TIER_FULL` when one has no room for a chunk
 */
export function fixedBackends(
  options: CheckedTierOptions,
  backends: readonly BackendConfig[],
  context: ResolveContext,
): { readonly tier: Tier; readonly limits: readonly Limit[] } {
  const limits: Limit[] = [];
  const { name } = options;
  let rest = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  const sized = backends.flatMap((backend) => {
    const most = wholeSteps(Math.max(0, mostBytes(backend, context)));
    const wanted = wholeSteps(Math.min(backend.capacityBytes, rest));
    const capacityBytes = Math.min(wanted, most);
    if (wanted > 0 && capacityBytes === 0) {
      throw new TierError('ERR_TIER_FULL', `No room for ${name} in its ${backend.kind} backend`, {
        hint: 'Free memory or disk space.',
        tier: name,
      });
    }
    if (capacityBytes < wanted) {
      limits.push({
        what: `${name}'s ${backend.kind} backend has ${formatBytes(capacityBytes)} instead of ${formatBytes(wanted)}`,
        reason: 'That is all that is free, less the head-room',
        hint: 'Lower its `capacityBytes`.',
      });
    }
    if (backend.kind === 'memkind' && context.machine !== null) {
      limits.push(...memkindLimits(name, backend, context.machine, context.probe));
    }
    rest -= capacityBytes;
    return capacityBytes === 0 ? [] : [{ ...backend, capacityBytes }];
  });
  const unbound = context.machine !== null && context.machine.permissions.mbind !== 0;
  const isReal = (backend: BackendConfig): boolean => {
    if (backend.kind === 'pool') return lacksDevice(name, backend.path, context) === undefined;
    return backend.kind !== 'simulated' && !(backend.kind === 'numa' && unbound);
  };
  const simulated = !sized.some(isReal);
  for (const backend of sized) {
    const reason = backend.kind === 'pool' ? lacksDevice(name, backend.path, context) : undefined;
    if (reason === undefined) continue;
    limits.push({
      what: simulated ? `${name} is simulated` : `${name} is simulated in part`,
      reason,
      hint: 'Use a pool on a devdax device of such memory.',
    });
  }
  if (unbound && sized.some(({ kind }) => kind === 'numa')) {
    limits.push({
      what: simulated ? `${name} is simulated` : `${name} is simulated in part`,
      reason: 'mbind is refused: its memory lies on whichever node the kernel chooses',
      hint: 'In a container, run with `--cap-add SYS_NICE`.',
    });
  }
  const tier: Tier = {
    name,
    kind: simulated ? 'simulated' : 'real',
    capacityBytes: sized.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0),
    spec: composeSpec(name, null, options.spec),
    backends: sized,
    evidence: ['its backends were given by the caller'],
  };
  return { tier, limits };
}
