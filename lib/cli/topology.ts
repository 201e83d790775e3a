/** `memory-tiers topology`: what this machine has, which tiers come of it, and what is missing. */

import { probeHotnessSources } from '../memory/hotness-sources.ts';
import type { TierCalibration } from '../tiers/calibrate-tiers.ts';
import { HardwareTierManager } from '../tiers/hardware-tier-manager.ts';
import { type Command, defineCommand } from './command.ts';
import { paintFor, writeJson } from './command-io.ts';
import { parseTierOption, tierOption } from './tier-option.ts';
import { renderTopology } from './topology-report.ts';

/** Prints nodes, devices, tiers, evidence and limits; measures the tiers when asked to. */
export const topologyCommand: Command = defineCommand({
  name: 'topology',
  summary: 'show nodes, devices, tiers and what is missing',
  description:
    'Describes the machine as this process sees it, and the tiers that come of it, with the source of ' +
    'every figure and the reason for every limit. Nothing is allocated, except by --calibrate.',
  positionals: [],
  options: {
    tier: tierOption,
    directory: {
      type: 'string',
      placeholder: 'PATH',
      help: 'Directory for L4_NVME.',
    },
    'policy-file': {
      type: 'string',
      placeholder: 'PATH',
      help: 'JSON file with policy and tier settings.',
    },
    calibrate: {
      type: 'boolean',
      help: 'Measure latency and bandwidth of each tier in use, about a second per backend.',
    },
  },
  example: 'topology --calibrate',
  async run({ options, json, io }) {
    const { tier, directory, 'policy-file': policyFile } = options;
    const manager = HardwareTierManager.detect({
      ...(tier.length > 0 && { tiers: tier.map(parseTierOption) }),
      ...(directory !== undefined && { directory }),
      ...(policyFile !== undefined && { policyFile }),
    });
    let calibrations: readonly TierCalibration[] = [];
    if (options.calibrate) calibrations = await manager.calibrate();
    const { machine, tiers, available, limits, policy } = manager;
    const hotness = probeHotnessSources();
    if (json) {
      writeJson(io.stdout, {
        machine,
        tiers,
        available,
        limits,
        hotness,
        ...(policy !== undefined && { policy }),
        ...(options.calibrate && { calibrations }),
      });
    } else {
      io.stdout.write(
        renderTopology(
          { machine, tiers, available, limits, hotness },
          paintFor(io.stdout, io.env),
          calibrations,
        ),
      );
    }
    return 0;
  },
});
