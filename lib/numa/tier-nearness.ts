/** Which backends of a tier are near to whom, and how wide the way to them is, as the store needs it. */

import { TierError } from '../errors.ts';
import { nativeBinding } from '../native.ts';
import type { MachineDescription } from '../tiers/machine-description.ts';
import { classifyNodes } from '../tiers/node-class.ts';
import type { Tier } from '../tiers/tier.ts';
import { backendsByNearness } from './backend-nearness.ts';
import { CallerNode } from './caller-node.ts';
import { threadState } from './thread-state.ts';

/** What is near, on this machine and for one set of tiers. */
export interface Nearness {
  /** The node of the calling thread; may be a few questions old. */
  callerNode(): number;
  /** The same as of now. */
  lookForCaller(): number;
  /** Backends of a tier by their index in it, nearest to a node first. Some microseconds: keep it. */
  order(tier: number, from: number): readonly number[];
}

/** Of this machine; undefined without the addon, and where no tier has two backends: nothing is to be chosen there. */
export function tierNearness(tiers: readonly Tier[]): Nearness | undefined {
  if (tiers.every(({ backends }) => backends.length < 2)) return undefined;
  const native = nativeBinding();
  if (native instanceof TierError) return undefined;
  const { source, pins } = threadState(native);
  const caller = new CallerNode(
    () => native.currentNode(),
    () => pins.target,
  );
  return {
    callerNode: () => caller.get(),
    lookForCaller: () => caller.look(),
    order: (tier, from) => {
      const { topology, machine } = source;
      return backendsByNearness(topology, machine, tiers[tier]!, from).map(({ index }) => index);
    },
  };
}

/** This machine; undefined without the addon. */
export function thisMachine(): MachineDescription | undefined {
  const native = nativeBinding();
  return native instanceof TierError ? undefined : threadState(native).source.machine;
}

/**
 * Bytes a second of memory on these nodes as the firmware has it (HMAT), the lower of reading and writing, as the
 * kernel weighs its own interleaving by (Linux 6.16); undefined when it is silent about one of them.
 */
export function firmwareBandwidths(
  machine: MachineDescription,
  nodes: readonly number[],
): number[] | undefined {
  const figures = new Map(classifyNodes(machine).map((one) => [one.node.id, one.figures]));
  const known = nodes.flatMap((node) => {
    const { readBytesPerSecond: read, writeBytesPerSecond: write } = figures.get(node) ?? {
      readBytesPerSecond: null,
      writeBytesPerSecond: null,
    };
    const least = Math.min(read ?? write ?? 0, write ?? read ?? 0);
    return least > 0 ? [least] : [];
  });
  return known.length === nodes.length ? known : undefined;
}

/** The same of the machine that this runs on; undefined also where there is no describing it. */
export function bandwidthsOfThisMachine(nodes: readonly number[]): number[] | undefined {
  const machine = thisMachine();
  return machine && firmwareBandwidths(machine, nodes);
}
