/** Turns a machine description into the tiers it could offer. Pure but for the probe it is given. */

import { type BudgetSource, isAllowed, usableBytes } from './capacity.ts';
import type { DirectoryFacts } from './directory-probe.ts';
import type {
  BlockDescription,
  DaxDescription,
  MachineDescription,
} from './machine-description.ts';
import { classifyNodes, type NodeClass, type NodeFigures } from './node-class.ts';
import type { Limit, TierName } from './tier.ts';
import type { TierProbe } from './tier-probe.ts';

/** One way to get bytes, without a size yet. */
export type SourceBackend =
  | { readonly kind: 'numa'; readonly node: number }
  | { readonly kind: 'file'; readonly directory: string; readonly dax?: boolean }
  | { readonly kind: 'dax'; readonly path: string }
  | { readonly kind: 'simulated'; readonly node?: number };

/** A backend to be and the budget it draws on. */
export interface TierSource {
  readonly backend: SourceBackend;
  readonly budget: BudgetSource;
}

/** A tier this machine can offer in one way. There may be several ways, e.g. PMEM as node and as file. */
export interface DetectedTier {
  readonly name: TierName;
  readonly kind: 'real' | 'simulated';
  readonly sources: readonly TierSource[];
  /** Firmware's figures. */
  readonly figures: NodeFigures | null;
  readonly evidence: readonly string[];
  /** Size of the drive below, where that wears out by being written. */
  readonly driveBytes?: number | undefined;
  /** May be used without being asked for. A device that could hold somebody's data may not. */
  readonly automatic: boolean;
  /** What there is to say against it. */
  readonly limits?: readonly Limit[];
}

/** Memory of one node, bound to it. */
export function nodeSource(node: number): TierSource {
  return { backend: { kind: 'numa', node }, budget: { kind: 'memory', node } };
}

/** Ordinary memory: of a node, or from wherever the process may allocate. */
export function simulatedSource(node?: number): TierSource {
  return {
    backend: node === undefined ? { kind: 'simulated' } : { kind: 'simulated', node },
    budget: { kind: 'memory', node: node ?? null },
  };
}

/** A file in a directory; one in memory draws on memory. */
export function directorySource(facts: DirectoryFacts): TierSource {
  const dax = facts.mount?.dax === true;
  return {
    backend: { kind: 'file', directory: facts.path, ...(dax && { dax }) },
    budget:
      facts.medium === 'memory'
        ? { kind: 'memory', node: null }
        : {
            kind: 'storage',
            id: facts.mount?.device ?? facts.path,
            usableBytes: usableBytes(facts.freeBytes, facts.totalBytes),
          },
  };
}

/** A dax device, whole. */
export function deviceSource(path: string, sizeBytes: number): TierSource {
  return {
    backend: { kind: 'dax', path },
    budget: { kind: 'storage', id: path, usableBytes: sizeBytes },
  };
}

function nodeTiers(machine: MachineDescription): DetectedTier[] {
  const bindable = machine.permissions.mbind === 0;
  const byTier = new Map<TierName, NodeClass[]>();
  for (const nodeClass of classifyNodes(machine)) {
    if (!isAllowed(machine, nodeClass.node.id)) continue;
    byTier.set(nodeClass.tier, [...(byTier.get(nodeClass.tier) ?? []), nodeClass]);
  }
  const tiers: DetectedTier[] = [];
  for (const [name, nodes] of byTier) {
    const evidence = nodes.flatMap((nodeClass) => nodeClass.evidence);
    const withFigures = nodes.find((nodeClass) => nodeClass.figures.readLatencyNs !== null);
    const figures = (withFigures ?? nodes[0]!).figures;
    if (bindable) {
      const sources = nodes.map((nodeClass) => nodeSource(nodeClass.node.id));
      tiers.push({ name, kind: 'real', sources, figures, evidence, automatic: true });
    } else if (name === 'L1_DDR') {
      // Unbound memory comes from the node of the CPU that touches it first, and that is DDR.
      const unbound = 'memory cannot be bound to a node here: it comes from the local one';
      const sources = [simulatedSource()];
      tiers.push({
        name,
        kind: 'real',
        sources,
        figures,
        evidence: [...evidence, unbound],
        automatic: true,
      });
    }
  }
  return tiers;
}

const originNames: Readonly<Record<BlockDescription['origin'], string>> = {
  nvme: 'NVMe drive',
  pmem: 'persistent memory',
  virtio: 'virtio disk',
  scsi: 'SCSI or SATA disk',
  loop: 'loop device',
  other: 'block device',
};

/** One sentence on what lies below a directory. */
export function describeDirectory(facts: DirectoryFacts): string {
  const { path, fsType, block, mount } = facts;
  if (facts.medium === 'memory') return `${path} is ${fsType}, which is memory, not a drive`;
  if (facts.medium === 'network') return `${path} is on a network file system (${fsType})`;
  if (block === null || mount === null) {
    return `${path} is on ${fsType}; which device is below cannot be seen from here`;
  }
  // A virtio disk reports whatever its host says, which by default is rotational.
  const spins = block.rotational && block.origin !== 'virtio' ? ', rotational' : '';
  const dax = mount.dax ? ', mounted with DAX' : '';
  return `${path} is on ${block.name} (${originNames[block.origin]}${spins}, ${fsType}${dax})`;
}

/** Whether a file there has the character of a local drive, so that it may be used without being asked for. */
export function isLocalDrive(facts: DirectoryFacts): boolean {
  const { block, medium } = facts;
  if (medium !== 'drive' || block === null) return false;
  if (block.origin === 'nvme' || block.origin === 'virtio') return true;
  return !block.rotational && block.origin === 'scsi';
}

/** The writable mount best suited to be L4_NVME: NVMe before other drives, then by free bytes. */
export function pickDriveDirectory(
  machine: MachineDescription,
  probe: TierProbe,
): string | undefined {
  const ranks: readonly BlockDescription['origin'][] = ['nvme', 'virtio', 'scsi'];
  const mounts = machine.blocks
    .filter((block) => ranks.includes(block.origin))
    .filter((block) => !block.rotational || block.origin === 'virtio')
    .flatMap((block) => block.mounts.map((mount) => ({ rank: ranks.indexOf(block.origin), mount })))
    .filter(({ mount }) => !mount.readOnly && !/^\/(boot|efi)(\/|$)/.test(mount.path))
    .filter(({ mount }) => probe.writable(mount.path));
  mounts.sort((a, b) => a.rank - b.rank || b.mount.freeBytes - a.mount.freeBytes);
  return mounts[0]?.mount.path;
}

function fsdaxTiers(machine: MachineDescription, probe: TierProbe): DetectedTier[] {
  const tiers: DetectedTier[] = [];
  for (const block of machine.blocks) {
    if (block.origin !== 'pmem') continue;
    for (const mount of block.mounts) {
      if (!mount.dax || mount.readOnly || !probe.writable(mount.path)) continue;
      tiers.push({
        name: 'L3_PMEM',
        kind: 'real',
        sources: [
          {
            backend: { kind: 'file', directory: mount.path, dax: true },
            budget: {
              kind: 'storage',
              id: mount.device,
              usableBytes: usableBytes(mount.freeBytes, block.sizeBytes),
            },
          },
        ],
        figures: null,
        evidence: [
          `${mount.path} is on ${block.name} (persistent memory, ${mount.fsType}, mounted with DAX)`,
        ],
        automatic: true,
      });
    }
  }
  return tiers;
}

const deviceTier: Readonly<Partial<Record<DaxDescription['origin'], TierName>>> = {
  pmem: 'L3_PMEM',
  cxl: 'L2_CXL',
};

function deviceTiers(machine: MachineDescription, probe: TierProbe): DetectedTier[] {
  const tiers: DetectedTier[] = [];
  for (const { name, path, mode, origin, sizeBytes } of machine.dax) {
    const tier = deviceTier[origin];
    if (mode !== 'devdax' || path === null || tier === undefined) continue;
    const evidence = [
      `${name} is a ${origin === 'cxl' ? 'CXL' : 'persistent memory'} device in devdax mode`,
    ];
    if (!probe.writable(path)) evidence.push(`${path} may not be read and written by this process`);
    const sources = [deviceSource(path, sizeBytes)];
    tiers.push({ name: tier, kind: 'real', sources, figures: null, evidence, automatic: false });
  }
  return tiers;
}

/**
 * Models of NVMe drives that somebody else's machine makes up: volumes of clouds and hypervisors, and targets over a
 * network. What wears out below them is neither known nor ours to save.
 */
const virtualModels =
  /amazon|google|nvme_card|microsoft|alibaba|qemu|vmware|vbox|virtual|oracle|^linux$|bhyve|parallels/i;

/** Size of the physical NVMe drive below a directory; undefined when none is known to be there. */
export function driveBytesOf({ medium, block, model }: DirectoryFacts): number | undefined {
  if (medium !== 'drive' || block?.origin !== 'nvme' || model === undefined) return undefined;
  return virtualModels.test(model) ? undefined : block.sizeBytes;
}

/** L4_NVME in a directory whose facts are known. */
export function driveTier(facts: DirectoryFacts, automatic: boolean): DetectedTier {
  const description = describeDirectory(facts);
  const kind = facts.medium === 'memory' ? 'simulated' : 'real';
  const limits: Limit[] = [];
  if (kind === 'simulated') {
    limits.push({
      what: 'L4_NVME is simulated',
      reason: description,
      hint: "Give a `directory` on a drive, or `directory: 'auto'`.",
    });
  } else if (facts.block?.origin !== 'nvme') {
    limits.push({
      what: 'L4_NVME is not on an NVMe drive',
      reason: description,
      hint: "Its default figures are an NVMe drive's; calibrate() measures this one.",
    });
  }
  const sources = [directorySource(facts)];
  return {
    name: 'L4_NVME',
    kind,
    sources,
    figures: null,
    driveBytes: driveBytesOf(facts),
    evidence: [description],
    automatic,
    limits,
  };
}

/**
 * Everything the machine offers, fastest tier first and within a tier the preferred way first. The
 * temporary directory stands for L4_NVME when it is on a local drive.
 */
export function detectTiers(machine: MachineDescription, probe: TierProbe): DetectedTier[] {
  const tiers = [
    ...nodeTiers(machine),
    ...fsdaxTiers(machine, probe),
    ...deviceTiers(machine, probe),
  ];
  try {
    const facts = probe.directory(probe.temporaryDirectory, machine);
    if (isLocalDrive(facts)) tiers.push(driveTier(facts, true));
  } catch {
    // No usable temporary directory: absentTier() says what to do about L4_NVME.
  }
  return tiers.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
