/** What a thread can be pinned to, and why not. Pure. */

import { invalidType, invalidValue, TierError } from '../errors.ts';
import type { NumaNode, NumaTopology } from './topology.ts';

/** Where a thread is to run: a node's number, or CPUs. */
export type ThreadPlacement = number | readonly number[];

/** What a placement means on this machine. */
export interface ThreadTarget {
  /** Ascending, each of them online and allowed; none: wherever the process may run, now and later. */
  readonly cpus: readonly number[];
  /** The node all of them are on; `null` when they are on several. */
  readonly node: number | null;
  /** Prefer this node for memory that the thread touches first. */
  readonly preferNode: number | undefined;
}

const widen =
  "Widen the cpuset (cpuset.cpus, Docker's --cpuset-cpus) or start the process without taskset or numactl.";

function listed(numbers: readonly number[]): string {
  return numbers.length === 0 ? 'none' : numbers.join(', ');
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function checkedNumber(name: string, value: unknown): number {
  if (!isNumber(value)) throw invalidType(name, 'a number', value);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw invalidValue(name, 'a whole number, 0 or more', value);
  }
  return value;
}

function nodeOf(topology: NumaTopology, name: string, value: unknown): NumaNode {
  const id = checkedNumber(name, value);
  const node = topology.node(id);
  if (node === undefined) {
    const there = listed(topology.nodes.map((known) => known.id));
    throw new TierError('ERR_TIER_UNAVAILABLE', `There is no node ${id}; there are: ${there}`, {
      hint:
        topology.nodes.length === 0
          ? 'Mount /sys in the container (read-only is enough), or pin to CPUs.'
          : '`topology.nodes` lists them.',
    });
  }
  if (node.cpus.length === 0) {
    const near = listed(topology.byNearness(id, node.initiators));
    throw new TierError('ERR_TIER_UNAVAILABLE', `Node ${id} has no CPUs to run on`, {
      hint: `Its memory is next to the CPUs of node ${near}: pin to that.`,
    });
  }
  if (node.allowedCpus.length === 0) {
    throw new TierError(
      'ERR_TIER_NO_PERMISSION',
      `The process may not run on node ${id}: of its CPUs ${listed(node.cpus)} none is among those it may use ` +
        `(${listed(topology.allowedCpus)})`,
      { hint: widen },
    );
  }
  return node;
}

function cpusOf(topology: NumaTopology, name: string, values: readonly unknown[]): number[] {
  if (values.length === 0) throw invalidValue(name, 'at least one CPU', values);
  const cpus = [...new Set(values.map((value) => checkedNumber(`${name}[]`, value)))];
  cpus.sort((a, b) => a - b);
  // Where /sys is hidden nothing is known, and the kernel decides.
  if (topology.cpus.length === 0) return cpus;
  const absent = cpus.filter((cpu) => topology.cpu(cpu) === undefined);
  if (absent.length > 0) {
    throw new TierError('ERR_TIER_UNAVAILABLE', `CPU ${listed(absent)} is not online`, {
      hint: '`topology.cpus` lists those that are.',
    });
  }
  const forbidden = cpus.filter((cpu) => !topology.cpu(cpu)?.allowed);
  if (forbidden.length > 0) {
    // The kernel would leave them out and say nothing.
    throw new TierError(
      'ERR_TIER_NO_PERMISSION',
      `The process may not run on CPU ${listed(forbidden)}, only on ${listed(topology.allowedCpus)}`,
      { hint: widen },
    );
  }
  return cpus;
}

/** The one node of some CPUs. */
export function commonNode(topology: NumaTopology, cpus: readonly number[]): number | null {
  const nodes = new Set(cpus.map((cpu) => topology.cpu(cpu)?.node ?? null));
  return nodes.size === 1 ? [...nodes][0]! : null;
}

/**
 * Checks a placement. `preferMemory`: memory that the thread touches first is asked of its node explicitly.
 *
 * @param name - what the caller calls it, for messages
 * @throws TypeError or RangeError for what makes no sense anywhere; TierError `ERR_TIER_UNAVAILABLE` for a node or
 * CPU that is not there, or a node without CPUs, `ERR_TIER_NO_PERMISSION` for what the cpuset does not have
 */
export function resolveTarget(
  topology: NumaTopology,
  name: string,
  placement: unknown,
  preferMemory: boolean,
): ThreadTarget {
  const isList = Array.isArray(placement);
  if (!isList && !isNumber(placement)) {
    throw invalidType(name, 'a node number or an array of CPU numbers', placement);
  }
  const cpus = isList
    ? cpusOf(topology, name, placement)
    : nodeOf(topology, name, placement).allowedCpus;
  const node = isList ? commonNode(topology, cpus) : placement;
  if (!preferMemory) return { cpus, node, preferNode: undefined };
  if (node === null) {
    throw invalidValue(name, 'CPUs of one node when `preferMemory` is set', placement);
  }
  if (topology.node(node)?.memoryAllowed !== true) {
    throw new TierError('ERR_TIER_UNAVAILABLE', `Node ${node} has no memory for this process`, {
      hint: 'Leave `preferMemory` out: the kernel then takes memory from the nearest node that has some.',
    });
  }
  return { cpus, node, preferNode: node };
}
