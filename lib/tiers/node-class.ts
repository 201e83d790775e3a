/**
 * Tells which tier a NUMA node is, from several sources that each mislead somewhere: what the dax bus says
 * about its origin, whether it has CPUs, the firmware's HMAT figures, and distance last. The kernel's own
 * memory_tiering is not used: it keeps a node with 2.5 times the latency in the tier of DDR.
 */

import type { MachineDescription, NodeDescription } from './machine-description.ts';
import type { TierName } from './tier.ts';

/** Firmware's figures of a node, `null` where it is silent or not to be believed. */
export interface NodeFigures {
  readonly readLatencyNs: number | null;
  readonly writeLatencyNs: number | null;
  readonly readBytesPerSecond: number | null;
  readonly writeBytesPerSecond: number | null;
}

/** A node with its class. `certain` is false where only weak evidence was to be had. */
export interface NodeClass {
  readonly node: NodeDescription;
  readonly tier: TierName;
  readonly figures: NodeFigures;
  readonly evidence: readonly string[];
  readonly certain: boolean;
}

/**
 * No memory that answers loads is this slow. Linux 6.12 adds a CXL link's picoseconds up as nanoseconds and
 * reports 17 us.
 */
const slowestMemoryNs = 3000;
/** More is a unit error, not a memory. */
const fastestBytesPerSecond = 20e12;

/** HBM has at least this multiple of DDR's bandwidth ... */
const hbmBandwidthRatio = 2;
/** ... at no more than this multiple of its latency. */
const hbmLatencyRatio = 1.5;
/** From this multiple of DDR's latency on, memory without CPUs is taken to be behind a link. */
const farLatencyRatio = 1.3;

const noFigures: NodeFigures = {
  readLatencyNs: null,
  writeLatencyNs: null,
  readBytesPerSecond: null,
  writeBytesPerSecond: null,
};

function within(value: number | null, limit: number): number | null {
  return value !== null && value > 0 && value <= limit ? value : null;
}

/** The figures seen from the best initiator, or from the best CPU, without the impossible ones. */
function figuresOf(node: NodeDescription): { figures: NodeFigures; rejected: readonly string[] } {
  const rejected: string[] = [];
  for (const accessClass of [0, 1] as const) {
    const found = node.attributes.find((attributes) => attributes.accessClass === accessClass);
    if (found === undefined) continue;
    for (const latencyNs of [found.readLatencyNs, found.writeLatencyNs]) {
      if (latencyNs === null || latencyNs <= slowestMemoryNs || rejected.length > 0) continue;
      rejected.push(`firmware says ${latencyNs} ns, which no memory has: not believed`);
    }
    const figures: NodeFigures = {
      readLatencyNs: within(found.readLatencyNs, slowestMemoryNs),
      writeLatencyNs: within(found.writeLatencyNs, slowestMemoryNs),
      readBytesPerSecond: within(found.readBytesPerSecond, fastestBytesPerSecond),
      writeBytesPerSecond: within(found.writeBytesPerSecond, fastestBytesPerSecond),
    };
    if (Object.values(figures).some((figure) => figure !== null)) return { figures, rejected };
  }
  return { figures: noFigures, rejected };
}

function nearestCpuDistance(machine: MachineDescription, node: NodeDescription): number | null {
  const distances = machine.nodes.flatMap((other, index) => {
    const distance = node.distances[index];
    return other.cpus.length > 0 && other.id !== node.id && distance !== undefined
      ? [distance]
      : [];
  });
  return distances.length === 0 ? null : Math.min(...distances);
}

function gbPerSecond(bytesPerSecond: number): string {
  return `${Math.round(bytesPerSecond / 1e9)} GB/s`;
}

type Verdict = Pick<NodeClass, 'tier' | 'certain'> & { readonly because: readonly string[] };

function byFirmware(figures: NodeFigures, ddr: NodeFigures): Verdict | undefined {
  const bandwidthRatio =
    figures.readBytesPerSecond !== null && ddr.readBytesPerSecond !== null
      ? figures.readBytesPerSecond / ddr.readBytesPerSecond
      : null;
  const latencyRatio =
    figures.readLatencyNs !== null && ddr.readLatencyNs !== null
      ? figures.readLatencyNs / ddr.readLatencyNs
      : null;
  if (bandwidthRatio !== null && bandwidthRatio >= hbmBandwidthRatio) {
    const because = `HMAT bandwidth ${gbPerSecond(figures.readBytesPerSecond!)} is ${bandwidthRatio.toFixed(1)} times DDR's`;
    if (latencyRatio === null) return { tier: 'L0_HBM', certain: true, because: [because] };
    if (latencyRatio <= hbmLatencyRatio) {
      const latency = `HMAT latency ${figures.readLatencyNs} ns is ${latencyRatio.toFixed(1)} times DDR's`;
      return { tier: 'L0_HBM', certain: true, because: [because, latency] };
    }
  }
  if (latencyRatio !== null && latencyRatio >= farLatencyRatio) {
    const latency = `HMAT latency ${figures.readLatencyNs} ns is ${latencyRatio.toFixed(1)} times DDR's`;
    return { tier: 'L2_CXL', certain: true, because: [latency] };
  }
  return undefined;
}

function verdict(
  machine: MachineDescription,
  node: NodeDescription,
  figures: NodeFigures,
  ddr: NodeFigures,
): Verdict {
  if (node.cpus.length > 0) {
    return { tier: 'L1_DDR', certain: true, because: [`node ${node.id} has CPUs`] };
  }
  const dax = machine.dax.find(
    (device) => device.mode === 'system-ram' && device.targetNode === node.id,
  );
  const noCpus = `node ${node.id} has no CPUs`;
  if (dax !== undefined && dax.origin === 'pmem') {
    const because = `node ${node.id} is ${dax.name}, persistent memory online as system RAM`;
    return { tier: 'L3_PMEM', certain: true, because: [because] };
  }
  if (dax !== undefined && dax.origin === 'cxl') {
    const because = `node ${node.id} is ${dax.name}, a CXL region online as system RAM`;
    return { tier: 'L2_CXL', certain: true, because: [because] };
  }
  const firmware = byFirmware(figures, ddr);
  if (firmware !== undefined) return { ...firmware, because: [noCpus, ...firmware.because] };
  // A CXL node added at run time has no SLIT row (20 to everything) and real ones report anything from 14
  // up, so distance shows that memory is elsewhere, not what it is.
  const distance = nearestCpuDistance(machine, node);
  const far =
    distance === null ? 'no distance is known' : `distance ${distance} to the nearest CPUs`;
  return {
    tier: 'L2_CXL',
    certain: false,
    because: [noCpus, `${far}; firmware figures do not tell what it is`],
  };
}

function bestOf(
  nodes: readonly NodeFigures[],
  key: keyof NodeFigures,
  best: (...values: number[]) => number,
): number | null {
  const values = nodes.map((figures) => figures[key]).filter((value) => value !== null);
  return values.length === 0 ? null : best(...values);
}

/** The class of every node that has memory, in the machine's order. Pure. */
export function classifyNodes(machine: MachineDescription): NodeClass[] {
  const withMemory = machine.nodes.filter((node) => node.memoryBytes > 0);
  const ddrNodes = withMemory.filter((node) => node.cpus.length > 0);
  const ddrFigures = ddrNodes.map((node) => figuresOf(node).figures);
  const ddr: NodeFigures = {
    readLatencyNs: bestOf(ddrFigures, 'readLatencyNs', Math.min),
    writeLatencyNs: bestOf(ddrFigures, 'writeLatencyNs', Math.min),
    readBytesPerSecond: bestOf(ddrFigures, 'readBytesPerSecond', Math.max),
    writeBytesPerSecond: bestOf(ddrFigures, 'writeBytesPerSecond', Math.max),
  };
  return withMemory.map((node) => {
    const { figures, rejected } = figuresOf(node);
    const { tier, certain, because } = verdict(machine, node, figures, ddr);
    // One sentence a node, which begins with its number: a tier's evidence is that of all its nodes.
    return { node, tier, certain, figures, evidence: [[...because, ...rejected].join('; ')] };
  });
}
