/** The options of `simulate`, and what they come to. */

import { type CostModel, defaultCosts } from '../policy/cost-model.ts';
import { createPolicy } from '../policy/policies.ts';
import { parseByteSize } from '../tiers/byte-size.ts';
import { type CommandInput, countOption, type OptionSpec, UsageError } from './command.ts';
import { decisionsOption } from './decisions-option.ts';
import {
  type ModelledTierOptions,
  modelledTierOption,
  parseModelledTiers,
} from './modelled-tier-option.ts';

type TextOption = OptionSpec & { readonly type: 'string' };
type TextName =
  | 'policy'
  | 'interval'
  | 'limit'
  | 'sample'
  | 'foreground'
  | 'access-bytes'
  | 'weight'
  | 'warm-up'
  | 'shift'
  | 'decisions'
  | 'explain';

/** The options of the command. */
export const simulateOptions: {
  readonly tier: typeof modelledTierOption;
  readonly oracle: OptionSpec & { readonly type: 'boolean' };
} & { readonly [K in TextName]: TextOption } = {
  tier: modelledTierOption,
  policy: {
    type: 'string',
    placeholder: 'NAME[,NAME…]',
    help: 'Policies to compare, a column each. Default: balanced.',
  },
  interval: {
    type: 'string',
    placeholder: 'N',
    help: 'Requests between two plans. Default: 0.2 % of the objects the fastest tier holds, at least 4.',
  },
  limit: { type: 'string', placeholder: 'N', help: 'Only the first N requests.' },
  sample: {
    type: 'string',
    placeholder: 'N',
    help: 'The policy learns of one in N requests, or of "none". Default 1.',
  },
  foreground: {
    type: 'string',
    placeholder: 'SHARE',
    help: 'Share of a move that the modelled clock waits for, 0 to 1. Default 1.',
  },
  'access-bytes': {
    type: 'string',
    placeholder: 'SIZE',
    help: 'What one access reads or writes of an object at most, or "all" of it. Default 4KiB.',
  },
  weight: {
    type: 'string',
    placeholder: 'N',
    help: 'Accesses one request stands for, for sampled traces. Default 1.',
  },
  'warm-up': {
    type: 'string',
    placeholder: 'N',
    help: 'Requests the figures after the warm-up leave out. Default: the load phase and 20 % of the rest.',
  },
  shift: {
    type: 'string',
    placeholder: 'N',
    help: 'The workload changes after N requests: tells how long policies take to come to rest.',
  },
  decisions: decisionsOption,
  explain: {
    type: 'string',
    placeholder: 'KEY',
    help: 'Tell what became of the object with this key, plan by plan, and why.',
  },
  oracle: {
    type: 'boolean',
    help:
      'Compare with the best placement without moves and with a bound no policy can beat. Takes the whole ' +
      'workload into memory, and seconds per million requests.',
  },
};

/** What they come to. */
export interface SimulateSettings {
  readonly tiers: readonly ModelledTierOptions[];
  readonly policies: readonly string[];
  readonly costs: CostModel;
  readonly interval: number | undefined;
  readonly limit: number | undefined;
  /** 0: the policies see nothing. */
  readonly sampleEvery: number;
  readonly foreground: number;
  readonly weight: number | undefined;
  readonly warmUp: number | undefined;
  readonly shift: number | undefined;
  readonly oracle: boolean;
  /** File for a log of decisions. */
  readonly decisions: string | undefined;
  /** A key to tell the story of. */
  readonly explain: number | undefined;
}

function shareOption(name: string, text: string | undefined): number {
  if (text === undefined) return 1;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > 1) {
    throw new UsageError(`--${name} must be a share from 0 to 1, not "${text}".`);
  }
  return value;
}

function accessBytesOption(text: string | undefined): number {
  if (text === undefined) return defaultCosts.accessBytes;
  if (text === 'all') return Infinity;
  try {
    return parseByteSize('access-bytes', text);
  } catch {
    throw new UsageError(
      `--access-bytes must be a size such as 64 or 4KiB, or all, not "${text}".`,
    );
  }
}

function policiesOption(text: string | undefined): string[] {
  const names = (text ?? 'balanced').split(',');
  for (const [index, name] of names.entries()) {
    createPolicy(name);
    if (names.indexOf(name) !== index) throw new UsageError(`--policy ${name} is given twice.`);
  }
  return names;
}

/** Everything that can be wrong with the call is found here, before anything is read. Throws {@link UsageError}. */
export function simulateSettings({
  options: given,
}: CommandInput<typeof simulateOptions>): SimulateSettings {
  const count = (name: 'interval' | 'limit' | 'weight', minimum = 1): number | undefined =>
    countOption(name, given[name], { minimum });
  // A request that counts for none is not seen.
  const sampled = given.sample === 'none' ? 0 : undefined;
  return {
    tiers: parseModelledTiers(given.tier),
    policies: policiesOption(given.policy),
    costs: { ...defaultCosts, accessBytes: accessBytesOption(given['access-bytes']) },
    interval: count('interval'),
    limit: count('limit'),
    sampleEvery: sampled ?? countOption('sample', given.sample, { minimum: 1 }) ?? 1,
    foreground: shareOption('foreground', given.foreground),
    weight: count('weight'),
    warmUp: countOption('warm-up', given['warm-up'], { minimum: 0 }),
    shift: countOption('shift', given.shift, { minimum: 1 }),
    oracle: given.oracle,
    decisions: given.decisions,
    explain: countOption('explain', given.explain, { minimum: 0 }),
  };
}
