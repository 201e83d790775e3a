/** What `memory-tiers numa` prints: nodes, tiers by node, the kernel's counters, a process, and what follows. */

import { backendNode } from '../numa/backend-nearness.ts';
import type { ProcessUse } from '../numa/process-use.ts';
import type { NumaNode, NumaTopology } from '../numa/topology.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { Limit, Tier } from '../tiers/tier.ts';
import type { Paint } from './command-io.ts';
import { formatCount, formatShare } from './format.ts';
import { type NumaSituation, numaVerdict } from './numa-findings.ts';
import { type Alignment, table } from './table.ts';
import { describeBackend, formatList, limitLines } from './topology-report.ts';

/** What is reported. */
export interface NumaFacts extends NumaSituation {
  readonly tiers: readonly Tier[];
  readonly findings: readonly Limit[];
}

/** Threads beyond these are counted, not listed. */
const listedThreads = 16;

function nodeLines({ topology }: NumaFacts): string[] {
  const restricted = topology.allowedCpus.length < topology.cpus.length;
  const name = (node: NumaNode): string =>
    node.tier === null ? 'no memory' : node.memoryAllowed ? node.tier : `${node.tier} (not ours)`;
  const near = (node: NumaNode): string =>
    node.cpus.length > 0 ? 'its CPUs' : `node ${formatList(node.initiators)}`;
  const rows = topology.nodes.map((node) => [
    String(node.id),
    name(node),
    node.socket === null ? '-' : String(node.socket),
    formatList(node.cpus),
    ...(restricted ? [formatList(node.allowedCpus)] : []),
    formatBytes(node.memoryBytes),
    formatBytes(node.freeBytes),
    near(node),
    topology.nodes.map(({ id }) => topology.distance(node.id, id) ?? '-').join(' '),
  ]);
  const heading = [
    'node',
    'class',
    'socket',
    'CPUs',
    ...(restricted ? ['usable'] : []),
    'memory',
    'free',
    'next to',
    'distances',
  ];
  const cpuColumns = new Array<Alignment>(restricted ? 2 : 1).fill('left');
  return table(heading, rows, [
    'right',
    'left',
    'right',
    ...cpuColumns,
    'right',
    'right',
    'left',
    'left',
  ]);
}

function reach(topology: NumaTopology, from: number, node: number | null): string {
  if (node === null) return '-';
  const distance = topology.distance(from, node) ?? '-';
  return topology.isLocal(from, node) ? `near (${distance})` : String(distance);
}

function tierLines({ tiers, topology, machine }: NumaFacts): string[] {
  const users = topology.runnableNodes.map(({ id }) => id);
  const rows = tiers.flatMap(({ name, kind, backends }) =>
    backends.map((backend, index) => {
      const node = machine === null ? null : backendNode(machine, backend);
      return [
        index === 0 ? name : '',
        index === 0 ? kind : '',
        describeBackend(backend),
        formatBytes(backend.capacityBytes),
        node === null ? '-' : String(node),
        ...users.map((from) => reach(topology, from, node)),
      ];
    }),
  );
  const heading = ['tier', 'kind', 'made of', 'capacity', 'node'];
  return table([...heading, ...users.map((from) => `from node ${from}`)], rows, [
    'left',
    'left',
    'left',
    'right',
    'right',
    ...users.map((): Alignment => 'left'),
  ]);
}

function counterLines({ counters, topology }: NumaFacts): string[] {
  const rows = counters.nodes.map(({ node, localPages, otherPages, foreignPages }) => {
    const pages = localPages + otherPages;
    // Memory without CPUs of its own is always given to others.
    const says = pages > 0 && topology.node(node)?.cpus.length !== 0;
    const cells = [node, localPages, otherPages, foreignPages].map(formatCount);
    return cells.toSpliced(3, 0, says ? formatShare(otherPages / pages) : '-');
  });
  const heading = ['node', 'to its own CPUs', 'to other CPUs', 'remote', 'full: given elsewhere'];
  return table(heading, rows, ['right', 'right', 'right', 'right', 'right']);
}

function processNodeLines({ nodes, memoryProblem }: ProcessUse): string[] {
  const bytes = (value: number): string => (memoryProblem === null ? formatBytes(value) : '?');
  const rows = nodes.map((node) => [
    String(node.node),
    bytes(node.bytes),
    bytes(node.placedBytes),
    String(node.threads),
    formatShare(node.cpuShare),
    node.remoteShare === null ? '-' : formatShare(node.remoteShare),
  ]);
  const heading = ['node', 'memory', 'put there', 'threads', 'CPU time', 'used from elsewhere'];
  return table(heading, rows, ['right', 'right', 'right', 'right', 'right', 'right']);
}

function threadLines({ threads, watchedMs, idle }: ProcessUse, topology: NumaTopology): string[] {
  const ticks = Math.max(1, watchedMs / 10);
  const rows = threads
    .filter(({ cpuTicks }) => idle || cpuTicks > 0)
    .slice(0, listedThreads)
    .map(({ threadId, name, cpus, mayRunOn, ranOn, cpuTicks }) => [
      String(threadId),
      name,
      cpus.length === topology.cpus.length ? 'anywhere' : `CPUs ${formatList(cpus)}`,
      formatList(mayRunOn),
      ranOn
        .map(({ node, share }) => (share === 1 ? `${node}` : `${node} (${formatShare(share)})`))
        .join(', '),
      formatShare(cpuTicks / ticks),
    ]);
  const heading = ['thread', 'name', 'may run', 'on nodes', 'ran on node', 'of a CPU'];
  const lines = table(heading, rows, ['right', 'left', 'left', 'left', 'left', 'right']);
  const more = threads.length - rows.length;
  return more > 0 ? [...lines, `and ${more} that took ${idle ? 'none' : 'less or none'}`] : lines;
}

/** How much is remote, in words; nothing where nothing can be. */
function remoteLine({ remote }: ProcessUse, topology: NumaTopology): string[] {
  if (remote === null || topology.nodes.length < 2) return [];
  const least = formatShare(remote.least);
  const even = formatShare(remote.even);
  return [
    least === even
      ? `Remote: ${even} of its memory.`
      : `Remote: at least ${least} of its memory; ${even} of its accesses if every thread uses all of it alike.`,
  ];
}

function processLines(process: ProcessUse, topology: NumaTopology, paint: Paint): string[] {
  const { pid, watchedMs, idle } = process;
  const watched = `watched for ${(watchedMs / 1000).toFixed(1)} s`;
  return [
    `${paint.bold(`Process ${pid}`)}  ${watched}${idle ? ', idle: by where its threads ran last' : ''}`,
    ...processNodeLines(process),
    ...remoteLine(process, topology).map((line) => paint.dim(line)),
    '',
    ...threadLines(process, topology),
  ];
}

/** The whole report as text, ending in a line end. */
export function renderNuma(facts: NumaFacts, paint: Paint): string {
  const { topology, counters, process, findings } = facts;
  const lines: string[] = [];
  if (topology.nodes.length > 0) {
    lines.push(paint.bold('Nodes'), ...nodeLines(facts), '');
    lines.push(
      paint.bold('Tiers, and how far from the CPUs of each node'),
      ...tierLines(facts),
      '',
    );
  }
  if (counters.nodes.length > 1) {
    lines.push(paint.bold('Pages allocated since boot, by everybody'), ...counterLines(facts), '');
  }
  if (process !== null) lines.push(...processLines(process, topology, paint), '');
  lines.push(paint.bold(numaVerdict(facts, findings.length)), ...limitLines(findings, paint));
  return `${lines.join('\n')}\n`;
}
