/** What the machine or container does not allow, put into words. */

import { constants } from 'node:os';
import { isAllowed } from './capacity.ts';
import type { MachineDescription } from './machine-description.ts';
import { classifyNodes } from './node-class.ts';
import type { Limit, TierName } from './tier.ts';

function errnoName(errno: number): string {
  const entry = Object.entries(constants.errno).find(([, value]) => value === errno);
  return entry?.[0] ?? `errno ${errno}`;
}

const wider = "Widen the cpuset (cpuset.mems, Docker's --cpuset-mems) or start without numactl.";

const capSysNice =
  'In a container, run with `--cap-add SYS_NICE` or a seccomp profile that allows mbind, move_pages, set_mempolicy and get_mempolicy.';

/** The calls by what is lost without them, the worst first. */
const calls = [
  ['mbind', 'mbind', 'Memory cannot be bound to NUMA nodes'],
  ['movePages', 'move_pages', 'Pages cannot be moved between NUMA nodes'],
  ['getMempolicy', 'get_mempolicy', 'Memory policies cannot be queried'],
  ['setMempolicy', 'set_mempolicy', 'The memory policy of a thread cannot be set'],
] as const;

/** One limit for all calls that are refused with the same error: they have one cause. */
export function permissionLimits({ permissions }: MachineDescription): Limit[] {
  const refused = calls.filter(([key]) => permissions[key] !== 0);
  const errnos = new Set(refused.map(([key]) => permissions[key]));
  return [...errnos].map((errno) => {
    const same = refused.filter(([key]) => permissions[key] === errno);
    const missing = errno === constants.errno.ENOSYS;
    return {
      what: same[0][2],
      reason: `${same.map(([, call]) => call).join(', ')}: refused with ${errnoName(errno)}`,
      hint: missing ? 'This kernel is built without CONFIG_NUMA.' : capSysNice,
    };
  });
}

/**
 * What to say when the kernel moves pages by itself. It leaves memory alone that is bound to a node, as that of real
 * tiers is; the heap of JavaScript, simulated tiers without a node, and files follow the threads that use them.
 *
 * @returns `null` where balancing is off or not built in (`mode` is `kernel.numa_balancing`), or has nowhere to move to
 */
export function balancingLimit(facts: {
  readonly mode: number | null;
  /** Nodes with memory. */
  readonly memoryNodes: number;
  /** Pages it has moved, where they were counted, and since when. */
  readonly migratedPages?: number | undefined;
  readonly since?: string | undefined;
}): Limit | null {
  const { mode, memoryNodes, migratedPages, since = 'since' } = facts;
  if (mode === null || mode === 0 || memoryNodes < 2) return null;
  const moved =
    migratedPages === undefined ? '' : `, and the kernel has moved ${migratedPages} pages ${since}`;
  return {
    what: 'The kernel moves pages too',
    reason: `kernel.numa_balancing is ${mode}${moved}`,
    hint:
      'Set it to 0 (sysctl kernel.numa_balancing=0) so that placement stays as planned. Memory bound to a node is ' +
      'left alone; what is not bound moves to the threads that use it, and back when they move.',
  };
}

/** Nodes whose memory this process may not use. */
export function forbiddenNodes(machine: MachineDescription): Limit[] {
  return classifyNodes(machine)
    .filter(({ node }) => !isAllowed(machine, node.id))
    .map(({ node, tier }) => ({
      what: `Node ${node.id} (${tier}) is not used`,
      reason: `The process may only allocate on nodes ${machine.allowedNodes.join(', ')}`,
      hint: wider,
    }));
}

/** Nodes that may be something else than they are taken for. */
function uncertainNodes(machine: MachineDescription): Limit[] {
  return classifyNodes(machine)
    .filter(({ node, certain }) => !certain && isAllowed(machine, node.id))
    .map(({ node, tier, evidence }) => ({
      what: `Node ${node.id} is taken for ${tier} on weak evidence`,
      reason: evidence.join('; '),
      hint: 'Say which tier it is with `{ name, node }` in `tiers`, or look at the figures of calibrate().',
    }));
}

/** Without a full userfaultfd nobody can be held back while a chunk changes between memory and a file. */
function liveMoveLimits({ userfaultfd }: MachineDescription): Limit[] {
  if (userfaultfd.via !== null) return [];
  return [
    {
      what: 'Moves between memory and files stop this thread, and leave memory that other threads may use where it is',
      reason: `userfaultfd: refused with ${errnoName(userfaultfd.errno)}`,
      hint: 'Give the process access to /dev/userfaultfd, or CAP_SYS_PTRACE, or set sysctl vm.unprivileged_userfaultfd=1.',
    },
  ];
}

/** Limits that hold whatever tiers are used. */
export function machineLimits(machine: MachineDescription): Limit[] {
  const balancing = balancingLimit({
    mode: machine.kernel.numaBalancing,
    memoryNodes: machine.nodes.filter(({ memoryBytes }) => memoryBytes > 0).length,
  });
  const limits = [
    ...permissionLimits(machine),
    ...liveMoveLimits(machine),
    ...forbiddenNodes(machine),
    ...uncertainNodes(machine),
    ...(balancing === null ? [] : [balancing]),
  ];
  if (machine.unreadable.length > 0) {
    const [first, ...others] = machine.unreadable;
    limits.push({
      what: 'The machine could be described only in part',
      reason: `${first}${others.length > 0 ? ` and ${others.length} more` : ''} could not be read or understood`,
      hint:
        machine.nodes.length === 0
          ? 'Mount /sys and /proc in the container (read-only is enough).'
          : 'The tiers concerned can be named in `tiers`.',
    });
  }
  return limits;
}

/**
 * Why a tier is not there.
 *
 * @param temporaryDirectory - where L4_NVME was looked for
 * @param otherwise - the hint when nothing on this machine can bring the tier about
 */
export function absentTier(
  name: TierName,
  machine: MachineDescription | null,
  temporaryDirectory: string,
  otherwise: string = `Name ${name} in \`tiers\` to simulate it.`,
): Limit {
  if (machine === null) {
    return { what: name, reason: 'The machine could not be looked at', hint: otherwise };
  }
  if (name === 'L4_NVME') {
    return {
      what: name,
      reason: `No directory was given, and the temporary directory ${temporaryDirectory} is not on a local drive`,
      hint: "Give `directory` on a local drive, or `directory: 'auto'`.",
    };
  }
  if (machine.nodes.length === 0) {
    return { what: name, reason: 'No NUMA node could be read from /sys', hint: otherwise };
  }
  const nodes = classifyNodes(machine).filter((nodeClass) => nodeClass.tier === name);
  const forbidden = nodes.filter(({ node }) => !isAllowed(machine, node.id));
  if (forbidden.length > 0 && forbidden.length === nodes.length) {
    const ids = forbidden.map(({ node }) => node.id).join(', ');
    const reason = `The process may not allocate on node${forbidden.length > 1 ? 's' : ''} ${ids}`;
    return { what: name, reason, hint: wider };
  }
  if (machine.permissions.mbind !== 0 && name !== 'L1_DDR' && nodes.length > 0) {
    const reason = `mbind is refused (${errnoName(machine.permissions.mbind)})`;
    return { what: name, reason, hint: capSysNice };
  }
  const origin = name === 'L2_CXL' ? 'cxl' : name === 'L3_PMEM' ? 'pmem' : 'hmem';
  const device = machine.dax.find((dax) => dax.origin === origin && dax.mode !== 'system-ram');
  if (device !== undefined) {
    return {
      what: name,
      reason: `${device.name} is there, but ${device.mode === 'devdax' ? 'in devdax mode, and may hold data' : 'bound to no driver'}`,
      hint: `Put it online with \`daxctl reconfigure-device --mode=system-ram ${device.name}\`, or give its \`devicePath\`.`,
    };
  }
  const reasons: Readonly<Record<Exclude<TierName, 'L4_NVME'>, string>> = {
    L0_HBM: "No NUMA node has twice DDR's bandwidth",
    L1_DDR: 'No NUMA node with CPUs has memory this process may use',
    L2_CXL: 'No CXL memory is online',
    L3_PMEM: 'No persistent memory is online as system RAM or mounted with DAX',
  };
  return { what: name, reason: reasons[name], hint: otherwise };
}
