/** Decides for each tier that a caller asks for what it is made of: the hardware, or memory in its place. */

import { isAllowed } from './capacity.ts';
import {
  type DetectedTier,
  describeDirectory,
  deviceSource,
  directorySource,
  driveTier,
  nodeSource,
  pickDriveDirectory,
  simulatedSource,
} from './classify.ts';
import type { MachineDescription } from './machine-description.ts';
import { classifyNodes } from './node-class.ts';
import type { UnsizedTier } from './size-tiers.ts';
import type { Limit, TierName } from './tier.ts';
import { absentTier } from './tier-limits.ts';
import type { CheckedTierOptions } from './tier-options.ts';
import type { TierProbe } from './tier-probe.ts';
import { composeSpec } from './tier-spec.ts';

/** What is known while tiers are resolved. */
export interface ResolveContext {
  readonly machine: MachineDescription | null;
  readonly detected: readonly DetectedTier[];
  readonly probe: TierProbe;
  /** Where L4_NVME goes when it names no directory. */
  readonly directory: string | undefined;
}

/** A tier and what there is to say against it. */
export interface ResolvedTier {
  readonly tier: UnsizedTier;
  readonly limits: readonly Limit[];
}

type Found = Pick<
  DetectedTier,
  'kind' | 'sources' | 'figures' | 'driveBytes' | 'evidence' | 'limits'
>;

function simulated(options: CheckedTierOptions, why: Limit | null, node?: number): ResolvedTier {
  const stand = node === undefined ? 'ordinary memory' : `memory of node ${node}`;
  const { name } = options;
  const tier: UnsizedTier = {
    name,
    kind: 'simulated',
    sources: [simulatedSource(node)],
    capacityBytes: options.capacityBytes,
    spec: composeSpec(name, null, options.spec),
    evidence: [`${stand} stands in for ${name}: its speed is that of the memory, not the tier's`],
  };
  if (why === null) return { tier, limits: [] };
  return { tier, limits: [{ ...why, what: `${name} is simulated` }] };
}

function found(options: CheckedTierOptions, from: Found): ResolvedTier {
  const { name, capacityBytes } = options;
  const { kind, sources, evidence, limits = [] } = from;
  const spec = composeSpec(name, from.figures, options.spec, from.driveBytes);
  return { tier: { name, kind, sources, capacityBytes, spec, evidence }, limits };
}

function onNode(
  options: CheckedTierOptions,
  node: number,
  { machine }: ResolveContext,
): ResolvedTier {
  const absent = (reason: string, hint: string): ResolvedTier =>
    simulated(options, { what: options.name, reason, hint });
  const nodeClass =
    machine === null ? undefined : classifyNodes(machine).find((entry) => entry.node.id === node);
  if (machine === null || nodeClass === undefined) {
    return absent(
      `Node ${node} is not there, or has no memory`,
      'See `memory-tiers topology` for the nodes.',
    );
  }
  if (!isAllowed(machine, node)) {
    return absent(
      `The process may not allocate on node ${node}`,
      'Widen the cpuset (cpuset.mems).',
    );
  }
  if (machine.permissions.mbind !== 0) {
    return absent(
      `Memory cannot be bound to node ${node}: mbind is refused`,
      'In a container, run with `--cap-add SYS_NICE`.',
    );
  }
  if (options.kind === 'simulated') return simulated(options, null, node);
  const named: string[] =
    nodeClass.tier === options.name
      ? []
      : [`the caller says that node ${node} is ${options.name}; detected as ${nodeClass.tier}`];
  const evidence = [...nodeClass.evidence, ...named];
  return found(options, {
    kind: 'real',
    sources: [nodeSource(node)],
    figures: nodeClass.figures,
    evidence,
  });
}

function inDirectory(
  options: CheckedTierOptions,
  path: string,
  { machine, probe }: ResolveContext,
): ResolvedTier {
  const facts = probe.directory(path, machine);
  const description = describeDirectory(facts);
  if (options.name === 'L3_PMEM') {
    const real = facts.mount?.dax === true && facts.block?.origin === 'pmem';
    const limit: Limit = {
      what: 'L3_PMEM is simulated',
      reason: `${description}: no persistent memory mounted with DAX`,
      hint: 'Give a directory on a file system that is mounted with `-o dax` on /dev/pmemN.',
    };
    const from = {
      sources: [directorySource(facts)],
      figures: null,
      evidence: [description],
    } as const;
    return found(options, {
      ...from,
      ...(real ? { kind: 'real' } : { kind: 'simulated', limits: [limit] }),
    });
  }
  return found(options, driveTier(facts, false));
}

function onDevice(
  options: CheckedTierOptions,
  path: string,
  { machine, probe }: ResolveContext,
): ResolvedTier {
  const device = machine?.dax.find((dax) => dax.path === path || `/dev/${dax.name}` === path);
  const absent = (reason: string, hint: string): ResolvedTier =>
    simulated(options, { what: options.name, reason, hint });
  if (device === undefined) {
    return absent(
      `${path} is no dax device of this machine`,
      'See `memory-tiers topology` for the devices.',
    );
  }
  if (device.mode !== 'devdax') {
    const reason = `${path} is ${device.mode === 'system-ram' ? 'online as system RAM' : 'bound to no driver'}`;
    return absent(
      reason,
      `Use \`daxctl reconfigure-device --mode=devdax ${device.name}\`, or its node.`,
    );
  }
  if (!probe.writable(path)) {
    return absent(
      `${path} may not be read and written by this process`,
      'Give the process access to the device.',
    );
  }
  const evidence = [`${device.name} is a ${device.origin} device in devdax mode`];
  return found(options, {
    kind: 'real',
    sources: [deviceSource(path, device.sizeBytes)],
    figures: null,
    evidence,
  });
}

function detected(options: CheckedTierOptions, context: ResolveContext): ResolvedTier {
  const { machine, probe, directory } = context;
  if (options.name === 'L4_NVME') {
    if (directory !== undefined) return inDirectory(options, directory, context);
    const reason = 'No directory was given';
    const hint = "Give `directory` on a local drive, or `directory: 'auto'`.";
    return simulated(options, { what: options.name, reason, hint });
  }
  const tier = context.detected.find((entry) => entry.name === options.name && entry.automatic);
  if (tier !== undefined) return found(options, tier);
  const hint = 'Fine for tests. If the hardware is there, give its `node`.';
  return simulated(options, absentTier(options.name, machine, probe.temporaryDirectory, hint));
}

/** A tier where nothing native can be used. One limit of the manager says so for all of them. */
function withoutMachine(options: CheckedTierOptions): ResolvedTier {
  const sum = options.backends?.reduce((bytes, { capacityBytes }) => bytes + capacityBytes, 0);
  const capacityBytes = options.capacityBytes ?? sum;
  return simulated({ ...options, ...(capacityBytes !== undefined && { capacityBytes }) }, null);
}

/** What an asked-for tier is made of. Throws a TierError only for a directory that cannot be used. */
export function resolveTier(options: CheckedTierOptions, context: ResolveContext): ResolvedTier {
  if (context.machine === null) return withoutMachine(options);
  const { node, directory, devicePath } = options;
  if (node !== undefined) return onNode(options, node, context);
  if (options.kind === 'simulated') return simulated(options, null);
  if (devicePath !== undefined) return onDevice(options, devicePath, context);
  if (directory === undefined) return detected(options, context);
  if (directory !== 'auto') return inDirectory(options, directory, context);
  const { machine, probe } = context;
  const picked = machine === null ? undefined : pickDriveDirectory(machine, probe);
  if (picked !== undefined) return inDirectory(options, picked, context);
  const reason = 'No local drive is mounted where this process may write';
  return simulated(options, { what: options.name, reason, hint: 'Give a `directory`.' });
}

/** The tiers used when the caller names none: the real ones, each in its preferred way. */
export function defaultTiers(context: ResolveContext): ResolvedTier[] {
  const names = new Set<TierName>();
  const tiers: ResolvedTier[] = [];
  for (const tier of context.detected) {
    if (!tier.automatic || names.has(tier.name)) continue;
    if (tier.name === 'L4_NVME' && context.directory !== undefined) continue;
    names.add(tier.name);
    tiers.push(found({ name: tier.name, kind: 'auto' }, tier));
  }
  if (!names.has('L1_DDR')) {
    tiers.push(resolveTier({ name: 'L1_DDR', kind: 'auto' }, context));
  }
  if (context.directory !== undefined) {
    const options = { name: 'L4_NVME', kind: 'auto', directory: context.directory } as const;
    tiers.push(resolveTier(options, context));
  }
  return tiers.sort((a, b) => (a.tier.name < b.tier.name ? -1 : 1));
}
