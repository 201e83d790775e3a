/** `memory-tiers numa`: which node has what, how far it is from whom, and where a process runs and has its memory. */

import { TierError } from '../errors.ts';
import { type NativeBinding, nativeBinding } from '../native.ts';
import { countersSince } from '../numa/kernel-counters.ts';
import type { RawKernelCounters } from '../numa/numa-binding.ts';
import { watchProcess } from '../numa/process-watch.ts';
import { describeTopology, NumaTopology } from '../numa/topology.ts';
import { HardwareTierManager } from '../tiers/hardware-tier-manager.ts';
import type { TierOptions } from '../tiers/tier-options.ts';
import { type Command, countOption, defineCommand } from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { numaFindings } from './numa-findings.ts';
import { type NumaFacts, renderNuma } from './numa-report.ts';
import { parseTierOptions, tierOption } from './tier-option.ts';

/** What to look at. */
export interface NumaLook {
  /** The tiers to show; without them those that memory-tiers would use. */
  readonly tiers?: readonly TierOptions[];
  readonly directory?: string | undefined;
  readonly pid?: number | undefined;
  /** How long to watch the process. */
  readonly durationMs: number;
  /** Directory that holds `/sys` and `/proc`; '' is the running system. For tests. */
  readonly root?: string;
}

/** Counters begin at 0 when the machine is started. */
const never: RawKernelCounters = { nodes: [], balancingMode: null, balancing: null };

/**
 * Everything the command tells; without the native part that it is missing.
 *
 * @throws TierError `ERR_TIER_UNAVAILABLE` when there is no such process, `ERR_TIER_NATIVE` when one was asked for and
 * the native part is missing; what `HardwareTierManager.detect` throws
 */
export async function lookAtNodes(
  native: NativeBinding | TierError,
  look: NumaLook,
): Promise<NumaFacts> {
  const { pid, durationMs, directory, root = '' } = look;
  if (native instanceof TierError) {
    if (pid !== undefined) throw native;
    const nothing = { topology: new NumaTopology(), machine: null, process: null, tiers: [] };
    const reason = native.message.replace(/\s+/g, ' ').trim();
    const hint = native.hint ?? 'Build the native part with `npm run build:native`.';
    const findings = [{ what: 'The machine cannot be looked at', reason, hint }];
    return { ...nothing, counters: countersSince(never, never), findings };
  }
  const machine = native.describeMachine(root);
  const topology = describeTopology(machine, native.describeCpus(root));
  const { tiers } = HardwareTierManager.detect({
    machine,
    ...(look.tiers !== undefined && { tiers: look.tiers }),
    ...(directory !== undefined && { directory }),
  });
  const process =
    pid === undefined ? null : await watchProcess(native, topology, pid, { durationMs, root });
  const counters = countersSince(native.kernelCounters(root), never);
  const situation = { topology, machine, counters, process };
  return { ...situation, tiers, findings: numaFindings(situation) };
}

/** Prints nodes, tiers and counters; with `--pid` also the threads and the memory of a process. */
export const numaCommand: Command = defineCommand({
  name: 'numa',
  summary: 'show nodes, what is near whom, and what of a process is remote',
  description:
    'Shows the NUMA nodes with their CPUs and tiers, how far each tier is from the CPUs of each node, and what the ' +
    'kernel counted; with --pid also where the threads of a process run and where its memory is. Says what follows ' +
    'from that, or that there is nothing to do. Changes nothing.',
  positionals: [],
  options: {
    pid: {
      type: 'string',
      placeholder: 'PID',
      help: 'Look at this process, too: one of yours, or any as root.',
    },
    seconds: {
      type: 'string',
      placeholder: 'N',
      help: 'How long to watch its threads; 0 is one look. Default 1.',
    },
    tier: tierOption,
    directory: { type: 'string', placeholder: 'PATH', help: 'Directory for L4_NVME.' },
  },
  example: 'numa --pid $(pgrep -o node)',
  async run({ options, json, io }) {
    const pid = countOption('pid', options.pid, { minimum: 1 });
    const seconds = countOption('seconds', options.seconds, { minimum: 0 }) ?? 1;
    const tiers = parseTierOptions(options.tier);
    const facts = await lookAtNodes(nativeBinding(), {
      pid,
      durationMs: seconds * 1000,
      directory: options.directory,
      ...(tiers.length > 0 && { tiers }),
    });
    if (json) writeJson(io.stdout, toJson(facts));
    else io.stdout.write(renderNuma(facts, paintFor(io.stdout, io.env)));
    return 0;
  },
});

/** The facts as one document: without the machine, which `topology --json` prints. */
function toJson({ topology, tiers, counters, process, findings }: NumaFacts): unknown {
  const { sockets, nodes, cpus, allowedCpus, allowedNodes, unreadable } = topology;
  const distances = nodes.map((from) => nodes.map((to) => topology.distance(from.id, to.id)));
  const layout = { sockets, nodes, cpus, distances, allowedCpus, allowedNodes, unreadable };
  return { topology: layout, tiers, counters, process, findings };
}
