/** What `memory-tiers topology` prints: the machine, the tiers with the source of each figure, the limits. */

import type { HotnessProbe } from '../memory/hotness-binding.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { TierCalibration } from '../tiers/calibrate-tiers.ts';
import type { MachineDescription } from '../tiers/machine-description.ts';
import { classifyNodes } from '../tiers/node-class.ts';
import type { BackendConfig, Figure, FigureSource, Limit, Tier } from '../tiers/tier.ts';
import type { Paint } from './command-io.ts';
import { formatNs, significant } from './format.ts';
import { table } from './table.ts';

/** What is reported: a HardwareTierManager, and what the kernel can tell of accesses. */
export interface TopologyFacts {
  readonly machine: MachineDescription | null;
  readonly tiers: readonly Tier[];
  readonly available: readonly Tier[];
  readonly limits: readonly Limit[];
  /** Ways to see accesses through the views of regions, best first. */
  readonly hotness?: readonly HotnessProbe[];
}

const marks: Readonly<Record<FigureSource, string>> = {
  measured: ' m',
  firmware: ' f',
  user: ' u',
  default: '  ',
};
const legend =
  'm measured, f from firmware, u set by you, unmarked: typical of the class; cost relative to DDR';

function rate(bytesPerSecond: number): string {
  return `${significant(bytesPerSecond / 1e9)} GB/s`;
}

const marked = (figure: Figure, text: string): string => text + marks[figure.source];

/** Numbers in order as a list of ranges, e.g. `0-3,8`. */
export function formatList(numbers: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < numbers.length; i += 1) {
    const first = numbers[i];
    while (numbers[i + 1] === numbers[i] + 1) i += 1;
    ranges.push(first === numbers[i] ? String(first) : `${first}-${numbers[i]}`);
  }
  return ranges.length === 0 ? '-' : ranges.join(',');
}

/** What a backend is made of, in a few words. */
export function describeBackend(backend: BackendConfig): string {
  switch (backend.kind) {
    case 'numa':
      return `node ${backend.node}`;
    case 'file':
      return `file in ${backend.directory}${backend.dax ? ' (DAX)' : ''}`;
    case 'dax':
      return `device ${backend.path}`;
    case 'pool':
      return `pool on ${backend.path}`;
    case 'memkind':
      return `memkind ${backend.memkind}`;
    case 'simulated':
      return backend.node === undefined ? 'ordinary memory' : `memory of node ${backend.node}`;
  }
}

function nodeLines(machine: MachineDescription): string[] {
  const classes = new Map(classifyNodes(machine).map(({ node, tier }) => [node.id, tier]));
  const rows = machine.nodes.map((node) => [
    String(node.id),
    classes.get(node.id) ?? 'no memory',
    formatList(node.cpus),
    formatBytes(node.memoryBytes),
    formatBytes(node.freeBytes),
    node.distances.join(' '),
  ]);
  const heading = ['node', 'class', 'CPUs', 'memory', 'free', 'distances'];
  return table(heading, rows, ['right', 'left', 'left', 'right', 'right', 'left']);
}

function deviceLines(machine: MachineDescription): string[] {
  const dax = machine.dax.map((device) => {
    const node = device.targetNode < 0 ? '' : `, node ${device.targetNode}`;
    return [
      device.name,
      `${device.origin}, ${device.mode}${node}`,
      formatBytes(device.sizeBytes),
      '',
    ];
  });
  // A loop device without a mount is a snap or nothing; either way no place for data.
  const blocks = machine.blocks
    .filter(({ origin, mounts }) => origin !== 'loop' || mounts.length > 0)
    .map((block) => [
      block.name,
      block.rotational && block.origin !== 'virtio' ? `${block.origin}, rotational` : block.origin,
      formatBytes(block.sizeBytes),
      block.mounts
        .map(({ path, fsType, freeBytes }) => `${path} (${fsType}, ${formatBytes(freeBytes)} free)`)
        .join(', '),
    ]);
  const rows = [...dax, ...blocks];
  if (rows.length === 0) return [];
  return table(['device', 'kind', 'size', 'mounted on'], rows, ['left', 'left', 'right', 'left']);
}

function machineLines(machine: MachineDescription, paint: Paint): string[] {
  const { kernel, memoryLimitBytes, memoryUsedBytes } = machine;
  const limit =
    memoryLimitBytes === null
      ? 'no memory limit'
      : `memory limit ${formatBytes(memoryLimitBytes)}, ${formatBytes(memoryUsedBytes ?? 0)} used`;
  const devices = deviceLines(machine);
  const { via } = machine.userfaultfd;
  const moves =
    via === null
      ? 'stop the owner’s thread (no full userfaultfd)'
      : `transparent to every thread (userfaultfd by ${via === 'syscall' ? 'system call' : '/dev/userfaultfd'})`;
  return [
    `${paint.bold('Machine')}  Linux ${kernel.release}, ${formatBytes(kernel.pageBytes)} pages, ${limit}`,
    '',
    ...(machine.nodes.length === 0 ? ['No NUMA node could be read.'] : nodeLines(machine)),
    ...(devices.length === 0 ? [] : ['', ...devices]),
    '',
    `Moves between memory and files or devices: ${moves}`,
  ];
}

/** A column for what wears out, where anything does. */
function enduranceCell({ writeBytesPerDay }: Tier['spec']): string {
  if (writeBytesPerDay === undefined) return '  ';
  const { value } = writeBytesPerDay;
  return marked(writeBytesPerDay, value < Infinity ? formatBytes(value) : 'no limit');
}

function tierLines(tiers: readonly Tier[]): string[] {
  const wears = tiers.some(({ spec }) => spec.writeBytesPerDay !== undefined);
  const rows = tiers.map(({ name, kind, capacityBytes, spec, backends }) => [
    name,
    kind,
    formatBytes(capacityBytes),
    marked(spec.readLatencyNs, formatNs(spec.readLatencyNs.value)),
    marked(spec.readBytesPerSecond, rate(spec.readBytesPerSecond.value)),
    marked(spec.writeBytesPerSecond, rate(spec.writeBytesPerSecond.value)),
    marked(spec.costPerGiBMonth, significant(spec.costPerGiBMonth.value)),
    ...(wears ? [enduranceCell(spec)] : []),
    [...new Set(backends.map(describeBackend))].join(', '),
  ]);
  const heading = [
    'tier',
    'kind',
    'capacity',
    'latency  ',
    'read  ',
    'write  ',
    'cost  ',
    ...(wears ? ['writes a day  '] : []),
    'made of',
  ];
  const right = 'right' as const;
  const figures = new Array<typeof right>(wears ? 6 : 5).fill(right);
  return table(heading, rows, ['left', 'left', ...figures, 'left']);
}

function evidenceLines(tiers: readonly Tier[], paint: Paint): string[] {
  return tiers.flatMap(({ name, evidence }) =>
    evidence.map(
      (fact, index) => `${index === 0 ? name : ' '.repeat(name.length)}  ${paint.dim(fact)}`,
    ),
  );
}

function hotnessLines(hotness: readonly HotnessProbe[]): string[] {
  const rows = hotness.map(({ kind, available, seesReads, seesWrites, detail }) => [
    kind,
    available ? 'yes' : 'no',
    [...(seesReads ? ['reads'] : []), ...(seesWrites ? ['writes'] : [])].join(', '),
    detail,
  ]);
  return table(['source', 'works', 'sees', 'because'], rows, ['left', 'left', 'left', 'left']);
}

/** Limits as a list, each with its hint. */
export function limitLines(limits: readonly Limit[], paint: Paint): string[] {
  return limits.flatMap(({ what, reason, hint }) => [
    `- ${what}: ${reason}.`,
    `  ${paint.dim(`hint: ${hint}`)}`,
  ]);
}

function calibrationLines(calibrations: readonly TierCalibration[]): string[] {
  return calibrations.flatMap(({ name, results, notes }) => [
    ...results.map(({ readLatencyNs, readLatencyIqrNs, workingSetBytes }) => {
      const spread = `${formatNs(readLatencyNs)} a load, interquartile range ${formatNs(readLatencyIqrNs)}`;
      return `${name}  ${spread}, over ${formatBytes(workingSetBytes)}`;
    }),
    ...notes.map((note) => `${name}  ${note}`),
  ]);
}

/** The whole report as text, ending in a line end. */
export function renderTopology(
  facts: TopologyFacts,
  paint: Paint,
  calibrations: readonly TierCalibration[] = [],
): string {
  const { machine, tiers, available, limits, hotness = [] } = facts;
  const used = new Set(tiers.flatMap(({ backends }) => backends.map(describeBackend)));
  const unused = available.filter(({ backends }) =>
    backends.some((backend) => !used.has(describeBackend(backend))),
  );
  const lines = [
    ...(machine === null ? [] : [...machineLines(machine, paint), '']),
    paint.bold('Tiers in use, fastest first'),
    ...tierLines(tiers),
    paint.dim(legend),
    '',
    paint.bold('Evidence'),
    ...evidenceLines(tiers, paint),
  ];
  if (unused.length > 0) {
    lines.push('', paint.bold('Detected and not in use'), ...tierLines(unused));
  }
  if (calibrations.length > 0) {
    lines.push('', paint.bold('Calibration'), ...calibrationLines(calibrations));
  }
  if (hotness.length > 0) {
    lines.push('', paint.bold('Sources of hotness, best first'), ...hotnessLines(hotness));
  }
  if (limits.length > 0) lines.push('', paint.bold('Limits'), ...limitLines(limits, paint));
  return `${lines.join('\n')}\n`;
}
