/** What follows from where threads and memory are: what is wrong, why, and what would mend it. Pure. */

import { countedBalancingLimit, type KernelCounters } from '../numa/kernel-counters.ts';
import { farShare, type ProcessNode, type ProcessUse } from '../numa/process-use.ts';
import type { NumaTopology } from '../numa/topology.ts';
import { formatBytes } from '../tiers/byte-size.ts';
import type { MachineDescription } from '../tiers/machine-description.ts';
import type { Limit } from '../tiers/tier.ts';
import { forbiddenNodes, permissionLimits } from '../tiers/tier-limits.ts';
import { formatCount, formatShare } from './format.ts';
import { formatList } from './topology-report.ts';

/** What there is to judge. */
export interface NumaSituation {
  readonly topology: NumaTopology;
  /** `null` without the native part. */
  readonly machine: MachineDescription | null;
  /** Since the machine was started. */
  readonly counters: KernelCounters;
  readonly process: ProcessUse | null;
}

/** Shares below this are noise: libraries, the kernel's own work. */
const notableShare = 0.1;

/** Pages below this say nothing about a node. */
const enoughPages = 10_000;

const leastBytes = 2 ** 20;

const nodeWord = (ids: readonly number[]): string =>
  `${ids.length === 1 ? 'node' : 'nodes'} ${formatList(ids)}`;

/** Nodes with CPUs of the machine, allowed or not. */
function cpuNodes(topology: NumaTopology): readonly number[] {
  return topology.nodes.filter(({ cpus }) => cpus.length > 0).map(({ id }) => id);
}

function cpusetFindings(topology: NumaTopology): Limit[] {
  const runnable = topology.runnableNodes.map(({ id }) => id);
  const closed = cpuNodes(topology).filter((id) => !runnable.includes(id));
  if (closed.length === 0 || runnable.length === 0) return [];
  return [
    {
      what: `No thread of this process can be on ${nodeWord(closed)}`,
      reason: `It may only run on CPUs ${formatList(topology.allowedCpus)}, of ${nodeWord(runnable)}`,
      hint: "Widen the cpuset (cpuset.cpus, Docker's --cpuset-cpus), or start without taskset or numactl.",
    },
  ];
}

function counterFindings({ topology, counters }: NumaSituation): Limit[] {
  const { nodes } = counters;
  if (cpuNodes(topology).length < 2 && nodes.length < 2) return [];
  return nodes.flatMap((one): Limit[] => {
    const found: Limit[] = [];
    const { node, localPages, otherPages, hitPages, foreignPages } = one;
    const allocated = localPages + otherPages;
    const hasCpus = (topology.node(node)?.cpus.length ?? 0) > 0;
    if (hasCpus && allocated >= enoughPages && otherPages / allocated >= notableShare) {
      found.push({
        what: `Memory of node ${node} is used from other nodes`,
        reason:
          `CPUs of other nodes allocated ${formatShare(otherPages / allocated)} of the ` +
          `${formatCount(allocated)} pages it gave since boot`,
        hint: '`numastat -p PID` tells which process; `memory-tiers numa --pid PID` tells why.',
      });
    }
    const wanted = hitPages + foreignPages;
    if (wanted >= enoughPages && foreignPages / wanted >= notableShare) {
      found.push({
        what: `Node ${node} was full`,
        reason: `${formatShare(foreignPages / wanted)} of the pages wanted from it since boot came from other nodes`,
        hint: 'Give its tier a smaller budget, or divide what runs there.',
      });
    }
    return found;
  });
}

function freeThreads({ topology, process }: NumaSituation): Limit[] {
  if (process === null || topology.runnableNodes.length < 2) return [];
  const { threads, idle } = process;
  // Helpers that do nothing may be anywhere.
  const busy = threads.filter(({ cpuTicks }) => idle || cpuTicks > 0);
  const free = busy.filter(({ mayRunOn }) => mayRunOn.length > 1);
  if (free.length === 0) return [];
  const nodes = [...new Set(free.flatMap(({ mayRunOn }) => mayRunOn))].sort((a, b) => a - b);
  const active = idle ? '' : 'busy ';
  return [
    {
      what: `${free.length} of ${busy.length} ${active}threads may run on several nodes`,
      reason: `The kernel moves them between ${nodeWord(nodes)} as it likes, and what they have touched stays behind`,
      hint:
        'Give each its node: `numa.spawnWorker(file, { node })` or `numa.pinThread(node)` in the program, or start it ' +
        `with \`numactl --cpunodebind=${nodes[0]} --preferred=${nodes[0]}\`.`,
    },
  ];
}

/** Where far memory would go: of the nodes of its tier that threads are next to, the one they are on most. */
function betterNode(
  { topology }: NumaSituation,
  { nodes }: ProcessUse,
  from: ProcessNode,
): number | undefined {
  const near = (node: number): number =>
    nodes.reduce(
      (sum, { node: user, cpuShare }) => sum + (topology.isLocal(user, node) ? cpuShare : 0),
      0,
    );
  const tier = topology.node(from.node)?.tier;
  return topology.nodes
    .filter((node) => node.memoryAllowed && node.tier === tier && near(node.id) > 0)
    .sort((a, b) => near(b.id) - near(a.id) || a.id - b.id)[0]?.id;
}

function farMemory(situation: NumaSituation): Limit[] {
  const { process } = situation;
  if (process === null) return [];
  const { pid, nodes } = process;
  const users = nodes.filter(({ cpuShare }) => cpuShare > 0);
  const ran = users.map(({ node, cpuShare }) => `node ${node} (${formatShare(cpuShare)})`);
  const total = nodes.reduce((sum, { bytes }) => sum + bytes, 0);
  return nodes.flatMap((from): Limit[] => {
    const { node, bytes, placedBytes, remoteShare } = from;
    const least = Math.max(leastBytes, total / 100);
    if (remoteShare === null || remoteShare < farShare || bytes < least) return [];
    const to = betterNode(situation, process, from);
    const loose = bytes - placedBytes;
    const put = placedBytes < leastBytes ? '' : `; ${formatBytes(placedBytes)} were put there`;
    const move =
      to === undefined
        ? 'No memory of this kind is nearer.'
        : `\`migratepages ${pid} ${node} ${to}\` moves it to node ${to} now.`;
    const own =
      'It was put there by a memory policy: by numactl, or by the program, where memory-tiers moves it with ' +
      '`optimizePlacement()` when there is room.';
    return [
      {
        what: `${formatBytes(bytes)} on node ${node} are far from its threads`,
        reason: `They ran on ${ran.join(', ')}${loose < leastBytes ? '' : put}`,
        hint:
          loose < leastBytes
            ? own
            : `${move} Pinned threads keep what they touch from then on near.`,
      },
    ];
  });
}

function crossTraffic({ process }: NumaSituation): Limit[] {
  if (process === null || process.remote === null) return [];
  const { least, even } = process.remote;
  const users = process.nodes.filter(({ cpuShare }) => cpuShare >= notableShare);
  if (even - least < notableShare || users.length < 2) return [];
  return [
    {
      what: `Up to ${formatShare(even)} of its accesses cross nodes`,
      reason: `Its threads run on ${nodeWord(users.map(({ node }) => node))}, and each has the memory of the others in reach`,
      hint:
        'It is less where every thread uses its own data, which only the program can tell: ' +
        '`memory.stats().tiers[].remoteAccesses`. Data used by all alike is best interleaved.',
    },
  ];
}

function unknownMemory({ process }: NumaSituation): Limit[] {
  if (process === null || process.memoryProblem === null) return [];
  return [
    {
      what: `The memory of process ${process.pid} cannot be seen`,
      reason: process.memoryProblem,
      hint: 'Ask as the user the process runs as, or as root; on a kernel with CONFIG_NUMA.',
    },
  ];
}

/** Everything that is worth doing something about, the surest first. */
export function numaFindings(situation: NumaSituation): Limit[] {
  const { topology, machine, counters } = situation;
  if (topology.nodes.length === 0) {
    return [
      {
        what: 'No NUMA node can be seen',
        reason: '/sys/devices/system/node is not there',
        hint: 'Mount /sys in the container (read-only is enough); a kernel without CONFIG_NUMA has none.',
      },
      ...unknownMemory(situation),
    ];
  }
  const balancing = countedBalancingLimit(topology, counters, 'since boot');
  return [
    ...unknownMemory(situation),
    ...farMemory(situation),
    ...freeThreads(situation),
    ...crossTraffic(situation),
    ...(balancing === null ? [] : [balancing]),
    ...cpusetFindings(topology),
    ...(machine === null ? [] : [...permissionLimits(machine), ...forbiddenNodes(machine)]),
    ...counterFindings(situation),
  ];
}

/** One sentence for whoever reads nothing else. */
export function numaVerdict({ topology, process }: NumaSituation, findings: number): string {
  const withCpus = topology.nodes.filter(({ cpus }) => cpus.length > 0).length;
  const withMemory = topology.nodes.filter(({ memoryBytes }) => memoryBytes > 0).length;
  if (topology.nodes.length === 0) return 'Nothing is known of nodes here.';
  if (withCpus <= 1) {
    return withMemory <= 1
      ? 'One node: all memory is equally near to every CPU. There is nothing to place and nothing to pin.'
      : 'All CPUs are on one node: which tier data is in matters, where threads run does not.';
  }
  if (process === null) {
    return `CPUs are on ${withCpus} nodes: where threads run matters. \`--pid PID\` shows a process.`;
  }
  return findings === 0
    ? 'Nothing to do: its threads are on their nodes, and its memory is near them.'
    : 'What follows, the surest first:';
}
